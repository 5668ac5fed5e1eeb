#include "text/unicode_table.h"

#include <unicode/uchar.h>

#include <map>
#include <string>

namespace sterna {
namespace {

uint8_t ClassesOf(UChar32 code, int8_t category) {
  const uint32_t mask = U_MASK(category);
  uint32_t classes = 0;
  if (mask & U_GC_L_MASK) classes |= kLetter | kWord;
  if (mask & U_GC_N_MASK) classes |= kNumber;
  if (mask & (U_GC_ND_MASK | U_GC_NL_MASK | U_GC_PC_MASK)) classes |= kWord;
  if (mask & U_GC_M_MASK) classes |= kMark | kWord;
  if (mask & U_GC_P_MASK) classes |= kPunctuation;
  if (mask & U_GC_S_MASK) classes |= kSymbol;
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
  for (UChar32 code = start; code < limit; ++code) {
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
  u_enumCharTypes(FillRange, &classes);
  std::map<std::string, uint16_t> page_numbers;
  for (size_t page = 0; page < page_of_.size(); ++page) {
    const std::string content = classes.substr(page * 256, 256);
    const auto [entry, is_new] = page_numbers.emplace(content, static_cast<uint16_t>(page_numbers.size()));
    if (is_new) pages_.insert(pages_.end(), content.begin(), content.end());
    page_of_[page] = entry->second;
  }
}

}  // namespace sterna
