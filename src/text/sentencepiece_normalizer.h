// What SentencePiece does to a text before its model cuts it: replacement rules, spaces, the space in front.
#ifndef STERNA_TEXT_SENTENCEPIECE_NORMALIZER_H_
#define STERNA_TEXT_SENTENCEPIECE_NORMALIZER_H_

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "text/normalizer.h"
#include "text/prefix_trie.h"

namespace sterna {

/// The fields of NormalizerSpec and TrainerSpec that matter (sentencepiece_model.proto), with their defaults.
struct SentencePieceRules {
  bool add_dummy_prefix = true;          ///< a space in front, so that words look alike everywhere
  bool remove_extra_whitespaces = true;  ///< no spaces at the ends, one between words
  bool escape_whitespaces = true;        ///< spaces become U+2581
  bool whitespace_as_suffix = false;     ///< the added space goes to the end
  std::optional<PrecompiledCharsmap> charsmap;
};

/// sentencepiece normalizer.cc, but for bytes that are not valid UTF-8, which it replaces by U+FFFD and this keeps, so that byte
/// tokens can give them back. user_defined: texts that stay as they are.
std::unique_ptr<const NormalizerStep> MakeSentencePieceStep(SentencePieceRules rules,
                                                            std::vector<std::pair<std::string_view, int32_t>> user_defined);

}  // namespace sterna

#endif  // STERNA_TEXT_SENTENCEPIECE_NORMALIZER_H_
