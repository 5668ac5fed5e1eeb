// Learns a byte-level BPE vocabulary from text.
#ifndef STERNA_TEXT_TRAINING_BPE_TRAINER_H_
#define STERNA_TEXT_TRAINING_BPE_TRAINER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/training/word_counts.h"

namespace sterna {

enum class BpeTrainingStage : uint8_t { kCountingWords, kMerging };

struct BpeTrainingProgress {
  BpeTrainingStage stage;
  int64_t done;   ///< bytes read of the file; tokens in the vocabulary
  int64_t total;  ///< size of the file, 0 where it is unknown; the vocabulary wanted
  size_t file;    ///< kCountingWords: index of the file
};

struct BpeTrainingOptions {
  int64_t vocab_size = 30000;                 ///< tokens wanted; fewer where the text has too few pairs
  int64_t min_frequency = 0;                  ///< least count of a pair to be merged
  std::vector<std::string> special_tokens{};  ///< the first ids, in this order; repeated ones count once
  /// The 256 byte tokens come first, whether the text has them or not. Otherwise only bytes of the text get a token.
  bool all_bytes = true;
  /// Without all_bytes: keep this many bytes, the most frequent ones, the lower characters among equals (`tokenizers` keeps any of
  /// them). Others are skipped in training.
  std::optional<int64_t> limit_alphabet{};
  /// Pairs that form later than at the start are counted while their bytes are fewer than this.
  std::optional<int64_t> max_token_length{};
  bool add_prefix_space = false;                               ///< of the ByteLevel pre-tokenizer, before every line
  std::function<bool(const BpeTrainingProgress&)> progress{};  ///< returns whether to go on; may be empty
};

struct TrainedBpe {
  std::vector<std::string> vocab;                     ///< by id; in GPT-2's byte alphabet, special tokens as given
  std::vector<std::pair<uint32_t, uint32_t>> merges;  ///< ids, by rank
  std::vector<uint32_t> special_ids;                  ///< ascending
  bool add_prefix_space = false;                      ///< as trained
  uint64_t words = 0, distinct_words = 0;             ///< of the text
};

/// Learns merges from counted words: special tokens, bytes in the order of their characters, then the merges of
/// `tokenizers` 0.23 BpeTrainer, to the last one: the pair of the highest count, of equal ones that of the least ids; a merge that
/// spells a token which exists gives that one. Deterministic; the order of words does not matter. Counts are 64 bits wide, where
/// `tokenizers` overflows at 2^31.
/// Errors: InvalidArgument where an option is out of range, a special token is empty or not UTF-8, there are no words, or
/// vocab_size is less than special tokens and bytes; Cancelled where progress says so.
Result<TrainedBpe> TrainBpe(const WordCounts& words, const BpeTrainingOptions& options);

/// The same from files: every line, with its line break, is split by itself. Options are checked before anything is read. Further
/// errors as CountWordsOfFile (corpus_reader.h).
Result<TrainedBpe> TrainBpeFromFiles(const std::vector<std::string>& paths, const BpeTrainingOptions& options);

}  // namespace sterna

#endif  // STERNA_TEXT_TRAINING_BPE_TRAINER_H_
