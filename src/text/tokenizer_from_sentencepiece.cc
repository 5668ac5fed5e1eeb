#include "text/tokenizer.h"
namespace sterna {
Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromSentencePiece(std::string_view) {
  return Unsupported("x");
}
Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromTiktoken(std::string_view, TiktokenKind) {
  return Unsupported("x");
}
}  // namespace sterna
