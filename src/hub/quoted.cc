#include "hub/quoted.h"

namespace sterna {

std::string OneLine(std::string_view text, size_t limit) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (out.size() >= limit && (byte & 0xc0) != 0x80) return out + "…";
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return out;
}

std::string InQuotes(std::string_view text) {
  return "'" + OneLine(text) + "'";
}

}  // namespace sterna
