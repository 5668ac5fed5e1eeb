// Unicode classes of code points, as the regular expressions of tokenizers name them, in one byte each.
#ifndef STERNA_TEXT_UNICODE_TABLE_H_
#define STERNA_TEXT_UNICODE_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sterna {

enum UnicodeClass : uint8_t {
  kLetter = 1,            ///< \p{L}
  kNumber = 2,            ///< \p{N}
  kWhiteSpace = 4,        ///< \s: the property White_Space
  kMark = 8,              ///< \p{M}
  kPunctuation = 16,      ///< \p{P}
  kSymbol = 32,           ///< \p{S}
  kWord = 64,             ///< \w: Alphabetic, \p{M}, \p{Nd}, \p{Pc}, Join_Control (Unicode TS 18, annex C)
  kOldPunctuation = 128,  ///< \p{P} of Unicode 8
};

/// Unicode 16 (ICU's data, and what it may lack), which Hugging Face tokenizers 0.23 use too. Built once, then read-only: 17 * 256
/// page numbers and about 200 pages of 256 bytes.
class UnicodeTable {
 public:
  static const UnicodeTable& Get();

  /// The or of the classes of `code`; 0 past U+10FFFF (kInvalidByte).
  uint8_t Classes(char32_t code) const {
    if (code >= 0x110000) return 0;
    return pages_[page_of_[code >> 8] * size_t{256} + (code & 0xFF)];
  }

  /// The same for a byte below 0x80.
  uint8_t AsciiClasses(uint8_t code) const { return ascii_[code]; }

 private:
  UnicodeTable();

  std::array<uint16_t, 0x1100> page_of_{};
  std::vector<uint8_t> pages_;
  std::array<uint8_t, 0x80> ascii_{};
};

}  // namespace sterna

#endif  // STERNA_TEXT_UNICODE_TABLE_H_
