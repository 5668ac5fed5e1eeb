#include "text/training/bpe_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_map>

#include "text/byte_level.h"
#include "text/training/corpus_reader.h"
#include "text/training/pair_queue.h"
#include "text/training/symbol_words.h"
#include "text/utf8.h"

namespace sterna {
namespace {

constexpr int64_t kMergesPerReport = 64;

/// Tokens by id and by text.
class Vocabulary {
 public:
  /// The id of `token`, which is added where it is new.
  uint32_t FindOrAdd(std::string token, uint64_t length) {
    const auto [at, is_new] = ids_.try_emplace(token, static_cast<uint32_t>(tokens_.size()));
    if (is_new) {
      tokens_.push_back(std::move(token));
      lengths_.push_back(length);
    }
    return at->second;
  }

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  const std::string& token(uint32_t id) const { return tokens_[id]; }
  const std::vector<uint64_t>& lengths() const { return lengths_; }
  std::vector<std::string> TakeTokens() { return std::move(tokens_); }

 private:
  std::vector<std::string> tokens_;
  std::vector<uint64_t> lengths_;  // in bytes of text; a special token never meets a merge but as the token it spells
  std::unordered_map<std::string, uint32_t> ids_;
};

std::string ByteText(size_t byte) {
  std::string text;
  AppendUtf8(ByteLevelChar(static_cast<uint8_t>(byte)), &text);
  return text;
}

size_t CharacterCount(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

Status CheckOptions(const BpeTrainingOptions& options) {
  if (options.vocab_size < 1 || options.vocab_size > INT32_MAX) {
    return InvalidArgument(fmt::format("vocabulary size: expected 1 to {}, got {}", INT32_MAX, options.vocab_size));
  }
  if (options.min_frequency < 0) {
    return InvalidArgument(fmt::format("minimum frequency: expected at least 0, got {}", options.min_frequency));
  }
  if (options.limit_alphabet && (options.all_bytes || *options.limit_alphabet < 1)) {
    return InvalidArgument(options.all_bytes ? std::string("an alphabet of all 256 bytes cannot be limited")
                                             : fmt::format("alphabet limit: expected at least 1, got {}", *options.limit_alphabet));
  }
  if (options.max_token_length && *options.max_token_length < 1) {
    return InvalidArgument(fmt::format("longest token: expected at least 1 byte, got {}", *options.max_token_length));
  }
  for (const std::string& token : options.special_tokens) {
    if (token.empty()) return InvalidArgument("a special token is empty");
    if (ValidUtf8Prefix(token) < token.size()) return InvalidArgument("a special token is not UTF-8");
  }
  return Status::Ok();
}

Status CheckRoom(int64_t tokens, const BpeTrainingOptions& options) {
  if (tokens <= options.vocab_size) return Status::Ok();
  return InvalidArgument(
      fmt::format("vocabulary size {} is too small: special tokens and single bytes are {} already", options.vocab_size, tokens));
}

void AddSpecialTokens(const BpeTrainingOptions& options, Vocabulary* vocabulary) {
  for (const std::string& token : options.special_tokens) vocabulary->FindOrAdd(token, CharacterCount(token));
}

/// Adds the tokens of single bytes, in the order of their characters.
ByteTokens AddBytes(const WordCounts& words, const BpeTrainingOptions& options, Vocabulary* vocabulary) {
  std::array<uint64_t, 256> counts{};
  for (size_t i = 0; i < words.size(); ++i) {
    for (const char byte : words.word(i)) counts[static_cast<uint8_t>(byte)] += words.count(i);
  }
  std::vector<size_t> bytes(counts.size());
  std::iota(bytes.begin(), bytes.end(), size_t{0});
  const auto by_character = [](size_t a, size_t b) {
    return ByteLevelChar(static_cast<uint8_t>(a)) < ByteLevelChar(static_cast<uint8_t>(b));
  };
  std::sort(bytes.begin(), bytes.end(), by_character);
  if (!options.all_bytes) {
    bytes.erase(std::remove_if(bytes.begin(), bytes.end(), [&](size_t byte) { return counts[byte] == 0; }), bytes.end());
  }
  if (options.limit_alphabet && static_cast<uint64_t>(*options.limit_alphabet) < bytes.size()) {
    std::stable_sort(bytes.begin(), bytes.end(), [&](size_t a, size_t b) { return counts[a] > counts[b]; });
    bytes.resize(static_cast<size_t>(*options.limit_alphabet));
    std::sort(bytes.begin(), bytes.end(), by_character);
  }
  ByteTokens tokens;
  tokens.fill(kNoToken);
  for (const size_t byte : bytes) tokens[byte] = vocabulary->FindOrAdd(ByteText(byte), 1);
  return tokens;
}

/// Of merges that occur twice the last counts, as where `tokenizers` keeps them by pair.
std::vector<std::pair<uint32_t, uint32_t>> KeepLast(const std::vector<std::pair<uint32_t, uint32_t>>& merges) {
  std::unordered_map<uint64_t, size_t> last;
  const auto key = [](const std::pair<uint32_t, uint32_t>& merge) { return uint64_t{merge.first} << 32 | merge.second; };
  for (size_t rank = 0; rank < merges.size(); ++rank) last[key(merges[rank])] = rank;
  std::vector<std::pair<uint32_t, uint32_t>> kept;
  kept.reserve(last.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    if (last[key(merges[rank])] == rank) kept.push_back(merges[rank]);
  }
  return kept;
}

bool Report(const BpeTrainingOptions& options, const BpeTrainingProgress& progress) {
  return !options.progress || options.progress(progress);
}

Result<std::vector<std::pair<uint32_t, uint32_t>>> LearnMerges(SymbolWords words, const BpeTrainingOptions& options,
                                                               Vocabulary* vocabulary) {
  const uint64_t max_length = options.max_token_length ? static_cast<uint64_t>(*options.max_token_length) : UINT64_MAX;
  PairQueue queue;
  words.CountPairs(&queue);
  queue.EnqueueChanged();
  std::vector<std::pair<uint32_t, uint32_t>> merges;
  PairToMerge next;
  for (int64_t step = 0; vocabulary->size() < options.vocab_size && queue.Pop(&next); ++step) {
    if (next.count < 1 || static_cast<uint64_t>(options.min_frequency) > next.count) break;
    const auto [first, second] = next.pair;
    const uint32_t merged = vocabulary->FindOrAdd(vocabulary->token(first) + vocabulary->token(second),
                                                  vocabulary->lengths()[first] + vocabulary->lengths()[second]);
    merges.emplace_back(first, second);
    for (const uint32_t word : next.words) words.Merge(word, next.pair, merged, vocabulary->lengths(), max_length, &queue);
    queue.EnqueueChanged();
    if (step % kMergesPerReport == 0 && !Report(options, {BpeTrainingStage::kMerging, vocabulary->size(), options.vocab_size, 0})) {
      return Cancelled("interrupted");
    }
  }
  return KeepLast(merges);
}

}  // namespace

Result<TrainedBpe> TrainBpe(const WordCounts& words, const BpeTrainingOptions& options) {
  STERNA_RETURN_IF_ERROR(CheckOptions(options));
  if (words.size() == 0) return InvalidArgument("there is no text to learn from");
  Vocabulary vocabulary;
  AddSpecialTokens(options, &vocabulary);
  const auto special_tokens = static_cast<uint32_t>(vocabulary.size());
  const ByteTokens byte_tokens = AddBytes(words, options, &vocabulary);
  STERNA_RETURN_IF_ERROR(CheckRoom(vocabulary.size(), options));
  TrainedBpe trained;
  STERNA_ASSIGN_OR_RETURN(trained.merges, LearnMerges(SymbolWords(words, byte_tokens), options, &vocabulary));
  trained.vocab = vocabulary.TakeTokens();
  trained.special_ids.resize(special_tokens);
  std::iota(trained.special_ids.begin(), trained.special_ids.end(), uint32_t{0});
  trained.add_prefix_space = options.add_prefix_space;
  trained.words = words.total();
  trained.distinct_words = words.size();
  return trained;
}

Result<TrainedBpe> TrainBpeFromFiles(const std::vector<std::string>& paths, const BpeTrainingOptions& options) {
  STERNA_RETURN_IF_ERROR(CheckOptions(options));
  if (options.all_bytes) {
    Vocabulary least;
    AddSpecialTokens(options, &least);
    AddBytes({}, options, &least);
    STERNA_RETURN_IF_ERROR(CheckRoom(least.size(), options));
  }
  WordCounts words;
  for (size_t i = 0; i < paths.size(); ++i) {
    const auto progress = [&](int64_t done, int64_t total) {
      return Report(options, {BpeTrainingStage::kCountingWords, done, total, i});
    };
    STERNA_RETURN_IF_ERROR(CountWordsOfFile(paths[i], {.add_prefix_space = options.add_prefix_space}, progress, &words));
  }
  return TrainBpe(words, options);
}

}  // namespace sterna
