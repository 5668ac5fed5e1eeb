#include "inspect/escape.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace sterna {
namespace {

struct Character {
  uint32_t code = 0;
  size_t bytes = 0;  ///< 0: the first byte begins no character
};

/// The first character of a text that is not empty (Unicode 15, table 3-7).
Character FirstCharacter(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  uint32_t code = lead & (0xffu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, bytes};
}

bool HasASayOverTheTerminal(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

}  // namespace

std::string EscapeForTerminal(std::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "…";
    const Character character = FirstCharacter(text);
    if (character.bytes == 0 || (character.code < 0x80 && HasASayOverTheTerminal(character.code))) {
      const auto byte = static_cast<uint8_t>(text.front());
      byte == '\n' ? out.append("\\n") : out.append(fmt::format("\\x{:02x}", byte));
      text.remove_prefix(1);
      continue;
    }
    if (HasASayOverTheTerminal(character.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", character.code);
    } else {
      out += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::string EscapeForHtml(std::string_view text) {
  std::string out;
  for (const char c : EscapeForTerminal(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace sterna
