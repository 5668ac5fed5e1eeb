#include "text/template/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "text/template/python_text.h"
#include "text/template/string_literal.h"

namespace sterna::jinja {
namespace {

// \r\n and \r become \n, and one line end at the end of the source goes, as keep_trailing_newline=False asks.
std::string NormalizeSource(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsNameByte(char c) {
  return IsNameStart(c) || IsDigit(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> Run() {
    while (offset_ < source_.size()) STERNA_RETURN_IF_ERROR(LexText());
    Emit(TokenType::kEnd, offset_, {});
    return std::move(tokens_);
  }

 private:
  // Text up to the next tag, and the tag with all it holds.
  Status LexText() {
    const size_t start = offset_;
    size_t tag = source_.find('{', start);
    while (tag != std::string_view::npos && !(tag + 1 < source_.size() && IsTagStart(source_[tag + 1]))) {
      tag = source_.find('{', tag + 1);
    }
    if (tag == std::string_view::npos) {
      Emit(TokenType::kText, start, source_.substr(start));
      offset_ = source_.size();
      return {};
    }
    const char type = source_[tag + 1];
    std::string_view text = source_.substr(start, tag - start);
    const char sign = At(tag + 2);
    if (sign == '-') {
      text = StripSpace(text, Side::kRight);
    } else if (sign != '+' && type != '{') {
      text = StripLineStart(text);
    }
    if (!text.empty()) Emit(TokenType::kText, start, text);
    offset_ = tag + (sign == '-' || sign == '+' ? 3 : 2);
    if (type == '#') return SkipComment(tag);
    if (type == '{') return LexTag(tag, TokenType::kVariableBegin, TokenType::kVariableEnd);
    if (const std::optional<size_t> raw = RawBegin()) {
      offset_ = *raw;
      return LexRaw(tag);
    }
    return LexTag(tag, TokenType::kBlockBegin, TokenType::kBlockEnd);
  }

  static bool IsTagStart(char c) { return c == '{' || c == '%' || c == '#'; }

  char At(size_t offset) const { return offset < source_.size() ? source_[offset] : '\0'; }

  // lstrip_blocks: white space between the start of a line and a block or comment goes.
  std::string_view StripLineStart(std::string_view text) const {
    const size_t line = text.rfind('\n');
    if (line == std::string_view::npos && !at_line_start_) return text;
    const size_t keep = line == std::string_view::npos ? 0 : line + 1;
    return StripSpace(text.substr(keep), Side::kLeft).empty() ? text.substr(0, keep) : text;
  }

  void SkipSpace() {
    while (offset_ < source_.size()) {
      size_t next = offset_;
      if (!IsSpace(NextCharacter(source_, next))) return;
      offset_ = next;
    }
  }

  // Moves behind an end such as "-%}", with the white space or the line end it takes along.
  void PassEnd(char sign, bool trims_newline) {
    offset_ += sign == '\0' ? 2 : 3;
    if (sign == '-') {
      SkipSpace();
    } else if (sign == '\0' && trims_newline && At(offset_) == '\n') {
      ++offset_;
    }
    at_line_start_ = source_[offset_ - 1] == '\n';
  }

  // The sign before the end of a tag that stands at `offset`: '-', '+' or '\0'; nothing where no end stands there.
  std::optional<char> EndSign(size_t offset, char first, bool allows_plus) const {
    const char sign = At(offset);
    if (sign == first && At(offset + 1) == '}') return '\0';
    if ((sign == '-' || (sign == '+' && allows_plus)) && At(offset + 1) == first && At(offset + 2) == '}') return sign;
    return std::nullopt;
  }

  Status SkipComment(size_t tag) {
    const size_t end = source_.find("#}", offset_);
    if (end == std::string_view::npos) return SyntaxError(PositionOf(tag), "Missing end of comment tag");
    const char before = end > offset_ ? source_[end - 1] : '\0';
    const char sign = before == '-' || before == '+' ? before : '\0';
    offset_ = end - (sign == '\0' ? 0 : 1);
    PassEnd(sign, true);
    return {};
  }

  // Behind "{%" and its sign: the offset after "raw %}", where that stands here.
  std::optional<size_t> RawBegin() {
    const size_t saved = offset_;
    SkipSpace();
    std::optional<size_t> out;
    if (source_.substr(offset_).starts_with("raw")) {
      offset_ += 3;
      SkipSpace();
      if (const std::optional<char> sign = EndSign(offset_, '%', false)) {
        PassEnd(*sign, false);
        out = offset_;
      }
    }
    offset_ = saved;
    return out;
  }

  Status LexRaw(size_t tag) {
    const size_t start = offset_;
    for (size_t begin = source_.find("{%", start); begin != std::string_view::npos; begin = source_.find("{%", begin + 2)) {
      const char sign = At(begin + 2);
      offset_ = begin + (sign == '-' || sign == '+' ? 3 : 2);
      SkipSpace();
      if (!source_.substr(offset_).starts_with("endraw")) continue;
      offset_ += 6;
      SkipSpace();
      const std::optional<char> end_sign = EndSign(offset_, '%', true);
      if (!end_sign) continue;
      std::string_view text = source_.substr(start, begin - start);
      if (sign == '-') {
        text = StripSpace(text, Side::kRight);
      } else if (sign != '+') {
        text = StripLineStart(text);
      }
      if (!text.empty()) Emit(TokenType::kText, start, text);
      PassEnd(*end_sign, true);
      return {};
    }
    return SyntaxError(PositionOf(tag), "Missing end of raw directive");
  }

  Status LexTag(size_t tag, TokenType begin, TokenType end) {
    Emit(begin, tag, {});
    const char last = begin == TokenType::kVariableBegin ? '}' : '%';
    std::string open_brackets;
    while (true) {
      SkipSpace();
      if (offset_ >= source_.size()) return SyntaxError(PositionOf(tag), "unexpected end of template: this tag is not closed");
      if (open_brackets.empty()) {
        if (const std::optional<char> sign = EndSign(offset_, last, last == '%')) {
          Emit(end, offset_, {});
          PassEnd(*sign, last == '%');
          return {};
        }
      }
      STERNA_RETURN_IF_ERROR(LexToken(open_brackets));
    }
  }

  Status LexToken(std::string& open_brackets) {
    const size_t start = offset_;
    const char c = source_[start];
    if (IsDigit(c)) return LexNumber();
    if (IsNameStart(c)) {
      while (offset_ < source_.size() && IsNameByte(source_[offset_])) ++offset_;
      Emit(TokenType::kName, start, source_.substr(start, offset_ - start));
      return {};
    }
    if (c == '\'' || c == '"') return LexString(c);
    static constexpr std::array<std::string_view, 6> kPairs = {"//", "**", "==", "!=", ">=", "<="};
    const std::string_view pair = source_.substr(start, 2);
    if (std::find(kPairs.begin(), kPairs.end(), pair) != kPairs.end()) {
      offset_ += 2;
    } else if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) != std::string_view::npos) {
      offset_ += 1;
    } else {
      return SyntaxError(PositionOf(start), fmt::format("unexpected char {}", QuotedCharacter(start)));
    }
    STERNA_RETURN_IF_ERROR(Balance(start, open_brackets));
    Emit(TokenType::kOperator, start, source_.substr(start, offset_ - start));
    return {};
  }

  std::string QuotedCharacter(size_t offset) const {
    size_t end = offset;
    NextCharacter(source_, end);
    return fmt::format("'{}'", source_.substr(offset, end - offset));
  }

  Status Balance(size_t start, std::string& open_brackets) const {
    const char c = source_[start];
    if (c == '(') open_brackets += ')';
    if (c == '[') open_brackets += ']';
    if (c == '{') open_brackets += '}';
    if (c != ')' && c != ']' && c != '}') return {};
    if (open_brackets.empty()) return SyntaxError(PositionOf(start), fmt::format("unexpected '{}'", c));
    if (open_brackets.back() != c) {
      return SyntaxError(PositionOf(start), fmt::format("unexpected '{}', expected '{}'", c, open_brackets.back()));
    }
    open_brackets.pop_back();
    return {};
  }

  // Digits with single underscores between them, of those `is_digit` accepts; the end of the run.
  template <class Predicate>
  size_t DigitRun(size_t offset, Predicate is_digit) const {
    while (is_digit(At(offset)) || (At(offset) == '_' && is_digit(At(offset + 1)))) ++offset;
    return offset;
  }

  Status LexNumber() {
    const size_t start = offset_;
    TokenType type = TokenType::kInteger;
    const char letter = At(start + 1);
    if (source_[start] == '0' &&
        (letter == 'x' || letter == 'X' || letter == 'o' || letter == 'O' || letter == 'b' || letter == 'B')) {
      offset_ = DigitRun(start + 2, [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
    } else {
      offset_ = DigitRun(start, IsDigit);
      // `a.0.1` is two subscripts, so a number behind a dot is whole.
      const bool behind_dot = start > 0 && source_[start - 1] == '.';
      if (!behind_dot && At(offset_) == '.' && IsDigit(At(offset_ + 1))) {
        type = TokenType::kFloat;
        offset_ = DigitRun(offset_ + 1, IsDigit);
      }
      if (!behind_dot && (At(offset_) == 'e' || At(offset_) == 'E')) {
        const size_t digits = offset_ + (At(offset_ + 1) == '+' || At(offset_ + 1) == '-' ? 2 : 1);
        if (IsDigit(At(digits))) {
          type = TokenType::kFloat;
          offset_ = DigitRun(digits, IsDigit);
        }
      }
    }
    std::string text(source_.substr(start, offset_ - start));
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    Emit(type, start, text);
    return {};
  }

  Status LexString(char quote) {
    const size_t start = offset_++;
    while (offset_ < source_.size() && source_[offset_] != quote) offset_ += source_[offset_] == '\\' ? 2 : 1;
    if (offset_ >= source_.size()) return SyntaxError(PositionOf(start), "string without an end");
    Result<std::string> text = UnescapeStringLiteral(source_.substr(start + 1, offset_ - start - 1));
    if (!text.ok()) return SyntaxError(PositionOf(start), text.status().message());
    ++offset_;
    Emit(TokenType::kString, start, *text);
    return {};
  }

  // For errors, which may look back.
  Position PositionOf(size_t offset) const {
    Position out;
    const std::string_view before = source_.substr(0, offset);
    out.line = 1 + static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n'));
    out.column = static_cast<uint32_t>(offset - (before.rfind('\n') + 1) + 1);
    return out;
  }

  void Emit(TokenType type, size_t offset, std::string_view text) {
    for (; counted_ < offset; ++counted_) {
      if (source_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
      }
    }
    tokens_.push_back({type, {line_, static_cast<uint32_t>(offset - line_start_ + 1)}, std::string(text)});
  }

  std::string_view source_;
  size_t offset_ = 0;
  bool at_line_start_ = true;
  std::vector<Token> tokens_;
  size_t counted_ = 0, line_start_ = 0;  // how far lines were counted for Emit, whose offsets only rise
  uint32_t line_ = 1;
};

}  // namespace

Status SyntaxError(Position position, std::string_view message) {
  return Malformed(fmt::format("{} (line {}, column {})", message, position.line, position.column));
}

Result<std::vector<Token>> Tokenize(std::string_view source) {
  const std::string normalized = NormalizeSource(source);
  return Lexer(normalized).Run();
}

}  // namespace sterna::jinja
