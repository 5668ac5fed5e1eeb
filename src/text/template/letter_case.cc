// Case and classes of characters, from ICU's Unicode tables.
#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include <algorithm>

#include "text/template/python_text.h"

namespace sterna::jinja {
namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

char UpperAscii(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Escaped bytes become lone surrogates, which ICU leaves alone.
std::u16string ToUtf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    const char32_t c = NextCharacter(text, position);
    if (c < 0x10000) {
      out += static_cast<char16_t>(c);
    } else {
      out += static_cast<char16_t>(0xD7C0 + (c >> 10));
      out += static_cast<char16_t>(0xDC00 + (c & 0x3FF));
    }
  }
  return out;
}

std::string FromUtf16(std::u16string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char32_t c = text[i];
    if (c >= 0xD800 && c < 0xDC00 && i + 1 < text.size()) c = (c << 10) + text[++i] - 0x35FDC00;
    AppendCharacter(c, out);
  }
  return out;
}

template <class Map>
std::string MapCase(std::string_view text, Map map) {
  const std::u16string source = ToUtf16(text);
  std::u16string out(source.size() + 16, u'\0');
  for (int attempt = 0; attempt < 2; ++attempt) {
    UErrorCode error = U_ZERO_ERROR;
    const int32_t size =
        map(out.data(), static_cast<int32_t>(out.size()), source.data(), static_cast<int32_t>(source.size()), &error);
    out.resize(static_cast<size_t>(std::max<int32_t>(size, 0)));
    if (error != U_BUFFER_OVERFLOW_ERROR) break;
  }
  return FromUtf16(out);
}

UChar32 Icu(char32_t c) {
  return static_cast<UChar32>(c);
}

bool IsCased(char32_t c) {
  return u_hasBinaryProperty(Icu(c), UCHAR_CASED) != 0;
}

}  // namespace

std::string ToUpper(std::string_view text) {
  if (IsAscii(text)) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), UpperAscii);
    return out;
  }
  return MapCase(text, [](UChar* out, int32_t capacity, const UChar* source, int32_t size, UErrorCode* error) {
    return u_strToUpper(out, capacity, source, size, "", error);
  });
}

std::string ToLower(std::string_view text) {
  if (IsAscii(text)) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), LowerAscii);
    return out;
  }
  return MapCase(text, [](UChar* out, int32_t capacity, const UChar* source, int32_t size, UErrorCode* error) {
    return u_strToLower(out, capacity, source, size, "", error);
  });
}

std::string CaseFold(std::string_view text) {
  return MapCase(text, [](UChar* out, int32_t capacity, const UChar* source, int32_t size, UErrorCode* error) {
    return u_strFoldCase(out, capacity, source, size, U_FOLD_CASE_DEFAULT, error);
  });
}

std::string Capitalize(std::string_view text) {
  if (text.empty()) return std::string();
  size_t rest = 0;
  const char32_t first = NextCharacter(text, rest);
  std::string out;
  AppendCharacter(static_cast<char32_t>(u_totitle(Icu(first))), out);
  return out + ToLower(text.substr(rest));
}

std::string SwapCase(std::string_view text) {
  std::string out;
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const char32_t c = NextCharacter(text, position);
    const std::string_view character = text.substr(start, position - start);
    out += u_isUUppercase(Icu(c)) ? ToLower(character) : ToUpper(character);
  }
  return out;
}

std::string ToTitle(std::string_view text) {
  std::string out;
  bool inside_word = false;
  for (size_t position = 0; position < text.size();) {
    const char32_t c = NextCharacter(text, position);
    AppendCharacter(static_cast<char32_t>(inside_word ? u_tolower(Icu(c)) : u_totitle(Icu(c))), out);
    inside_word = IsCased(c);
  }
  return out;
}

bool IsPrintable(char32_t character) {
  if (character < 0x7F) return character >= 0x20;
  switch (u_charType(Icu(character))) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_SURROGATE:
    case U_PRIVATE_USE_CHAR:
    case U_UNASSIGNED:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
    case U_SPACE_SEPARATOR:
      return false;
    default:
      return true;
  }
}

bool AllCharactersAre(std::string_view text, CharacterClass character_class) {
  if (text.empty()) return character_class == CharacterClass::kPrintable;
  for (size_t position = 0; position < text.size();) {
    const char32_t character = NextCharacter(text, position);
    const UChar32 c = Icu(character);
    const int32_t numeric_type = u_getIntPropertyValue(c, UCHAR_NUMERIC_TYPE);
    const bool is_alphabetic = u_isalpha(c) != 0;
    bool fits = false;
    switch (character_class) {
      case CharacterClass::kAlphabetic:
        fits = is_alphabetic;
        break;
      case CharacterClass::kAlphanumeric:
        fits = is_alphabetic || numeric_type != U_NT_NONE;
        break;
      case CharacterClass::kDecimal:
        fits = numeric_type == U_NT_DECIMAL;
        break;
      case CharacterClass::kDigit:
        fits = numeric_type == U_NT_DECIMAL || numeric_type == U_NT_DIGIT;
        break;
      case CharacterClass::kNumeric:
        fits = numeric_type != U_NT_NONE;
        break;
      case CharacterClass::kSpace:
        fits = IsSpace(character);
        break;
      case CharacterClass::kPrintable:
        fits = IsPrintable(character);
        break;
    }
    if (!fits) return false;
  }
  return true;
}

bool IsUpper(std::string_view text) {
  bool found = false;
  for (size_t position = 0; position < text.size();) {
    const UChar32 c = Icu(NextCharacter(text, position));
    if (u_isULowercase(c) || u_istitle(c)) return false;
    found = found || u_isUUppercase(c);
  }
  return found;
}

bool IsLower(std::string_view text) {
  bool found = false;
  for (size_t position = 0; position < text.size();) {
    const UChar32 c = Icu(NextCharacter(text, position));
    if (u_isUUppercase(c) || u_istitle(c)) return false;
    found = found || u_isULowercase(c);
  }
  return found;
}

bool IsTitle(std::string_view text) {
  bool found = false, inside_word = false;
  for (size_t position = 0; position < text.size();) {
    const UChar32 c = Icu(NextCharacter(text, position));
    if (u_isUUppercase(c) || u_istitle(c)) {
      if (inside_word) return false;
      inside_word = found = true;
    } else if (u_isULowercase(c)) {
      if (!inside_word) return false;
      found = true;
    } else {
      inside_word = false;
    }
  }
  return found;
}

}  // namespace sterna::jinja
