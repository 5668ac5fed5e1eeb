// Reads little-endian numbers and strings from bytes in memory, never past their end; every error says file, byte offset and field.
#ifndef STERNA_FORMATS_BYTE_READER_H_
#define STERNA_FORMATS_BYTE_READER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/status.h"

namespace sterna {

static_assert(std::endian::native == std::endian::little, "file formats are read and written as the machine holds numbers");

/// A cursor over bytes it does not own. The caller may name the record it is in, so that errors read
/// "FILE: byte 96: tensor 3 'blk.0.attn_q.weight': dimension: expected …, found …". One thread.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  void EnterRecord(std::string_view kind, uint64_t index) {
    record_kind_ = kind;
    record_index_ = index;
    record_name_ = {};
  }
  /// `name` must outlive the record.
  void NameRecord(std::string_view name) { record_name_ = name; }
  void LeaveRecord() { record_kind_ = {}; }

  template <class T>
  Result<T> Read(std::string_view field) {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>, "a byte from a file is not a bool until it is checked");
    if (remaining() < sizeof(T)) return Truncated(field, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  /// A view of the next `count` bytes.
  Result<std::span<const std::byte>> ReadBytes(std::string_view field, uint64_t count);
  /// u64 length, then that many bytes. A view into the file. The length is checked against `limit_bytes` and the rest of the file.
  Result<std::string_view> ReadString(std::string_view field, uint64_t limit_bytes);

  /// Malformed: "FILE: byte AT: RECORD: FIELD: expected EXPECTED, found FOUND".
  Status Wrong(uint64_t at, std::string_view field, std::string_view expected, std::string_view found) const;
  Status Wrong(uint64_t at, std::string_view field, std::string_view expected, uint64_t found) const;
  /// "FILE: byte AT: RECORD", for messages with another ending.
  std::string Where(uint64_t at) const;

 private:
  Status Truncated(std::string_view field, uint64_t wanted_bytes) const;

  std::span<const std::byte> bytes_;
  std::string_view file_;
  uint64_t offset_ = 0;
  std::string_view record_kind_;
  uint64_t record_index_ = 0;
  std::string_view record_name_;
};

}  // namespace sterna

#endif  // STERNA_FORMATS_BYTE_READER_H_
