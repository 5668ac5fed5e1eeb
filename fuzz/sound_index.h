// What must hold for every file a parser accepts, whatever its bytes: the fuzzers abort where it does not.
#ifndef STERNA_FUZZ_SOUND_INDEX_H_
#define STERNA_FUZZ_SOUND_INDEX_H_

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <span>
#include <vector>

#include "formats/weight_source.h"

namespace sterna {

inline void Demand(bool holds) {
  if (!holds) std::abort();
}

/// Every entry has a name and exactly the bytes of its shape, inside `file`, and shares none with another entry.
inline void DemandSoundIndex(std::span<const TensorEntry> entries, std::span<const std::byte> file) {
  const std::byte* const file_end = file.data() + file.size();
  std::vector<std::span<const std::byte>> ranges;
  for (const TensorEntry& entry : entries) {
    Demand(!entry.name.empty());
    const auto bytes = TensorBytes(entry.dtype, entry.shape);
    Demand(bytes.ok() && static_cast<size_t>(*bytes) == entry.data.size());
    if (entry.data.empty()) continue;
    const std::byte* const end = entry.data.data() + entry.data.size();
    Demand(!std::less<>()(entry.data.data(), file.data()) && !std::less<>()(file_end, end));
    ranges.push_back(entry.data);
  }
  std::sort(ranges.begin(), ranges.end(), [](auto a, auto b) { return std::less<>()(a.data(), b.data()); });
  for (size_t i = 1; i < ranges.size(); ++i) Demand(ranges[i - 1].data() + ranges[i - 1].size() <= ranges[i].data());
}

}  // namespace sterna

#endif  // STERNA_FUZZ_SOUND_INDEX_H_
