// SentencePiece byte-pair encoding: adjacent pieces merge by the score of what they form (GGUF model "llama").
#ifndef STERNA_TEXT_SCORE_MODEL_H_
#define STERNA_TEXT_SCORE_MODEL_H_

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "text/prefix_trie.h"
#include "text/subword_model.h"
#include "text/token_table.h"

namespace sterna {

struct ScoreModelOptions {
  /// Of each byte, -1 where there is none.
  std::array<int32_t, 256> byte_ids{};
  /// For bytes without a token; -1: they are left out.
  int32_t unknown_id = -1;
  /// Neighbouring characters without a token are one unknown token.
  bool fuses_unknown = false;
  /// The last byte token of a character stands for it, those before for nothing (sentencepiece); else each stands for all of it.
  bool last_byte_has_range = false;
  /// Pieces that are found in the text before anything merges, and never merge: (text, id).
  std::vector<std::pair<std::string_view, int32_t>> frozen;
  /// By id; those pieces are taken apart again into the two that formed them. Empty: none.
  std::vector<uint8_t> is_unused;
};

/// Merges the adjacent pair whose concatenation is the token with the highest score, the leftmost of equals, until none is left;
/// then a character without token becomes its byte tokens (sentencepiece bpe_model.cc, as llama.cpp has it).
class ScoreModel : public SubwordModel {
 public:
  /// scores: finite, one an id. can_form[id]: pieces that text may become (not control, unknown and byte tokens).
  ScoreModel(const TokenTable& texts, const std::vector<float>& scores, const std::vector<uint8_t>& can_form,
             ScoreModelOptions options);

  Status EncodeWord(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const override;

 private:
  void AddSymbol(std::string_view word, const SubwordScratch::Symbol& symbol, bool after_unknown, const WordTokens& out) const;
  void AddResegmented(std::string_view word, uint32_t begin, uint32_t bytes, const std::map<std::string_view, uint32_t>& formed,
                      const WordTokens& out) const;
  bool IsUnused(int32_t id) const { return id >= 0 && !options_.is_unused.empty() && options_.is_unused[static_cast<size_t>(id)]; }

  TokenTable texts_;
  TokenIndex index_;
  std::vector<uint32_t> ranks_;  // position in descending order of score; equal scores have equal ranks
  PrefixTrie frozen_;
  ScoreModelOptions options_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_SCORE_MODEL_H_
