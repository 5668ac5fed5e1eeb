#include "formats/byte_reader.h"

#include <fmt/format.h>

#include "formats/quoted.h"

namespace sterna {

Result<std::span<const std::byte>> ByteReader::ReadBytes(std::string_view field, uint64_t count) {
  if (remaining() < count) return Truncated(field, count);
  const auto out = bytes_.subspan(offset_, count);
  offset_ += count;
  return out;
}

Result<std::string_view> ByteReader::ReadString(std::string_view field, uint64_t limit_bytes) {
  const uint64_t at = offset_;
  STERNA_ASSIGN_OR_RETURN(const auto length, Read<uint64_t>(field));
  if (length > remaining()) {
    return Wrong(at, field, fmt::format("a length within the {} bytes that remain", remaining()), length);
  }
  if (length > limit_bytes) return Wrong(at, field, fmt::format("at most {} bytes", limit_bytes), length);
  const std::string_view out = AsText(bytes_.subspan(offset_, length));
  offset_ += length;
  return out;
}

std::string ByteReader::Where(uint64_t at) const {
  std::string where = fmt::format("{}: byte {}", file_, at);
  if (!record_kind_.empty()) where += fmt::format(": {} {}", record_kind_, record_index_);
  if (!record_kind_.empty() && !record_name_.empty()) where += ' ' + Quoted(record_name_);
  return where;
}

Status ByteReader::Wrong(uint64_t at, std::string_view field, std::string_view expected, std::string_view found) const {
  return Malformed(fmt::format("{}: {}: expected {}, found {}", Where(at), field, expected, found));
}

Status ByteReader::Wrong(uint64_t at, std::string_view field, std::string_view expected, uint64_t found) const {
  return Wrong(at, field, expected, fmt::format("{}", found));
}

Status ByteReader::Truncated(std::string_view field, uint64_t wanted_bytes) const {
  return Wrong(offset_, field, fmt::format("{} more bytes", wanted_bytes),
               fmt::format("the end of the file at byte {}", bytes_.size()));
}

}  // namespace sterna
