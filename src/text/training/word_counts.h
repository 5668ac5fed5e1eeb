// How often each distinct word of a text occurs.
#ifndef STERNA_TEXT_TRAINING_WORD_COUNTS_H_
#define STERNA_TEXT_TRAINING_WORD_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/training/index_table.h"

namespace sterna {

/// Memory grows with the distinct words alone: their bytes and about 32 bytes each. Words keep the order in which they first came.
/// One thread.
class WordCounts {
 public:
  /// Bytes of distinct words at most: then three times as many pairs, the most that training can meet, still have 32-bit indexes.
  static constexpr size_t kMaxBytes = UINT32_MAX / 3 - 1;

  /// Counts one more of `word`. ResourceExhausted where the distinct words would be longer than kMaxBytes in all.
  Status Add(std::string_view word);

  size_t size() const { return words_.size(); }
  std::string_view word(size_t index) const { return std::string_view(bytes_).substr(words_[index].begin, words_[index].length); }
  uint64_t count(size_t index) const { return words_[index].count; }
  /// Of all words, repeated ones included.
  uint64_t total() const { return total_; }

 private:
  struct Word {
    uint32_t begin;
    uint32_t length;
    uint64_t count;
  };

  std::string bytes_;
  std::vector<Word> words_;
  IndexTable table_;
  uint64_t total_ = 0;
};

}  // namespace sterna

#endif  // STERNA_TEXT_TRAINING_WORD_COUNTS_H_
