#include "text/word_scanner.h"

#include <array>
#include <utility>

#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

/// One class-labelled character ahead.
struct Look {
  char32_t code = 0;
  uint32_t bytes = 0;  // 0: the end of the text
  uint8_t classes = 0;

  bool at_end() const { return bytes == 0; }
  bool Is(uint32_t any_of) const { return (classes & any_of) != 0; }
  bool IsLineBreak() const { return code == '\r' || code == '\n'; }
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), table_(UnicodeTable::Get()) {}

  Look At(size_t position) const {
    if (position >= text_.size()) return {};
    const auto byte = static_cast<uint8_t>(text_[position]);
    if (byte < 0x80) return {byte, 1, table_.AsciiClasses(byte)};
    const Utf8Char c = DecodeUtf8(text_, position);
    return {c.code, c.bytes, table_.Classes(c.code)};
  }

  /// End of the longest run of characters with any of `classes`.
  size_t Run(size_t position, uint32_t classes) const {
    return RunWhere(position, [classes](uint32_t found) { return (found & classes) != 0; });
  }

  size_t RunWithout(size_t position, uint32_t classes) const {
    return RunWhere(position, [classes](uint32_t found) { return (found & classes) == 0; });
  }

  size_t RunOfLineBreaks(size_t position) const {
    while (position < text_.size() && (text_[position] == '\r' || text_[position] == '\n')) ++position;
    return position;
  }

  /// \s+(?!\S)|\s+ at white space: the whole run at the end of the text, else all but its last character, but at least one.
  size_t WhiteSpace(size_t position) const {
    size_t end = position;
    size_t last = position;
    for (Look c = At(end); !c.at_end() && c.Is(kWhiteSpace); c = At(end)) {
      last = end;
      end += c.bytes;
    }
    return end == text_.size() || last == position ? end : last;
  }

  /// \s*[\r\n]+ at white space: up to and with the last line break of the run, or `position` where it has none.
  size_t ThroughLastLineBreak(size_t position) const {
    size_t after_break = position;
    size_t end = position;
    for (Look c = At(end); !c.at_end() && c.Is(kWhiteSpace); c = At(end)) {
      end += c.bytes;
      if (c.IsLineBreak()) after_break = end;
    }
    return after_break;
  }

  /// End of an English contraction at an apostrophe, or `position`.
  size_t Contraction(size_t position, bool ignore_case) const {
    const auto lower = [&](size_t i) -> char {
      if (i >= text_.size()) return 0;
      const char c = text_[i];
      return ignore_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    const char first = lower(position + 1);
    const char second = lower(position + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return position + 2;
    if ((first == 'r' || first == 'v') && second == 'e') return position + 3;
    if (first == 'l' && second == 'l') return position + 3;
    // U+017F, the long s, is an s where case is ignored.
    if (ignore_case && text_.substr(position + 1, 2) == "\xC5\xBF") return position + 3;
    return position;
  }

 private:
  template <class Matches>
  size_t RunWhere(size_t position, Matches matches) const {
    while (position < text_.size()) {
      const auto byte = static_cast<uint8_t>(text_[position]);
      if (byte < 0x80) {
        // Most text is ASCII: one look-up a character, no decoding.
        if (!matches(table_.AsciiClasses(byte))) break;
        ++position;
        continue;
      }
      const Look c = At(position);
      if (!matches(c.classes)) break;
      position += c.bytes;
    }
    return position;
  }

  std::string_view text_;
  const UnicodeTable& table_;
};

size_t ScanGpt2(const Scanner& scan, std::string_view text, size_t position) {
  if (text[position] == '\'') {
    const size_t end = scan.Contraction(position, false);
    if (end > position) return end;
  }
  const size_t start = text[position] == ' ' ? position + 1 : position;
  const Look first = scan.At(start);
  if (first.at_end() || first.Is(kWhiteSpace)) return scan.WhiteSpace(position);
  if (first.Is(kLetter)) return scan.Run(start, kLetter);
  if (first.Is(kNumber)) return scan.Run(start, kNumber);
  return scan.RunWithout(start, kWhiteSpace | kLetter | kNumber);
}

struct Llama3Options {
  int max_digits;
  uint32_t letters;  // what a word is made of
};

size_t ScanLlama3(const Scanner& scan, std::string_view text, size_t position, const Llama3Options& options) {
  if (text[position] == '\'') {
    const size_t end = scan.Contraction(position, true);
    if (end > position) return end;
  }
  const Look first = scan.At(position);
  if (first.Is(options.letters)) return scan.Run(position, options.letters);
  if (first.Is(kNumber)) {
    size_t end = position;
    Look c = first;
    for (int digits = 0; digits < options.max_digits && c.Is(kNumber); ++digits) {
      end += c.bytes;
      c = scan.At(end);
    }
    return end;
  }
  const Look second = scan.At(position + first.bytes);
  if (!first.IsLineBreak() && second.Is(options.letters)) return scan.Run(position + first.bytes, options.letters);
  const uint32_t not_symbol = kWhiteSpace | kNumber | options.letters;
  const bool space_before_symbol = first.code == ' ' && !second.at_end() && !second.Is(not_symbol);
  if (space_before_symbol || !first.Is(not_symbol)) {
    return scan.RunOfLineBreaks(scan.RunWithout(position + (space_before_symbol ? 1 : 0), not_symbol));
  }
  const size_t after_break = scan.ThroughLastLineBreak(position);
  return after_break > position ? after_break : scan.WhiteSpace(position);
}

constexpr std::array<std::pair<std::string_view, WordPattern>, 5> kPatterns = {{
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", WordPattern::kGpt2},
    // Without its last alternative the rest is unmatched white space, which splitting keeps as a piece all the same.
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))", WordPattern::kGpt2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     WordPattern::kLlama3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     WordPattern::kQwen2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     WordPattern::kQwen35},
}};

}  // namespace

std::optional<WordPattern> FindWordPattern(std::string_view regex) {
  for (const auto& [text, pattern] : kPatterns) {
    if (text == regex) return pattern;
  }
  return std::nullopt;
}

size_t ScanWord(WordPattern pattern, std::string_view text, size_t position) {
  size_t end = text.size();
  ScanWords(pattern, text, position, {&end, 1});
  return end;
}

size_t ScanWords(WordPattern pattern, std::string_view text, size_t position, std::span<size_t> ends) {
  const Scanner scan(text);
  const auto fill = [&](auto next) {
    size_t count = 0;
    for (; count < ends.size() && position < text.size(); ++count) ends[count] = position = next(position);
    return count;
  };
  switch (pattern) {
    case WordPattern::kGpt2:
      return fill([&](size_t at) { return ScanGpt2(scan, text, at); });
    case WordPattern::kLlama3:
      return fill([&](size_t at) { return ScanLlama3(scan, text, at, {3, kLetter}); });
    case WordPattern::kQwen2:
      return fill([&](size_t at) { return ScanLlama3(scan, text, at, {1, kLetter}); });
    case WordPattern::kQwen35:
      return fill([&](size_t at) { return ScanLlama3(scan, text, at, {1, kLetter | kMark}); });
  }
  return 0;
}

}  // namespace sterna
