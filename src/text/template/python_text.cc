#include "text/template/python_text.h"

#include <cstring>

#include <algorithm>

namespace sterna::jinja {
namespace {

constexpr char32_t kEscapedByte = 0xDC00;  // invalid bytes 0x80..0xFF live at U+DC80..U+DCFF, which no valid UTF-8 encodes

bool IsContinuation(std::string_view text, size_t position) {
  return position < text.size() && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80;
}

char32_t Bits(std::string_view text, size_t position, unsigned mask) {
  return static_cast<char32_t>(static_cast<unsigned char>(text[position]) & mask);
}

bool IsLineEnd(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

template <class Predicate>
std::string_view StripIf(std::string_view text, Side side, Predicate strips) {
  if (side != Side::kRight) {
    size_t position = 0;
    while (position < text.size()) {
      size_t next = position;
      if (!strips(NextCharacter(text, next))) break;
      position = next;
    }
    text.remove_prefix(position);
  }
  if (side != Side::kLeft) {
    while (!text.empty()) {
      size_t start = text.size() - 1;
      for (int i = 0; i < 3 && start > 0 && IsContinuation(text, start); ++i) --start;
      size_t end = start;
      char32_t last = NextCharacter(text, end);
      if (end != text.size()) {  // continuation bytes without their lead: each is a character
        start = end = text.size() - 1;
        last = NextCharacter(text, end);
      }
      if (!strips(last)) break;
      text = text.substr(0, start);
    }
  }
  return text;
}

}  // namespace

char32_t NextCharacter(std::string_view text, size_t& position) {
  const auto lead = static_cast<unsigned char>(text[position]);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  if (lead >= 0xC2 && lead < 0xE0 && IsContinuation(text, position + 1)) {
    const char32_t c = Bits(text, position, 0x1F) << 6 | Bits(text, position + 1, 0x3F);
    position += 2;
    return c;
  }
  if (lead >= 0xE0 && lead < 0xF0 && IsContinuation(text, position + 1) && IsContinuation(text, position + 2)) {
    const char32_t c = Bits(text, position, 0x0F) << 12 | Bits(text, position + 1, 0x3F) << 6 | Bits(text, position + 2, 0x3F);
    if (c >= 0x800 && (c < 0xD800 || c > 0xDFFF)) {
      position += 3;
      return c;
    }
  }
  if (lead >= 0xF0 && lead < 0xF5 && IsContinuation(text, position + 1) && IsContinuation(text, position + 2) &&
      IsContinuation(text, position + 3)) {
    const char32_t c = Bits(text, position, 0x07) << 18 | Bits(text, position + 1, 0x3F) << 12 |
                       Bits(text, position + 2, 0x3F) << 6 | Bits(text, position + 3, 0x3F);
    if (c >= 0x10000 && c <= 0x10FFFF) {
      position += 4;
      return c;
    }
  }
  ++position;
  return kEscapedByte + lead;
}

void AppendCharacter(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c >= kEscapedByte + 0x80 && c <= kEscapedByte + 0xFF) {
    out += static_cast<char>(c - kEscapedByte);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (size_t position = 0; position < text.size(); ++count) NextCharacter(text, position);
  return count;
}

std::vector<size_t> CharacterOffsets(std::string_view text) {
  std::vector<size_t> offsets;
  offsets.reserve(text.size() + 1);
  for (size_t position = 0; position < text.size();) {
    offsets.push_back(position);
    NextCharacter(text, position);
  }
  offsets.push_back(text.size());
  return offsets;
}

size_t OffsetOfCharacter(std::string_view text, size_t index) {
  size_t position = 0;
  for (size_t i = 0; i < index && position < text.size(); ++i) NextCharacter(text, position);
  return position;
}

std::optional<size_t> FindText(std::string_view text, std::string_view what, size_t start) {
  if (start > text.size()) return std::nullopt;
  if (what.empty()) return start;
  // memmem is the two-way algorithm: std::string::find is quadratic on texts like "aaa…".
  const void* found = memmem(text.data() + start, text.size() - start, what.data(), what.size());
  if (!found) return std::nullopt;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::optional<size_t> FindLastText(std::string_view text, std::string_view what) {
  const std::string reversed_text(text.rbegin(), text.rend()), reversed_what(what.rbegin(), what.rend());
  const std::optional<size_t> found = FindText(reversed_text, reversed_what);
  if (!found) return std::nullopt;
  return text.size() - what.size() - *found;
}

bool IsSpace(char32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

std::string_view StripSpace(std::string_view text, Side side) {
  return StripIf(text, side, IsSpace);
}

std::string_view StripCharacters(std::string_view text, std::string_view characters, Side side) {
  std::u32string set;
  for (size_t position = 0; position < characters.size();) set += NextCharacter(characters, position);
  std::sort(set.begin(), set.end());
  return StripIf(text, side, [&set](char32_t c) { return std::binary_search(set.begin(), set.end(), c); });
}

std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t position = 0; position < text.size();) {
    const size_t end = position;
    const char32_t c = NextCharacter(text, position);
    if (!IsLineEnd(c)) continue;
    if (c == '\r' && position < text.size() && text[position] == '\n') ++position;
    lines.push_back(text.substr(start, (keep_ends ? position : end) - start));
    start = position;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace sterna::jinja
