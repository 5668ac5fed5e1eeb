// What the values of the GGUF key tokenizer.ggml.pre mean: which expressions cut text into words.
#ifndef STERNA_TEXT_GGUF_PRE_TYPES_H_
#define STERNA_TEXT_GGUF_PRE_TYPES_H_

#include <array>
#include <string_view>

namespace sterna {

struct GgufPreType {
  std::string_view name;
  /// Each cuts the pieces that the one before left, matches and the text between them alike; the rest is empty.
  std::array<std::string_view, 6> expressions;
  bool ignores_merges;  ///< a word that is a token is that token
  bool adds_bos;        ///< where tokenizer.ggml.add_bos_token does not say
};

/// The type of that name, or null.
const GgufPreType* FindGgufPreType(std::string_view name);

}  // namespace sterna

#endif  // STERNA_TEXT_GGUF_PRE_TYPES_H_
