#include "text/template/string_literal.h"

#include <fmt/format.h>

#include <charconv>

#include "text/template/python_text.h"

namespace sterna::jinja {
namespace {

Result<char32_t> HexEscape(std::string_view text, size_t& position, size_t digits) {
  uint32_t value = 0;
  const std::string_view hex = text.substr(position, digits);
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  if (hex.size() != digits || error != std::errc() || end != hex.data() + hex.size()) {
    return Malformed(fmt::format("escape in a string: expected {} hexadecimal digits, found '{}'", digits, hex));
  }
  if (value > 0x10FFFF) return Malformed("escape in a string: illegal Unicode character");
  position += digits;
  return static_cast<char32_t>(value);
}

}  // namespace

Result<std::string> UnescapeStringLiteral(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char c = text[i++];
    if (c != '\\' || i == text.size()) {
      out += c;
      continue;
    }
    const char escape = text[i++];
    switch (escape) {
      case '\n':
        break;
      case '\\':
      case '\'':
      case '"':
        out += escape;
        break;
      case 'a':
        out += '\a';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'v':
        out += '\v';
        break;
      case 'x':
      case 'u':
      case 'U': {
        STERNA_ASSIGN_OR_RETURN(char32_t character, HexEscape(text, i, escape == 'x' ? 2 : escape == 'u' ? 4 : 8));
        if (character >= 0xD800 && character < 0xDC00 && text.substr(i).starts_with("\\u")) {
          i += 2;
          STERNA_ASSIGN_OR_RETURN(const char32_t low, HexEscape(text, i, 4));
          if (low < 0xDC00 || low > 0xDFFF) return Malformed("escape in a string: surrogate without its pair");
          character = (character << 10) + low - 0x35FDC00;
        } else if (character >= 0xD800 && character <= 0xDFFF) {
          return Malformed("escape in a string: surrogate without its pair");
        }
        AppendCharacter(character, out);
        break;
      }
      case 'N':
        return Malformed("escape in a string: \\N{...} is not supported");
      default:
        if (escape >= '0' && escape <= '7') {
          uint32_t value = static_cast<uint32_t>(escape - '0');
          for (int digits = 1; digits < 3 && i < text.size() && text[i] >= '0' && text[i] <= '7'; ++digits) {
            value = value * 8 + static_cast<uint32_t>(text[i++] - '0');
          }
          AppendCharacter(value, out);
        } else {
          out += '\\';
          out += escape;
        }
    }
  }
  return out;
}

}  // namespace sterna::jinja
