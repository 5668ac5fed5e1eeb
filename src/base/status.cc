#include "base/status.h"

#include <cerrno>
#include <cstring>

namespace sterna {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid argument";
    case StatusCode::kNotFound:
      return "not found";
    case StatusCode::kMalformed:
      return "malformed";
    case StatusCode::kUnsupported:
      return "unsupported";
    case StatusCode::kOutOfRange:
      return "out of range";
    case StatusCode::kResourceExhausted:
      return "resource exhausted";
    case StatusCode::kIo:
      return "io";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::kOk) detail_ = std::make_shared<const Detail>(Detail{code, std::move(message)});
}

Status Status::WithContext(std::string_view where) const {
  if (ok()) return *this;
  std::string message(where);
  message += ": ";
  message += detail_->message;
  return Status(detail_->code, std::move(message));
}

Status InvalidArgument(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}
Status NotFound(std::string message) {
  return Status(StatusCode::kNotFound, std::move(message));
}
Status Malformed(std::string message) {
  return Status(StatusCode::kMalformed, std::move(message));
}
Status Unsupported(std::string message) {
  return Status(StatusCode::kUnsupported, std::move(message));
}
Status OutOfRange(std::string message) {
  return Status(StatusCode::kOutOfRange, std::move(message));
}
Status ResourceExhausted(std::string message) {
  return Status(StatusCode::kResourceExhausted, std::move(message));
}
Status IoError(std::string message) {
  return Status(StatusCode::kIo, std::move(message));
}
Status Cancelled(std::string message) {
  return Status(StatusCode::kCancelled, std::move(message));
}
Status Internal(std::string message) {
  return Status(StatusCode::kInternal, std::move(message));
}

Status IoErrorFromErrno(std::string_view what, int error_number) {
  char text[256] = "";
  // The GNU variant returns the text, which may or may not lie in `text`; it is thread-safe, unlike strerror.
  const char* words = strerror_r(error_number, text, sizeof text);
  std::string message(what);
  message += ": ";
  message += words;
  return Status(error_number == ENOENT ? StatusCode::kNotFound : StatusCode::kIo, std::move(message));
}

}  // namespace sterna
