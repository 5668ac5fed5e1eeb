// Special and added tokens of a vocabulary: what they are, and vocabularies with more of them or with other roles.
#ifndef STERNA_TEXT_SPECIAL_TOKENS_H_
#define STERNA_TEXT_SPECIAL_TOKENS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "text/tokenizer.h"

namespace sterna {

/// The roles that a token can have, in the words of tokenizer_config.json (<role>_token): bos, eos, unk, pad, sep, cls, mask, eot.
/// Generation ends at eos and eot.
const std::vector<std::string_view>& SpecialRoles();

/// Changes to a vocabulary, in this order.
struct SpecialTokenEdit {
  struct NewToken {
    std::string text;        ///< 1..1024 bytes
    bool is_control = true;  ///< left out by skip_special, and found in text only with parse_special
  };
  std::vector<NewToken> tokens;
  std::vector<std::pair<std::string, std::string>> roles;  ///< role, text of a token that is there or new
  bool empty() const { return tokens.empty() && roles.empty(); }
};

/// The texts of a Hugging Face tokenizer's files; config and special_tokens_map may be empty.
struct TokenizerFiles {
  std::string tokenizer_json;
  std::string config_json;
  std::string special_tokens_map_json;
};

/// A text that is a token already becomes an added token with its id, any other gets the next free id, as `tokenizers` does. Roles
/// are written to tokenizer_config.json. All other content stays, without its white space. InvalidArgument for an empty or too long
/// text, one that is an added token already, an unknown role, or a role's text that is no token; errors of FromJson.
Result<TokenizerFiles> EditSpecialTokens(const TokenizerFiles& files, const SpecialTokenEdit& edit);
/// The same for the tokenizer.ggml.* keys of a GGUF file. A model has no weights for new ids.
Result<Metadata> EditSpecialTokens(const Metadata& metadata, const SpecialTokenEdit& edit);

}  // namespace sterna

#endif  // STERNA_TEXT_SPECIAL_TOKENS_H_
