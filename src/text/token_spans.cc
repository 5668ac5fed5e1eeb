// Spans of tokens: from byte ranges to characters, and without the white space at their ends.
#include <algorithm>

#include "text/pipeline_tokenizer.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

constexpr char32_t kByteLevelSpace = 0x120;  // what stands for a space in the GPT-2 byte alphabet

bool IsSpace(char32_t code) {
  return code == kByteLevelSpace || (UnicodeTable::Get().Classes(code) & kWhiteSpace) != 0;
}

struct SpaceCounts {
  size_t leading = 0;
  size_t trailing = 0;
};

// Characters, not bytes.
SpaceCounts CountSpaces(std::string_view text) {
  SpaceCounts counts;
  bool only_spaces = true;
  for (size_t position = 0; position < text.size();) {
    const Utf8Char c = DecodeUtf8(text, position);
    const bool is_space = IsSpace(c.code);
    only_spaces &= is_space;
    if (only_spaces) ++counts.leading;
    counts.trailing = is_space ? counts.trailing + 1 : 0;
    position += c.bytes;
  }
  return counts;
}

}  // namespace

std::vector<TokenSpan> MakeSpans(std::string_view text, const std::vector<TextRange>& ranges) {
  std::vector<uint32_t> characters_before(text.size() + 1);
  uint32_t count = 0;
  for (size_t position = 0; position < text.size(); ++count) {
    const uint32_t bytes = DecodeUtf8(text, position).bytes;
    std::fill_n(characters_before.begin() + static_cast<ptrdiff_t>(position), bytes, count);
    position += bytes;
  }
  characters_before[text.size()] = count;
  std::vector<TokenSpan> spans;
  spans.reserve(ranges.size());
  for (const TextRange& range : ranges) {
    spans.push_back({range.begin, range.end, characters_before[range.begin], characters_before[range.end]});
  }
  return spans;
}

void TrimSpans(const SpanTrim& trim, std::string_view text, size_t index_of_first, std::vector<TrimmedToken>* tokens) {
  const auto forward = [&](size_t byte) { return byte + DecodeUtf8(text, byte).bytes; };
  const auto backward = [&](size_t byte) {
    size_t begin = byte - 1;
    while (begin > 0 && byte - begin < 4 && begin + DecodeUtf8(text, begin).bytes != byte) --begin;
    return begin + DecodeUtf8(text, begin).bytes == byte ? begin : byte - 1;
  };
  for (size_t i = 0; i < tokens->size(); ++i) {
    TokenSpan& span = *(*tokens)[i].span;
    SpaceCounts spaces = CountSpaces((*tokens)[i].text);
    if (spaces.leading > 0) {
      const bool is_first = i + index_of_first == 0 || span.begin_character == 0;
      if (is_first && trim.spares_prefix_space && spaces.leading == 1) spaces.leading = 0;
      for (; spaces.leading > 0 && span.begin_character < span.end_character; --spaces.leading) {
        span.begin_byte = forward(span.begin_byte);
        ++span.begin_character;
      }
    }
    if (spaces.trailing > span.end_character) continue;
    for (; spaces.trailing > 0 && span.begin_character < span.end_character; --spaces.trailing) {
      span.end_byte = backward(span.end_byte);
      --span.end_character;
    }
  }
}

}  // namespace sterna
