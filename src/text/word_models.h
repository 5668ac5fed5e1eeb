// Models that look words up: WordLevel takes them whole, WordPiece cuts them from the left into the longest known pieces.
#ifndef STERNA_TEXT_WORD_MODELS_H_
#define STERNA_TEXT_WORD_MODELS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/prefix_trie.h"
#include "text/subword_model.h"
#include "text/token_table.h"

namespace sterna {

/// `tokenizers` models/wordlevel: the word's token, or unknown_id. is_control[id]: ids that text must not become.
/// unknown_id may be -1: then an unknown word is an error.
std::unique_ptr<const SubwordModel> MakeWordLevelModel(const TokenTable& texts, const std::vector<uint8_t>& is_control,
                                                       int32_t unknown_id);

struct WordPieceOptions {
  std::string continuing_prefix = "##";  ///< in front of pieces that do not begin their word
  size_t max_characters = 100;           ///< longer words are unknown
  int32_t unknown_id = -1;               ///< for words that pieces do not cover; -1: an error
};
/// `tokenizers` models/wordpiece.
std::unique_ptr<const SubwordModel> MakeWordPieceModel(const TokenTable& texts, const std::vector<uint8_t>& is_control,
                                                       const WordPieceOptions& options);

}  // namespace sterna

#endif  // STERNA_TEXT_WORD_MODELS_H_
