// Byte-pair merges of words of usual length, in fixed memory.
#ifndef STERNA_TEXT_SHORT_WORD_H_
#define STERNA_TEXT_SHORT_WORD_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "text/token_table.h"

namespace sterna {

/// A word's symbols from left to right, each with the merge with its neighbour to the right, while they merge.
class ShortWord {
 public:
  /// Up to here looking at all ranks for the least is faster than a heap.
  static constexpr size_t kMaxSymbols = 64;
  /// Ranks must be below.
  static constexpr uint32_t kMaxRank = (uint32_t{1} << 25) - 1;

  void Clear() { count_ = 0; }
  size_t count() const { return count_; }
  /// Precondition: count() < kMaxSymbols.
  void Add(int32_t id, uint32_t begin) {
    ids_.data()[count_] = id;
    begins_.data()[count_] = begin;
    ++count_;
  }
  int32_t id(size_t symbol) const { return ids_[symbol]; }
  /// For every symbol but the last.
  void SetMerge(size_t symbol, const Merge& merge) {
    keys_.data()[symbol] = Key(merge.rank, symbol);
    merged_.data()[symbol] = merge.id;
  }

  /// All merges, the one of the least rank first, the leftmost of equals. Precondition: count() > 0.
  void Run(const MergeIndex& merges);

  /// use(id, begin, end) for the symbols that are left; bytes: of the word.
  template <class Use>
  void ForEach(uint32_t bytes, const Use& use) const {
    for (size_t i = 0; i < count_; i = next_.data()[i]) {
      use(ids_.data()[i], begins_.data()[i], next_.data()[i] < count_ ? begins_.data()[next_.data()[i]] : bytes);
    }
  }

 private:
  // Rank and place in one number, so that the least of all numbers is the next merge and where it is.
  static constexpr int32_t kNoMerge = INT32_MAX;
  static int32_t Key(uint32_t rank, size_t symbol) {
    return rank == Merge::kNoRank ? kNoMerge : static_cast<int32_t>(rank << 6 | symbol);
  }

  size_t count_ = 0;
  alignas(64) std::array<int32_t, kMaxSymbols> keys_;
  std::array<int32_t, kMaxSymbols> ids_;
  std::array<int32_t, kMaxSymbols> merged_;  // what the merge gives
  std::array<uint32_t, kMaxSymbols> begins_;
  std::array<uint8_t, kMaxSymbols> next_;
  std::array<uint8_t, kMaxSymbols> previous_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_SHORT_WORD_H_
