#include "text/tokenizer.h"

namespace sterna {

std::vector<SpecialToken> Tokenizer::special_tokens() const {
  std::vector<SpecialToken> tokens;
  for (int64_t number = 0; number < vocab_size(); ++number) {
    const auto id = static_cast<TokenId>(number);
    SpecialToken token;
    if (bos() == id) token.roles.emplace_back("bos");
    if (eos() == id) token.roles.emplace_back("eos");
    token.is_control = IsControl(id);
    token.is_end = IsEndOfGeneration(id);
    if (!token.is_control && token.roles.empty()) continue;
    token.id = id;
    token.text = TokenBytes(id);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

const std::vector<std::string>& Tokenizer::warnings() const {
  static const std::vector<std::string> none;
  return none;
}

}  // namespace sterna
