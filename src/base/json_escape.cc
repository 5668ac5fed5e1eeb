#include "base/json_escape.h"

namespace sterna {

bool AppendJsonEscape(char byte, std::string* out) {
  constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  constexpr std::string_view kDigits = "0123456789abcdef";
  const size_t at = kShort.find(byte);
  const auto code = static_cast<unsigned char>(byte);
  if (at != std::string_view::npos) {
    *out += '\\';
    *out += kLetters[at];
  } else if (code < 0x20) {
    *out += "\\u00";
    *out += kDigits[code / 16];
    *out += kDigits[code % 16];
  } else {
    return false;
  }
  return true;
}

std::string JsonQuoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (!AppendJsonEscape(c, &out)) out += c;
  }
  out += '"';
  return out;
}

}  // namespace sterna
