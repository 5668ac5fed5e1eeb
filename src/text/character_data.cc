#include "text/character_data.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "text/utf8.h"

namespace sterna {
namespace {

bool IsInRange(char32_t code, char32_t first, char32_t last) {
  return code >= first && code <= last;
}

uint32_t CategoryMask(char32_t code) {
  return code >= kInvalidByte ? 0 : U_MASK(u_charType(static_cast<UChar32>(code)));
}

// Assigned in that version of Unicode or before.
bool IsAsOld(char32_t code, uint8_t version) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(code), age);
  return age[0] > 0 && age[0] <= version;
}

// What Unicode 16 and 17 gave a lower case; the ICU of a stable distribution may not know them.
char32_t NewLowercaseOf(char32_t code) {
  if (IsInRange(code, 0x10D50, 0x10D65)) return code + 0x20;
  if (IsInRange(code, 0x16EA0, 0x16EB8)) return code + 0x1B;
  switch (code) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA:
      return code + 1;
    case 0xA7CB:
      return 0x264;
    case 0xA7DC:
      return 0x19B;
    default:
      return code;
  }
}

}  // namespace

bool IsMarkForNormalization(char32_t code) {
  if (code < 0x300 || code == 0x111C9) return false;  // the second has become a mark since
  if (IsInRange(code, 0x1CF2, 0x1CF3)) return true;   // these have ceased to be
  return (CategoryMask(code) & U_GC_M_MASK) != 0 && IsAsOld(code, 9);
}

bool IsNonspacingMarkForBert(char32_t code) {
  if (code < 0x300) return false;
  if (code == 0x1734) return true;
  if (IsInRange(code, 0x1885, 0x1886) || code == 0xA9BD || code == 0x111C9) return false;
  return (CategoryMask(code) & U_GC_MN_MASK) != 0 && IsAsOld(code, 8);
}

bool IsControlForBert(char32_t code) {
  if (code == '\t' || code == '\n' || code == '\r') return false;
  if (IsInRange(code, 0x20, 0x7E)) return false;
  return (CategoryMask(code) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0 && IsAsOld(code, 8);
}

bool IsNumericForDigits(char32_t code) {
  if ((CategoryMask(code) & U_GC_N_MASK) != 0) return true;
  // Since Unicode 16 and 17.
  constexpr char32_t kRanges[][2] = {{0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9},
                                     {0x11DE0, 0x11DE9}, {0x16130, 0x16139}, {0x16D70, 0x16D79},
                                     {0x16FF4, 0x16FF6}, {0x1CCF0, 0x1CCF9}, {0x1E5F1, 0x1E5FA}};
  for (const auto& range : kRanges) {
    if (IsInRange(code, range[0], range[1])) return true;
  }
  return false;
}

char32_t LowercaseOf(char32_t code) {
  if (code >= kInvalidByte) return code;
  const auto lower = static_cast<char32_t>(u_tolower(static_cast<UChar32>(code)));
  return lower == code && code >= 0x1C89 ? NewLowercaseOf(code) : lower;
}

int32_t ScriptOf(char32_t code) {
  if (code == ' ' || code >= kInvalidByte || !IsAsOld(code, 9)) return kAnyScript;
  if (code == 0x589 || code == 0x61C) return USCRIPT_COMMON;
  if (code == 0x953 || code == 0x954) return USCRIPT_DEVANAGARI;
  if (code == 0x30FC) return USCRIPT_HAN;
  UErrorCode error = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(static_cast<UChar32>(code), &error);
  if (U_FAILURE(error) || script == USCRIPT_UNKNOWN) return kAnyScript;
  return script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ? USCRIPT_HAN : script;
}

}  // namespace sterna
