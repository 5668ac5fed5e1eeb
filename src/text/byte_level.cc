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
  for (size_t position = 0; position < text.size();) {
    const Utf8Char c = DecodeUtf8(text, position);
    const int byte = ByteLevelByte(c.code);
    if (byte < 0) {
      out->resize(old_size);
      return false;
    }
    out->push_back(static_cast<char>(byte));
    position += c.bytes;
  }
  return true;
}

}  // namespace sterna
