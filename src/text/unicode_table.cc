#include "text/unicode_table.h"

#include <unicode/uchar.h>

#include <map>
#include <string>

namespace sterna {
namespace {

constexpr uint8_t kL = kLetter | kWord;
constexpr uint8_t kN = kNumber | kWord;
constexpr uint8_t kM = kMark | kWord;

struct Range {
  char32_t first;
  char32_t last;
  uint8_t classes;
};
// What Unicode 15.1 and 16.0 assigned: the tokenizers we must agree with know it, the ICU of a stable distribution may not.
constexpr Range kSinceUnicode15[] = {
    {0x897, 0x897, kM},
    {0x1B4E, 0x1B4F, kPunctuation},
    {0x1B7F, 0x1B7F, kPunctuation},
    {0x1C89, 0x1C8A, kL},
    {0x2427, 0x2429, kSymbol},
    {0x2FFC, 0x2FFF, kSymbol},
    {0x31E4, 0x31E5, kSymbol},
    {0x31EF, 0x31EF, kSymbol},
    {0xA7CB, 0xA7CD, kL},
    {0xA7DA, 0xA7DC, kL},
    {0x105C0, 0x105F3, kL},
    {0x10D40, 0x10D49, kN},
    {0x10D4A, 0x10D65, kL},
    {0x10D69, 0x10D6D, kM},
    {0x10D6E, 0x10D6E, kPunctuation},
    {0x10D6F, 0x10D85, kL},
    {0x10D8E, 0x10D8F, kSymbol},
    {0x10EC2, 0x10EC4, kL},
    {0x10EFC, 0x10EFC, kM},
    {0x11380, 0x11389, kL},
    {0x1138B, 0x1138B, kL},
    {0x1138E, 0x1138E, kL},
    {0x11390, 0x113B5, kL},
    {0x113B7, 0x113B7, kL},
    {0x113B8, 0x113C0, kM},
    {0x113C2, 0x113C2, kM},
    {0x113C5, 0x113C5, kM},
    {0x113C7, 0x113CA, kM},
    {0x113CC, 0x113D0, kM},
    {0x113D1, 0x113D1, kL},
    {0x113D2, 0x113D2, kM},
    {0x113D3, 0x113D3, kL},
    {0x113D4, 0x113D5, kPunctuation},
    {0x113D7, 0x113D8, kPunctuation},
    {0x113E1, 0x113E2, kM},
    {0x116D0, 0x116E3, kN},
    {0x11BC0, 0x11BE0, kL},
    {0x11BE1, 0x11BE1, kPunctuation},
    {0x11BF0, 0x11BF9, kN},
    {0x11F5A, 0x11F5A, kM},
    {0x13460, 0x143FA, kL},
    {0x16100, 0x1611D, kL},
    {0x1611E, 0x1612F, kM},
    {0x16130, 0x16139, kN},
    {0x16D40, 0x16D6C, kL},
    {0x16D6D, 0x16D6F, kPunctuation},
    {0x16D70, 0x16D79, kN},
    {0x18CFF, 0x18CFF, kL},
    {0x1CC00, 0x1CCEF, kSymbol},
    {0x1CCF0, 0x1CCF9, kN},
    {0x1CD00, 0x1CEB3, kSymbol},
    {0x1E5D0, 0x1E5ED, kL},
    {0x1E5EE, 0x1E5EF, kM},
    {0x1E5F0, 0x1E5F0, kL},
    {0x1E5F1, 0x1E5FA, kN},
    {0x1E5FF, 0x1E5FF, kPunctuation},
    {0x1F8B2, 0x1F8BB, kSymbol},
    {0x1F8C0, 0x1F8C1, kSymbol},
    {0x1FA89, 0x1FA89, kSymbol},
    {0x1FA8F, 0x1FA8F, kSymbol},
    {0x1FABE, 0x1FABE, kSymbol},
    {0x1FAC6, 0x1FAC6, kSymbol},
    {0x1FADC, 0x1FADC, kSymbol},
    {0x1FADF, 0x1FADF, kSymbol},
    {0x1FAE9, 0x1FAE9, kSymbol},
    {0x1FBCB, 0x1FBEF, kSymbol},
    {0x2EBF0, 0x2EE5D, kL},
};

// Hugging Face's Punctuation pre-tokenizer knows \p{P} of Unicode 8; two characters have left it since.
bool IsPunctuationOfUnicode8(UChar32 code, uint32_t mask) {
  if (code == 0x166D || code == 0x111C9) return true;
  if ((mask & U_GC_P_MASK) == 0 || code == 0x1B7D || code == 0x1B7E) return false;
  UVersionInfo age;
  u_charAge(code, age);
  return age[0] <= 8;
}

uint8_t ClassesOf(UChar32 code, int8_t category) {
  const uint32_t mask = U_MASK(category);
  uint32_t classes = 0;
  if (mask & U_GC_L_MASK) classes |= kL;
  if (mask & U_GC_N_MASK) classes |= kNumber;
  if (mask & (U_GC_ND_MASK | U_GC_NL_MASK | U_GC_PC_MASK)) classes |= kWord;
  if (mask & U_GC_M_MASK) classes |= kM;
  if (mask & U_GC_P_MASK) classes |= kPunctuation;
  if (mask & U_GC_S_MASK) classes |= kSymbol;
  if (IsPunctuationOfUnicode8(code, mask)) classes |= kOldPunctuation;
  // The remaining members of \w and \s are scattered over these categories.
  if (mask & (U_GC_SO_MASK | U_GC_CF_MASK)) {
    if (u_hasBinaryProperty(code, UCHAR_ALPHABETIC) || u_hasBinaryProperty(code, UCHAR_JOIN_CONTROL)) classes |= kWord;
  }
  if (mask & (U_GC_Z_MASK | U_GC_CC_MASK)) {
    if (u_hasBinaryProperty(code, UCHAR_WHITE_SPACE)) classes |= kWhiteSpace;
  }
  return static_cast<uint8_t>(classes);
}

UBool FillRange(const void* context, UChar32 start, UChar32 limit, UCharCategory category) {
  auto* classes = static_cast<std::string*>(const_cast<void*>(context));
  for (UChar32 code = start; category != U_UNASSIGNED && code < limit; ++code) {
    (*classes)[static_cast<size_t>(code)] = static_cast<char>(ClassesOf(code, static_cast<int8_t>(category)));
  }
  return 1;
}

}  // namespace

const UnicodeTable& UnicodeTable::Get() {
  static const UnicodeTable table;
  return table;
}

UnicodeTable::UnicodeTable() {
  std::string classes(0x110000, '\0');
  for (const Range& range : kSinceUnicode15) {
    for (char32_t code = range.first; code <= range.last; ++code) classes[code] = static_cast<char>(range.classes);
  }
  u_enumCharTypes(FillRange, &classes);
  std::map<std::string, uint16_t> page_numbers;
  for (size_t page = 0; page < page_of_.size(); ++page) {
    const std::string content = classes.substr(page * 256, 256);
    const auto [entry, is_new] = page_numbers.emplace(content, static_cast<uint16_t>(page_numbers.size()));
    if (is_new) pages_.insert(pages_.end(), content.begin(), content.end());
    page_of_[page] = entry->second;
  }
  for (size_t code = 0; code < ascii_.size(); ++code) ascii_[code] = static_cast<uint8_t>(classes[code]);
}

}  // namespace sterna
