// Reads the fields of one protobuf message that lies in memory (protobuf.dev/programming-guides/encoding), never past its end.
#ifndef STERNA_FORMATS_PROTOBUF_READER_H_
#define STERNA_FORMATS_PROTOBUF_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/status.h"

namespace sterna {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct ProtobufField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;                     ///< of a varint or a fixed number
  std::span<const std::byte> bytes = {};  ///< of a string, a message or packed numbers: a view into the file
};

/// A cursor over the fields of one message, in file order. Messages inside are bytes to it: whoever wants them opens another reader
/// on them, so that depth is bounded by code, not by the file. One thread.
class ProtobufReader {
 public:
  /// `message` lies in `file_bytes`, which offsets in errors count from.
  ProtobufReader(std::span<const std::byte> message, std::span<const std::byte> file_bytes)
      : rest_(message), file_bytes_(file_bytes) {}

  /// Nothing at the end of the message. Malformed, naming the byte: a varint above ten bytes or 64 bits, a length past the end,
  /// field number 0 or above 2^29 - 1, groups and wire types that do not exist.
  Result<std::optional<ProtobufField>> Next();

  /// A reader on the message that `field` holds. Malformed where it is no bytes.
  Result<ProtobufReader> Message(const ProtobufField& field, std::string_view what) const;
  /// The text or bytes of a field. Malformed where it is none; `limit_bytes` bounds it.
  Result<std::string_view> Text(const ProtobufField& field, std::string_view what, size_t limit_bytes) const;
  /// A varint field as a signed number.
  Result<int64_t> Int(const ProtobufField& field, std::string_view what) const;

  /// Malformed: "byte AT: WHAT", AT being where the last field ended.
  Status Wrong(std::string_view what) const;
  bool at_end() const { return rest_.empty(); }

 private:
  Result<uint64_t> Varint();

  std::span<const std::byte> rest_, file_bytes_;
};

}  // namespace sterna

#endif  // STERNA_FORMATS_PROTOBUF_READER_H_
