// UTF-8 as tokenizers need it: any bytes are walked, an invalid byte counts as one character, output is repaired or held back.
#ifndef STERNA_TEXT_UTF8_H_
#define STERNA_TEXT_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sterna {

/// The code point that stands for one byte that is not part of valid UTF-8; past the end of Unicode, so no class contains it.
inline constexpr char32_t kInvalidByte = 0x110000;

struct Utf8Char {
  char32_t code;   ///< or kInvalidByte
  uint32_t bytes;  ///< 1..4
};

/// The character that starts at text[position]. Precondition: position < text.size(). Overlong forms, surrogates and values past
/// U+10FFFF are invalid (Unicode 15, table 3-7).
Utf8Char DecodeUtf8Slow(std::string_view text, size_t position);
inline Utf8Char DecodeUtf8(std::string_view text, size_t position) {
  const auto byte = static_cast<uint8_t>(text[position]);
  if (byte < 0x80) return {byte, 1};
  const auto next = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text.data()[position + i])) ^ 0x80; };
  if (byte >= 0xC2 && byte < 0xE0 && text.size() - position > 1 && next(1) < 0x40) return {(byte & 0x1Fu) << 6 | next(1), 2};
  // 0xE0 and 0xED have narrower ranges.
  if (byte > 0xE0 && byte < 0xF0 && byte != 0xED && text.size() - position > 2 && (next(1) | next(2)) < 0x40) {
    return {(byte & 0x0Fu) << 12 | next(1) << 6 | next(2), 3};
  }
  return DecodeUtf8Slow(text, position);
}

/// Number of bytes of the longest valid prefix.
size_t ValidUtf8Prefix(std::string_view text);
/// code: a Unicode scalar value.
void AppendUtf8(char32_t code, std::string* out);
/// Appends `bytes` with every maximal invalid part replaced by one U+FFFD (Unicode 15, section 3.9, as Rust's from_utf8_lossy).
void AppendLossyUtf8(std::string_view bytes, std::string* out);

/// Turns the bytes of successive tokens into whole characters. One thread.
class Utf8Assembler {
 public:
  /// All characters that are complete now; at most 3 bytes of an unfinished one are held back. What can no longer become valid
  /// comes out as U+FFFD at once, so the result is always valid UTF-8.
  std::string Push(std::string_view bytes);
  /// The end: an unfinished character becomes one U+FFFD.
  std::string Flush();
  bool has_pending() const { return !pending_.empty(); }

 private:
  std::string pending_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_UTF8_H_
