#include "text/graphemes.h"

#include <unicode/uchar.h>

#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

int BreakClass(char32_t code) {
  if (code == kInvalidByte) return U_GCB_CONTROL;
  const int found = u_getIntPropertyValue(static_cast<UChar32>(code), UCHAR_GRAPHEME_CLUSTER_BREAK);
  // Marks that ICU does not know yet.
  if (found == U_GCB_OTHER && (UnicodeTable::Get().Classes(code) & kMark) != 0) return U_GCB_EXTEND;
  return found;
}

// Conjuncts of six Indic scripts: the virama of one, or 0 (property InCB=Linker).
bool IsConjunctLinker(char32_t code) {
  switch (code) {
    case 0x94D:
    case 0x9CD:
    case 0xACD:
    case 0xB4D:
    case 0xC4D:
    case 0xD4D:
      return true;
    default:
      return false;
  }
}

// Property InCB=Consonant: the letters of those scripts that take part.
bool IsConjunctConsonant(char32_t code) {
  if (code < 0x915 || code > 0xD3A) return false;
  const char32_t script = code & ~char32_t{0x7F};  // each has a block of 128
  const char32_t letter = code & 0x7F;
  const bool is_letter = (UnicodeTable::Get().Classes(code) & kLetter) != 0;
  const bool in_row = letter >= 0x15 && letter <= 0x39;
  switch (script) {
    case 0x900:
      return is_letter && (in_row || (letter >= 0x58 && letter <= 0x5F) || (letter >= 0x78 && letter <= 0x7F));
    case 0x980:
      return is_letter && (in_row || letter == 0x5C || letter == 0x5D || letter == 0x5F || letter == 0x70 || letter == 0x71);
    case 0xA80:
      return is_letter && (in_row || letter == 0x79);
    case 0xB00:
      return is_letter && (in_row || letter == 0x5C || letter == 0x5D || letter == 0x5F || letter == 0x71);
    case 0xC00:
      return is_letter && (in_row || (letter >= 0x58 && letter <= 0x5A));
    case 0xD00:
      return is_letter && letter >= 0x15 && letter <= 0x3A;
    default:
      return false;
  }
}

}  // namespace

size_t GraphemeEnd(std::string_view text, size_t position) {
  const Utf8Char first = DecodeUtf8(text, position);
  size_t end = position + first.bytes;
  if (end == text.size()) return end;
  const auto next_byte = static_cast<uint8_t>(text[end]);
  if (first.code < 0x80 && next_byte < 0x80) return first.code == '\r' && next_byte == '\n' ? end + 1 : end;

  int left = BreakClass(first.code);
  bool after_pictograph = u_hasBinaryProperty(static_cast<UChar32>(first.code), UCHAR_EXTENDED_PICTOGRAPHIC) != 0;
  bool after_joined_pictograph = false;
  bool in_conjunct = IsConjunctConsonant(first.code);
  bool has_linker = false;
  int regional_indicators = left == U_GCB_REGIONAL_INDICATOR ? 1 : 0;
  while (end < text.size()) {
    const Utf8Char c = DecodeUtf8(text, end);
    const int right = BreakClass(c.code);
    const bool is_pictograph = u_hasBinaryProperty(static_cast<UChar32>(c.code), UCHAR_EXTENDED_PICTOGRAPHIC) != 0;
    const bool is_consonant = IsConjunctConsonant(c.code);
    const auto is_control = [](int value) { return value == U_GCB_CONTROL || value == U_GCB_CR || value == U_GCB_LF; };
    bool joins = false;
    if (left == U_GCB_CR && right == U_GCB_LF) {
      joins = true;
    } else if (is_control(left) || is_control(right)) {
      joins = false;
    } else if (left == U_GCB_L) {
      joins = right == U_GCB_L || right == U_GCB_V || right == U_GCB_LV || right == U_GCB_LVT;
    } else if (left == U_GCB_LV || left == U_GCB_V) {
      joins = right == U_GCB_V || right == U_GCB_T;
    } else if (left == U_GCB_LVT || left == U_GCB_T) {
      joins = right == U_GCB_T;
    }
    if (!is_control(left) && !is_control(right)) {
      joins |= right == U_GCB_EXTEND || right == U_GCB_ZWJ || right == U_GCB_SPACING_MARK || left == U_GCB_PREPEND;
      joins |= in_conjunct && has_linker && is_consonant;
      joins |= after_joined_pictograph && is_pictograph;
      joins |= left == U_GCB_REGIONAL_INDICATOR && right == U_GCB_REGIONAL_INDICATOR && regional_indicators % 2 == 1;
    }
    if (!joins) return end;
    after_joined_pictograph = after_pictograph && right == U_GCB_ZWJ;
    after_pictograph = is_pictograph || (after_pictograph && right == U_GCB_EXTEND);
    if (is_consonant) {
      in_conjunct = true;
      has_linker = false;
    } else if (IsConjunctLinker(c.code)) {
      has_linker = true;
    } else if (right != U_GCB_EXTEND && right != U_GCB_ZWJ) {
      in_conjunct = false;
    }
    regional_indicators = right == U_GCB_REGIONAL_INDICATOR ? regional_indicators + 1 : 0;
    left = right;
    end += c.bytes;
  }
  return end;
}

}  // namespace sterna
