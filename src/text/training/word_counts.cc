#include "text/training/word_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace sterna {
namespace {

// Multiply and fold, eight bytes at a time; the constants are the fractional parts of the golden ratio and of sqrt(3).
uint64_t Hash(std::string_view word) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;
  constexpr uint64_t kRootOfThree = 0xBB67AE8584CAA73B;
  uint64_t hash = word.size() * kGolden;
  for (size_t at = 0; at < word.size(); at += sizeof(uint64_t)) {
    uint64_t part = 0;
    std::memcpy(&part, word.data() + at, std::min(sizeof(part), word.size() - at));
    hash = (hash ^ part) * kRootOfThree;
    hash ^= hash >> 29;
  }
  return hash * kGolden;
}

}  // namespace

Status WordCounts::Add(std::string_view word) {
  if (word.size() > kMaxBytes - bytes_.size()) {
    return ResourceExhausted(fmt::format("the distinct words of the text are longer than {} bytes in all", kMaxBytes));
  }
  const auto next = static_cast<uint32_t>(words_.size());
  const uint32_t index = table_.FindOrAdd(Hash(word), next, [&](uint32_t candidate) { return this->word(candidate) == word; });
  if (index == next) {
    words_.push_back({static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(word.size()), 0});
    bytes_.append(word);
  }
  ++words_[index].count;
  ++total_;
  return Status::Ok();
}

}  // namespace sterna
