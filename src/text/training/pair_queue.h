// Which pair of neighbouring tokens is merged next: counts of all pairs, and where each occurs.
#ifndef STERNA_TEXT_TRAINING_PAIR_QUEUE_H_
#define STERNA_TEXT_TRAINING_PAIR_QUEUE_H_

#include <cstdint>
#include <vector>

#include "text/training/index_table.h"

namespace sterna {

/// Two token ids; ordered by the first, then the second.
struct TokenPair {
  uint32_t first;
  uint32_t second;
};

/// A pair to merge, and the words it may occur in, each once.
struct PairToMerge {
  TokenPair pair;
  uint64_t count;
  std::vector<uint32_t> words;
};

/// The queue of `tokenizers` 0.23 models/bpe/trainer.rs: the highest count first, of equal counts the least pair. What looks odd is
/// part of the result there, hence here: the count of a pair that was merged stays, and where two ways lead to the same token, so
/// that a pair forms once more, it adds up with the new one and the pair comes again, with the new words alone.
/// At most 2^32 - 2 distinct pairs. One thread.
class PairQueue {
 public:
  /// Changes the count of a pair for one word; where `change` is positive, the word is noted. Words come in ascending order between
  /// two calls of EnqueueChanged.
  void Change(TokenPair pair, int64_t change, uint32_t word);
  /// Pairs that grew since the last call, and still have a count, enter the queue.
  void EnqueueChanged();
  /// Takes the next pair; false where there is none.
  bool Pop(PairToMerge* next);

 private:
  struct Pair {
    uint64_t key;  // first << 32 | second
    int64_t count;
    uint32_t changed;  // its index in changed_, or kUnchanged
  };
  struct Changed {
    uint32_t pair;
    std::vector<uint32_t> words;
  };
  struct Entry {
    uint64_t count;  // when it was enqueued
    uint64_t key;
    uint32_t pair;
    uint32_t words;  // index in words_
  };
  static constexpr uint32_t kUnchanged = UINT32_MAX;

  static bool ComesLater(const Entry& a, const Entry& b);
  uint32_t KeepWords(std::vector<uint32_t> words);

  std::vector<Pair> pairs_;
  IndexTable table_;
  std::vector<Changed> changed_;
  std::vector<Entry> heap_;
  std::vector<std::vector<uint32_t>> words_;
  std::vector<uint32_t> free_words_;  // indexes of words_ that no entry uses
};

}  // namespace sterna

#endif  // STERNA_TEXT_TRAINING_PAIR_QUEUE_H_
