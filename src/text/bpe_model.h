// Byte-pair encoding by merge rank, over bytes (GPT-2, Llama 3, Qwen) or over characters with byte fallback (Llama 2 as Hugging
// Face has it).
#ifndef STERNA_TEXT_BPE_MODEL_H_
#define STERNA_TEXT_BPE_MODEL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/bpe_merges.h"
#include "text/character_starts.h"
#include "text/subword_model.h"
#include "text/token_table.h"

namespace sterna {

struct BpeOptions {
  /// Words are raw bytes and token texts are written in the GPT-2 byte alphabet; otherwise both are plain text.
  bool byte_level = true;
  /// A word that is a token is that token, whatever the merges say.
  bool ignore_merges = false;
  /// Characters without a token become the tokens "<0x00>".."<0xFF>" of their bytes, where all of those exist.
  bool byte_fallback = false;
  /// Neighbouring unknown characters give one unknown token.
  bool fuse_unknown = false;
  /// For characters that nothing covers; -1: they are dropped, as the reference does.
  int32_t unknown_id = -1;
  /// In front of every character but a word's first, and after its last; not with byte_level.
  std::string continuing_prefix;
  std::string word_suffix;
};

/// Order of merges and treatment of unknown characters as `tokenizers` 0.23, models/bpe.
class BpeModel : public SubwordModel {
 public:
  /// texts: of all ids; merges, gaps: of ResolveMerges with them, or of the same form. is_foreign[id]: ids that must come from
  /// nothing but merges. What merges leave as a gap (BpeMerges) becomes the tokens of its characters, and merges on its way to
  /// other texts. Malformed where a merge is there twice or an id is out of range: `where` begins the message.
  static Result<std::unique_ptr<BpeModel>> Create(const TokenTable& texts, const TokenIndex& index,
                                                  std::span<const BpeMergeIds> merges, const TokenTable& gaps,
                                                  const std::vector<uint8_t>& is_foreign, const BpeOptions& options,
                                                  std::string_view where);
  /// Any two tokens merge that together are a token, the one of the least id first (tiktoken). words: the bytes of every token, by
  /// id; options.byte_level. Malformed where a byte has no token.
  static Result<std::unique_ptr<BpeModel>> CreateFromRanks(TokenTable words, const std::vector<uint8_t>& is_foreign,
                                                           const BpeOptions& options, std::string_view where);

  Status EncodeWord(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const override;
  void Prefetch(std::string_view word) const override {
    if (options_.ignore_merges) word_index_.Prefetch(word);
  }

 private:
  explicit BpeModel(const BpeOptions& options);

  Status FillMerges(std::span<const BpeMergeIds> merges, std::string_view where);
  void FillGaps(const TokenTable& texts, const TokenIndex& index, const TokenTable& gaps);
  void FillBytePairs();
  void FillCharacterStarts(std::span<const BpeMergeIds> merges, bool ranks_are_ids);
  void AddToken(int32_t id, uint32_t begin, uint32_t end, const WordTokens& out) const {
    if (static_cast<size_t>(id) < words_.size()) {
      out.Add(id, begin, end);
    } else {
      AddGap(id, begin, out);
    }
  }
  void AddGap(int32_t id, uint32_t begin, const WordTokens& out) const;
  void FillSymbols(std::string_view word, std::vector<SubwordScratch::Symbol>* symbols) const;
  /// The symbols of a byte-level word and their merges; false where they are too many. Precondition: has_all_bytes_.
  bool FillBytes(std::string_view word, ShortWord* symbols) const;
  /// bytes: of the word.
  void MergeShort(uint32_t bytes, ShortWord* word, const WordTokens& out) const;
  void MergeLong(SubwordScratch* scratch) const;
  bool MergeRepeated(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const;

  BpeOptions options_;
  TokenTable words_;       // byte level: the bytes of each token; otherwise its text
  TokenIndex word_index_;  // of words_
  bool has_affixes_ = false;
  bool has_all_bytes_ = false;           // byte level: every byte has a token
  std::array<int32_t, 256> byte_ids_{};  // byte level: the token of each byte; otherwise its fallback token
  bool has_all_fallbacks_ = false;
  std::vector<std::vector<int32_t>> gaps_;  // by id - words_.size(): the tokens of its bytes, -1 for a byte without one
  MergeIndex merges_;
  bool has_short_ranks_ = false;   // a ShortWord can hold them
  CharacterStarts characters_;     // byte level; empty where it does not apply
  std::vector<Merge> byte_pairs_;  // byte level: of the tokens of two bytes, first * 256 + second; a copy that stays in cache
};

}  // namespace sterna

#endif  // STERNA_TEXT_BPE_MODEL_H_
