#include "formats/quoted.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <iterator>

namespace sterna {

bool IsValidUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShownBytes = 96;
  std::string_view shown = text.substr(0, kShownBytes);
  // Do not cut a character in two: up to three continuation bytes may follow its first byte.
  for (int i = 0; i < 3 && shown.size() < text.size() && !IsValidUtf8(shown); ++i) shown.remove_suffix(1);
  const bool is_utf8 = IsValidUtf8(shown);
  std::string out = "'";
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  if (shown.size() < text.size()) fmt::format_to(std::back_inserter(out), "…({} bytes)", text.size());
  out += '\'';
  return out;
}

}  // namespace sterna
