// Errors as values: a Status says whether a call worked and, where not, what, where, expected and found.
#ifndef STERNA_BASE_STATUS_H_
#define STERNA_BASE_STATUS_H_

#include <cassert>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sterna {

/// What kind of thing went wrong; callers branch on it (exit codes, HTTP status), people read the message.
enum class StatusCode : uint8_t {
  kOk,
  kInvalidArgument,    ///< the caller's request is wrong: a flag, a token id, an empty prompt
  kNotFound,           ///< a file, tensor, key or name does not exist
  kMalformed,          ///< bytes from outside break the rules of their format
  kUnsupported,        ///< well-formed, but nothing here can run it: type, architecture, CPU feature
  kOutOfRange,         ///< past a limit: context length, file size
  kResourceExhausted,  ///< memory, disk or another budget is used up
  kIo,                 ///< the operating system refused: message carries its words
  kCancelled,          ///< the user or caller asked to stop
  kInternal,           ///< our own mistake, reported instead of aborting
};

/// Lower-case name of a code, for logs and --json output: "malformed", "not found", …
std::string_view StatusCodeName(StatusCode code);

/// Success, or a code and a message. Cheap to return (one pointer); copyable; thread-compatible.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message);

  static Status Ok() { return {}; }

  bool ok() const { return detail_ == nullptr; }
  StatusCode code() const { return detail_ ? detail_->code : StatusCode::kOk; }
  /// Empty on success.
  std::string_view message() const { return detail_ ? std::string_view(detail_->message) : std::string_view(); }

  /// The same error with `where` and ": " put in front of its message; success stays success.
  Status WithContext(std::string_view where) const;

 private:
  struct Detail {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Detail> detail_;
};

Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status Malformed(std::string message);
Status Unsupported(std::string message);
Status OutOfRange(std::string message);
Status ResourceExhausted(std::string message);
Status IoError(std::string message);
/// IoError with the text of `error_number` (an errno value): "PATH: cannot open: No such file or directory".
Status IoErrorFromErrno(std::string_view what, int error_number);
Status Cancelled(std::string message);
Status Internal(std::string message);

/// A value, or the Status that says why there is none. Never holds an ok Status.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit, so that `return value;` reads well
  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }  // NOLINT: implicit for the same reason

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & {
    assert(ok());
    return *value_;
  }
  const T& value() const& {
    assert(ok());
    return *value_;
  }
  T&& value() && {
    assert(ok());
    return *std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Result WithContext(std::string_view where) && {
    if (ok()) return std::move(*this);
    return status_.WithContext(where);
  }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace sterna

// Propagation cannot be a function. These two are the only statement macros of the code base (docs/decisions/001).
#define STERNA_RETURN_IF_ERROR(expression)                                      \
  do {                                                                          \
    if (::sterna::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define STERNA_CONCATENATE_INNER(a, b) a##b
#define STERNA_CONCATENATE(a, b) STERNA_CONCATENATE_INNER(a, b)
/// STERNA_ASSIGN_OR_RETURN(auto x, MakeX()): x is the value, or the enclosing function returns the error.
#define STERNA_ASSIGN_OR_RETURN(declaration, expression) \
  STERNA_ASSIGN_OR_RETURN_IMPL(STERNA_CONCATENATE(result_, __LINE__), declaration, expression)
#define STERNA_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                         \
  if (!result.ok()) return result.status();                           \
  declaration = std::move(result).value()

#endif  // STERNA_BASE_STATUS_H_
