// Finds a name that occurs twice. By sorting: a hash table would let a file choose names that collide.
#ifndef STERNA_FORMATS_UNIQUE_NAMES_INTERNAL_H_
#define STERNA_FORMATS_UNIQUE_NAMES_INTERNAL_H_

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/weight_source.h"

namespace sterna {

inline std::optional<std::string_view> FirstRepeatedName(std::vector<std::string_view> names) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return std::nullopt;
  return *twice;
}

inline std::optional<std::string_view> FirstRepeatedName(std::span<const TensorEntry> entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const TensorEntry& entry : entries) names.push_back(entry.name);
  return FirstRepeatedName(std::move(names));
}

}  // namespace sterna

#endif  // STERNA_FORMATS_UNIQUE_NAMES_INTERNAL_H_
