// A template's source to tokens, with white space already trimmed as trim_blocks and lstrip_blocks ask.
#ifndef STERNA_TEXT_TEMPLATE_LEXER_H_
#define STERNA_TEXT_TEMPLATE_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna::jinja {

/// Both count from 1; columns in bytes.
struct Position {
  uint32_t line = 1, column = 1;
};

enum class TokenType : uint8_t {
  kText,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd
};

struct Token {
  TokenType type = TokenType::kEnd;
  Position position;
  std::string text;  ///< of strings: their value, escapes resolved; of numbers: without underscores

  bool IsOperator(std::string_view symbol) const { return type == TokenType::kOperator && text == symbol; }
  bool IsName(std::string_view name) const { return type == TokenType::kName && text == name; }
};

/// The tokens of jinja2.lexer with trim_blocks and lstrip_blocks, comments dropped, raw blocks as text; the last is kEnd.
/// Errors: Malformed with line and column.
Result<std::vector<Token>> Tokenize(std::string_view source);

/// Malformed: "MESSAGE (line L, column C)".
Status SyntaxError(Position position, std::string_view message);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_LEXER_H_
