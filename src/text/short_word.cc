#include "text/short_word.h"

#include <algorithm>

namespace sterna {

void ShortWord::Run(const MergeIndex& merges) {
  constexpr size_t kLanes = 16;
  const size_t padded = (count_ + kLanes - 1) / kLanes * kLanes;
  int32_t* const keys = keys_.data();
  int32_t* const ids = ids_.data();
  uint8_t* const next = next_.data();
  uint8_t* const previous = previous_.data();
  std::fill(keys + count_ - 1, keys + padded, kNoMerge);
  for (size_t i = 0; i < count_; ++i) {
    next[i] = static_cast<uint8_t>(i + 1);
    previous[i] = static_cast<uint8_t>(i - 1);
  }
  const auto rank = [&](size_t left, size_t right) { SetMerge(left, merges.Find(ids[left], ids[right])); };
  for (;;) {
    std::array<int32_t, kLanes> lanes;
    std::copy(keys, keys + kLanes, lanes.data());
    for (size_t i = kLanes; i < padded; i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) lanes.data()[lane] = std::min(lanes.data()[lane], keys[i + lane]);
    }
    for (size_t width = kLanes / 2; width > 0; width /= 2) {
      for (size_t lane = 0; lane < width; ++lane) lanes.data()[lane] = std::min(lanes.data()[lane], lanes.data()[lane + width]);
    }
    const int32_t least = lanes.data()[0];
    if (least == kNoMerge) return;
    const size_t at = static_cast<size_t>(least) % kMaxSymbols;
    const size_t gone = next[at];
    const size_t after = next[gone];
    ids[at] = merged_.data()[at];
    keys[gone] = kNoMerge;
    keys[at] = kNoMerge;
    next[at] = static_cast<uint8_t>(after);
    if (after < count_) {
      previous[after] = static_cast<uint8_t>(at);
      rank(at, after);
    }
    if (at > 0) rank(previous[at], at);
  }
}

}  // namespace sterna
