// What turns one pre-tokenized word into token ids: the contract that byte-pair encoding and SentencePiece scores share.
#ifndef STERNA_TEXT_SUBWORD_MODEL_H_
#define STERNA_TEXT_SUBWORD_MODEL_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/merge_queue.h"

namespace sterna {

/// Working memory of one Encode call, so that models stay immutable. Grows to the longest word and is reused.
struct SubwordScratch {
  struct Symbol {
    int32_t id;  // -1: no token covers it
    uint32_t previous;
    uint32_t next;
    uint32_t rank;  // of merging with `next`, Merge::kNoRank where it does not or the symbol is gone
    int32_t merged_id;
    uint32_t begin;  // first byte in the word; used by score models only
    uint32_t bytes;
  };
  static constexpr uint32_t kEnd = UINT32_MAX;

  std::vector<Symbol> symbols;
  MergeQueue queue;
};

/// Immutable after construction; Encode may run on many threads, each with its scratch.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  /// Appends the ids of `word` (any bytes, at most 2^32 - 2). Time O(n log n) in its length.
  virtual void EncodeWord(std::string_view word, SubwordScratch* scratch, std::vector<int32_t>* ids) const = 0;
};

}  // namespace sterna

#endif  // STERNA_TEXT_SUBWORD_MODEL_H_
