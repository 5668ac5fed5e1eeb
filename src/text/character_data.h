// Character properties of the Unicode versions that the parts of `tokenizers` know; each part has data of its own age.
#ifndef STERNA_TEXT_CHARACTER_DATA_H_
#define STERNA_TEXT_CHARACTER_DATA_H_

#include <cstdint>

namespace sterna {

// All take any code point, kInvalidByte too, of which nothing holds. Slower than UnicodeTable: a few table look-ups.

/// \p{M} as StripAccents has it.
bool IsMarkForNormalization(char32_t code);
/// \p{Mn} as BertNormalizer has it (Unicode 8).
bool IsNonspacingMarkForBert(char32_t code);
/// Control, format, private-use and surrogate characters as BertNormalizer drops them (Unicode 8), tab and line ends not among
/// them.
bool IsControlForBert(char32_t code);
/// Rust's char::is_numeric, \p{N} of Unicode 17, as Digits has it.
bool IsNumericForDigits(char32_t code);
/// The lower case of one character, itself where there is none; U+0130 is the caller's.
char32_t LowercaseOf(char32_t code);
/// The number of its script (ICU's) as UnicodeScripts has it (Unicode 9): Hiragana and Katakana count as Han; kAnyScript for a
/// space and for what has none.
inline constexpr int32_t kAnyScript = -1;
int32_t ScriptOf(char32_t code);

}  // namespace sterna

#endif  // STERNA_TEXT_CHARACTER_DATA_H_
