// The distinct words of a text as token ids, in which pairs are merged.
#ifndef STERNA_TEXT_TRAINING_SYMBOL_WORDS_H_
#define STERNA_TEXT_TRAINING_SYMBOL_WORDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/training/pair_queue.h"
#include "text/training/word_counts.h"

namespace sterna {

/// The id of each byte's token; kNoToken: the byte is left out, and its neighbours become neighbours of each other.
inline constexpr uint32_t kNoToken = UINT32_MAX;
using ByteTokens = std::array<uint32_t, 256>;

/// Four bytes for each byte of the distinct words. One thread.
class SymbolWords {
 public:
  SymbolWords(const WordCounts& words, const ByteTokens& byte_tokens);

  /// Reports every pair of every word to `queue`.
  void CountPairs(PairQueue* queue) const;
  /// Replaces the pair by `replacement` in one word, from left to right, and reports what that changes: pairs that vanish, and
  /// pairs that form and whose two lengths, token_length[id] in bytes, add up to less than max_length.
  void Merge(uint32_t word, TokenPair pair, uint32_t replacement, const std::vector<uint64_t>& token_length, uint64_t max_length,
             PairQueue* queue);

 private:
  struct Word {
    uint32_t begin;
    uint32_t length;
    int64_t count;
  };

  std::vector<uint32_t> symbols_;
  std::vector<Word> words_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_TRAINING_SYMBOL_WORDS_H_
