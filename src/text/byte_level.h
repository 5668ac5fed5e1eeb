// The byte alphabet of GPT-2: 256 printable characters that stand for bytes in byte-level vocabularies.
#ifndef STERNA_TEXT_BYTE_LEVEL_H_
#define STERNA_TEXT_BYTE_LEVEL_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sterna {

/// '!'..'~', U+00A1..U+00AC and U+00AE..U+00FF stand for themselves; the other 68 bytes, in order, are U+0100..U+0143
/// (openai/gpt-2 encoder.py `bytes_to_unicode`).
char32_t ByteLevelChar(uint8_t byte);
/// The byte a character stands for, or -1.
int ByteLevelByte(char32_t code);

void AppendByteLevel(std::string_view bytes, std::string* out);
/// Appends the bytes that `text` stands for; false, with nothing appended, where a character is not in the alphabet.
bool AppendBytesOfByteLevel(std::string_view text, std::string* out);

}  // namespace sterna

#endif  // STERNA_TEXT_BYTE_LEVEL_H_
