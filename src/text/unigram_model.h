// Unigram language model: the way of cutting a word into tokens whose scores sum to the most (SentencePiece, T5, XLM-R).
#ifndef STERNA_TEXT_UNIGRAM_MODEL_H_
#define STERNA_TEXT_UNIGRAM_MODEL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/prefix_trie.h"
#include "text/subword_model.h"
#include "text/token_table.h"

namespace sterna {

struct UnigramOptions {
  /// Sums are of float, as in sentencepiece; else of double, as in `tokenizers`.
  bool single_precision = false;
  /// Of a character that no token covers.
  double unknown_score = 0;
  /// The token of such characters; -1: they are an error.
  int32_t unknown_id = -1;
  /// Neighbouring unknown characters are one token, and one that has such a text after all is taken (`tokenizers`). Else every one
  /// becomes bytes by itself, and without byte tokens neighbours are one unknown token (sentencepiece).
  bool fuses_before_lookup = true;
  /// The tokens of the bytes, used where has_byte_tokens.
  std::array<int32_t, 256> byte_ids{};
  bool has_byte_tokens = false;
  /// The last byte token of a character stands for it, those before for nothing (sentencepiece); else each stands for all of it.
  bool last_byte_has_range = false;
};

class UnigramModel : public SubwordModel {
 public:
  /// scores: one an id. can_form[id]: tokens that text may become; equal texts: the last counts.
  UnigramModel(const TokenTable& texts, const std::vector<double>& scores, const std::vector<uint8_t>& can_form,
               const UnigramOptions& options);

  /// O(n * length of the longest token).
  Status EncodeWord(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const override;

 private:
  Status AddUnknown(std::string_view word, uint32_t begin, uint32_t end, const WordTokens& out) const;

  std::vector<double> scores_;
  PrefixTrie trie_;
  UnigramOptions options_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_UNIGRAM_MODEL_H_
