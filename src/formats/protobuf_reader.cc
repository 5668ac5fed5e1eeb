#include "formats/protobuf_reader.h"

#include <fmt/format.h>

#include <cstring>

#include "formats/quoted.h"

namespace sterna {

Status ProtobufReader::Wrong(std::string_view what) const {
  return Malformed(fmt::format("byte {}: {}", rest_.data() - file_bytes_.data(), what));
}

Result<uint64_t> ProtobufReader::Varint() {
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (rest_.empty()) return Wrong("a number: expected another byte, found the end of its message");
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_ = rest_.subspan(1);
    // The tenth byte has room for one more bit, and none may follow.
    if (shift == 63 && byte > 1) return Wrong("a number: expected at most 10 bytes and 64 bits, found more");
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

Result<std::optional<ProtobufField>> ProtobufReader::Next() {
  if (rest_.empty()) return std::optional<ProtobufField>();
  STERNA_ASSIGN_OR_RETURN(const uint64_t tag, Varint());
  constexpr uint64_t kMaxFieldNumber = (uint64_t{1} << 29) - 1;
  ProtobufField field;
  if (tag >> 3 == 0 || tag >> 3 > kMaxFieldNumber) {
    return Wrong(fmt::format("a field: expected a number from 1 to {}, found {}", kMaxFieldNumber, tag >> 3));
  }
  field.number = static_cast<uint32_t>(tag >> 3);
  const auto fixed = [&](size_t bytes) -> Status {
    if (rest_.size() < bytes) return Wrong(fmt::format("field {}: expected {} bytes, found {}", field.number, bytes, rest_.size()));
    std::memcpy(&field.value, rest_.data(), bytes);
    rest_ = rest_.subspan(bytes);
    return Status::Ok();
  };
  switch (tag & 7) {
    case 0: {
      STERNA_ASSIGN_OR_RETURN(field.value, Varint());
      break;
    }
    case 1:
      field.type = WireType::kFixed64;
      STERNA_RETURN_IF_ERROR(fixed(8));
      break;
    case 5:
      field.type = WireType::kFixed32;
      STERNA_RETURN_IF_ERROR(fixed(4));
      break;
    case 2: {
      field.type = WireType::kBytes;
      STERNA_ASSIGN_OR_RETURN(const uint64_t length, Varint());
      if (length > rest_.size()) {
        return Wrong(fmt::format("field {}: length: expected at most {} bytes, found {}", field.number, rest_.size(), length));
      }
      field.bytes = rest_.first(static_cast<size_t>(length));
      rest_ = rest_.subspan(static_cast<size_t>(length));
      break;
    }
    default:
      return Wrong(fmt::format("field {}: expected wire type 0, 1, 2 or 5, found {}", field.number, tag & 7));
  }
  return std::optional<ProtobufField>(field);
}

Result<ProtobufReader> ProtobufReader::Message(const ProtobufField& field, std::string_view what) const {
  if (field.type != WireType::kBytes) return Wrong(fmt::format("{}: expected a message, found a number", what));
  return ProtobufReader(field.bytes, file_bytes_);
}

Result<std::string_view> ProtobufReader::Text(const ProtobufField& field, std::string_view what, size_t limit_bytes) const {
  if (field.type != WireType::kBytes) return Wrong(fmt::format("{}: expected text, found a number", what));
  if (field.bytes.size() > limit_bytes) {
    return Wrong(fmt::format("{}: expected at most {} bytes, found {}", what, limit_bytes, field.bytes.size()));
  }
  return AsText(field.bytes);
}

Result<int64_t> ProtobufReader::Int(const ProtobufField& field, std::string_view what) const {
  if (field.type != WireType::kVarint) return Wrong(fmt::format("{}: expected a whole number, found another kind of value", what));
  return static_cast<int64_t>(field.value);
}

}  // namespace sterna
