#include "text/base64.h"

#include <fmt/format.h>

#include <cstdint>

namespace sterna {
namespace {

int Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

Result<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return Malformed(fmt::format("base64 of {} characters, expected a multiple of 4", text.size()));
  std::string_view digits = text;
  for (int i = 0; i < 2 && digits.ends_with('='); ++i) digits.remove_suffix(1);
  std::string bytes;
  bytes.reserve(digits.size() / 4 * 3 + 2);
  uint32_t buffer = 0;
  int bits = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const int digit = Digit(digits[i]);
    if (digit < 0) return Malformed(fmt::format("base64: byte {} is not a digit", i));
    buffer = (buffer << 6 | static_cast<uint32_t>(digit)) & 0xFFFFFF;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(buffer >> bits & 0xFF));
  }
  if ((buffer & ((1u << bits) - 1)) != 0) return Malformed("base64: bits past the last byte");
  return bytes;
}

}  // namespace sterna
