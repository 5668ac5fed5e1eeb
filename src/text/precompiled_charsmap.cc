#include "text/precompiled_charsmap.h"

#include <fmt/format.h>

#include "text/utf8.h"

namespace sterna {
namespace {

// A unit of darts-clone (darts.h DoubleArrayUnit).
constexpr bool HasLeaf(uint32_t unit) {
  return ((unit >> 8) & 1) != 0;
}
constexpr uint32_t Value(uint32_t unit) {
  return unit & 0x7FFFFFFF;
}
constexpr uint32_t Label(uint32_t unit) {
  return unit & 0x800000FF;
}
constexpr uint32_t Offset(uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) >> 6);
}

uint32_t ReadU32(std::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number |= uint32_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return number;
}

}  // namespace

Result<PrecompiledCharsmap> PrecompiledCharsmap::Parse(std::string_view blob, std::string_view where) {
  if (blob.size() > kMaxBytes) {
    return Unsupported(fmt::format("{}: {} bytes, at most {} are accepted", where, blob.size(), kMaxBytes));
  }
  if (blob.size() <= 4) return Malformed(fmt::format("{}: {} bytes, expected at least 5", where, blob.size()));
  const uint32_t array_bytes = ReadU32(blob);
  blob.remove_prefix(4);
  if (array_bytes % 4 != 0 || array_bytes == 0 || array_bytes > blob.size()) {
    return Malformed(fmt::format("{}: array of {} bytes, expected a multiple of 4 up to {}", where, array_bytes, blob.size()));
  }
  PrecompiledCharsmap map;
  map.units_.reserve(array_bytes / 4);
  for (size_t i = 0; i < array_bytes; i += 4) map.units_.push_back(ReadU32(blob.substr(i)));
  map.pool_ = std::string(blob.substr(array_bytes));
  if (!map.pool_.empty() && map.pool_.back() != '\0') return Malformed(fmt::format("{}: the last text has no end", where));
  if (ValidUtf8Prefix(map.pool_) != map.pool_.size()) return Malformed(fmt::format("{}: the texts are not valid UTF-8", where));
  return map;
}

std::string_view PrecompiledCharsmap::Content(uint32_t offset) const {
  if (offset >= pool_.size()) return {};
  return pool_.c_str() + offset;
}

std::optional<PrecompiledCharsmap::Rule> PrecompiledCharsmap::Find(std::string_view text, bool longest) const {
  std::optional<Rule> found;
  uint32_t node = Offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte == 0) break;
    node ^= byte;
    if (node >= units_.size() || Label(units_[node]) != byte) break;
    const uint32_t unit = units_[node];
    node ^= Offset(unit);
    if (!HasLeaf(unit)) continue;
    if (node >= units_.size()) break;
    found = Rule{i + 1, Content(Value(units_[node]))};
    if (!longest) break;
  }
  return found;
}

}  // namespace sterna
