#include "text/word_scanner.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "text/regex.h"
#include "text/utf8.h"

namespace sterna {
namespace {

constexpr std::array<std::string_view, 4> kRegexes = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
};

std::vector<std::string> Scan(WordPattern pattern, std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = ScanWord(pattern, text, begin);
    EXPECT_GT(end, begin);
    EXPECT_LE(end, text.size());
    if (end <= begin) break;
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

// Characters in which the alternatives differ, and blocks in which Unicode 14, which PCRE2 knows, and 16 are the same.
std::string RandomText(std::mt19937* rng) {
  static const std::vector<std::string> pieces = {"'",          "'s",
                                                  "'S",         "'ſ",
                                                  "'re",        "'rE",
                                                  "'ll",        "'l",
                                                  "'ve",        "'d",
                                                  "'m",         "'t",
                                                  "'x",         " ",
                                                  "  ",         "\n",
                                                  "\r",         "\r\n",
                                                  "\t",         "\v",
                                                  "\u00a0",     "\u3000",
                                                  "\u0085",     "\u2028",
                                                  "\u180e",     "\u200b",
                                                  "1",          "123",
                                                  "1234",       "²",
                                                  "Ⅷ",          "٣",
                                                  "a",          "Z",
                                                  "é",          "ſ",
                                                  "İ",          "K",
                                                  "漢",         "한",
                                                  "ा",          "\u0300",
                                                  "\u20dd",     "_",
                                                  "-",          "...",
                                                  "!",          "$",
                                                  "+",          "“",
                                                  "。",         std::string(1, '\0'),
                                                  "\x1f",       "ª",
                                                  "ⓐ",          "ǅ",
                                                  "\U0001D400", "\U0001F469\u200D\U0001F469",
                                                  "\uE000",     "\uFFFD"};
  std::string text;
  for (size_t count = (*rng)() % 24; count > 0; --count) {
    if ((*rng)() % 5 != 0) {
      text += pieces[(*rng)() % pieces.size()];
    } else {
      AppendUtf8(static_cast<char32_t>(0x20 + (*rng)() % 0x7E0), &text);
    }
  }
  return text;
}

TEST(ScanWord, TilesRandomTextAsTheRegularExpressionDoes) {
  std::mt19937 rng(5);
  for (const std::string_view regex : kRegexes) {
    const std::optional<WordPattern> pattern = FindWordPattern(regex);
    ASSERT_TRUE(pattern.has_value());
    const auto compiled = Regex::Compile(regex);
    ASSERT_TRUE(compiled.ok()) << compiled.status().message();
    for (int round = 0; round < 4000; ++round) {
      const std::string text = RandomText(&rng);
      std::vector<Span> spans;
      ASSERT_TRUE((*compiled)->Tile(text, &spans).ok());
      std::vector<std::string> expected;
      for (const Span& span : spans) expected.push_back(text.substr(span.begin, span.end - span.begin));
      ASSERT_EQ(Scan(*pattern, text), expected) << regex;
    }
  }
}

TEST(ScanWord, SplitsAsTheReferenceDoes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(Scan(WordPattern::kLlama3, "I'LL take 12345  (\n\n  now)"),
            (Words{"I", "'LL", " take", " ", "123", "45", " ", " (\n\n", " ", " now", ")"}));
  EXPECT_EQ(Scan(WordPattern::kGpt2, "I'LL take 12345  (\n\n  now)"),
            (Words{"I", "'", "LL", " take", " 12345", " ", " (", "\n\n ", " now", ")"}));
  EXPECT_EQ(Scan(WordPattern::kQwen2, "12\t\n x  "), (Words{"1", "2", "\t\n", " x", "  "}));
  EXPECT_EQ(Scan(WordPattern::kQwen35, "हिन्दी!"), (Words{"हिन्दी", "!"}));
}

TEST(ScanWord, InvalidBytesAreCharactersThatAreNeitherLettersNorSpace) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(Scan(WordPattern::kGpt2, "ab\xC0\x80 \xFF\xFE 1"), (Words{"ab", "\xC0\x80", " \xFF\xFE", " 1"}));
  EXPECT_EQ(Scan(WordPattern::kLlama3, "\xE2\x96"), (Words{"\xE2\x96"}));
}

TEST(FindWordPattern, KnowsNoOther) {
  EXPECT_FALSE(FindWordPattern(R"(\p{N}{1,3})").has_value());
}

}  // namespace
}  // namespace sterna
