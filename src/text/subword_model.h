// What turns one pre-tokenized word into token ids: the contract that all models share.
#ifndef STERNA_TEXT_SUBWORD_MODEL_H_
#define STERNA_TEXT_SUBWORD_MODEL_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/aligned_text.h"
#include "text/merge_queue.h"
#include "text/short_word.h"

namespace sterna {

/// Working memory of one Encode call, so that models stay immutable. Grows to the longest word and is reused.
struct SubwordScratch {
  struct Symbol {
    int32_t id;  // -1: no token covers it
    uint32_t previous;
    uint32_t next;
    uint32_t rank;  // of merging with `next`, Merge::kNoRank where it does not or the symbol is gone
    int32_t merged_id;
    uint32_t begin;  // first byte in the word
    uint32_t bytes;
  };
  static constexpr uint32_t kEnd = UINT32_MAX;
  /// The best way to reach a place of the word; used by unigram models.
  struct BestPath {
    double score;
    uint32_t begin;  // of its last token; kEnd: not reached
    int32_t id;
  };

  std::vector<Symbol> symbols;
  ShortWord short_word;
  MergeQueue queue;
  std::vector<BestPath> paths;
};

/// What a model says of a word.
struct WordTokens {
  std::vector<int32_t>* ids;       ///< appended to
  std::vector<TextRange>* ranges;  ///< the bytes of the word that each id stands for, appended to; null where nobody asks

  void Add(int32_t id, uint32_t begin, uint32_t end) const {
    ids->push_back(id);
    if (ranges != nullptr) ranges->push_back({begin, end});
  }
};

/// Immutable after construction; EncodeWord may run on many threads, each with its scratch.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  /// Appends the tokens of `word` (any bytes, at most 2^32 - 2). Time O(n log n) in its length. Malformed where the word has
  /// characters that no token covers, and the vocabulary has no token for unknown ones though its kind of model needs one.
  virtual Status EncodeWord(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const = 0;
  /// A hint for EncodeWord soon: waiting for memory starts here.
  virtual void Prefetch(std::string_view /*word*/) const {}
};

}  // namespace sterna

#endif  // STERNA_TEXT_SUBWORD_MODEL_H_
