#include "text/byte_level.h"

#include <array>

#include "text/utf8.h"

namespace sterna {
namespace {

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<uint16_t, 256> MakeChars() {
  std::array<uint16_t, 256> chars{};
  uint16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    chars[static_cast<size_t>(byte)] = StandsForItself(byte) ? static_cast<uint16_t>(byte) : next++;
  }
  return chars;
}

constexpr std::array<uint16_t, 256> kChars = MakeChars();
constexpr size_t kCodes = 0x144;

constexpr std::array<int16_t, kCodes> MakeBytes() {
  std::array<int16_t, kCodes> bytes{};
  for (auto& byte : bytes) byte = -1;
  for (size_t byte = 0; byte < 256; ++byte) bytes[kChars[byte]] = static_cast<int16_t>(byte);
  return bytes;
}

constexpr std::array<int16_t, kCodes> kBytes = MakeBytes();

}  // namespace

char32_t ByteLevelChar(uint8_t byte) {
  return kChars[byte];
}

int ByteLevelByte(char32_t code) {
  return code < kCodes ? kBytes[code] : -1;
}

void AppendByteLevel(std::string_view bytes, std::string* out) {
  for (const char byte : bytes) AppendUtf8(ByteLevelChar(static_cast<uint8_t>(byte)), out);
}

bool AppendBytesOfByteLevel(std::string_view text, std::string* out) {
  const size_t old_size = out->size();
  out->resize(old_size + text.size());
  char* next = out->data() + old_size;
  for (size_t position = 0; position < text.size();) {
    // All of the alphabet has one or two bytes, and vocabularies are long.
    const auto first = static_cast<uint8_t>(text[position++]);
    char32_t code = first;
    if (first >= 0x80) {
      const auto second = position < text.size() ? static_cast<uint8_t>(text[position++]) : uint8_t{0};
      const bool is_pair = (first == 0xC2 || first == 0xC3 || first == 0xC4 || first == 0xC5) && (second & 0xC0) == 0x80;
      code = is_pair ? static_cast<char32_t>((first & 0x1F) << 6 | (second & 0x3F)) : kCodes;
    }
    const int byte = ByteLevelByte(code);
    if (byte < 0) {
      out->resize(old_size);
      return false;
    }
    *next++ = static_cast<char>(byte);
  }
  out->resize(static_cast<size_t>(next - out->data()));
  return true;
}

}  // namespace sterna
