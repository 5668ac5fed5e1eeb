#include "text/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sterna {
namespace {

using testing::HasSubstr;

// "[match]" and "gap" in order.
std::string Tiles(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::Compile(pattern);
  if (!regex.ok()) return std::string(regex.status().message());
  std::vector<Span> spans;
  const Status status = (*regex)->Tile(text, &spans);
  if (!status.ok()) return std::string(status.message());
  std::string out;
  size_t covered = 0;
  for (const Span& span : spans) {
    EXPECT_EQ(span.begin, covered);
    covered = span.end;
    const std::string part(text.substr(span.begin, span.end - span.begin));
    out += span.is_match ? "[" + part + "]" : part;
  }
  EXPECT_EQ(covered, text.size());
  return out;
}

TEST(Regex, TilesTheWholeText) {
  EXPECT_EQ(Tiles("b+", "abbcb"), "a[bb]c[b]");
  EXPECT_EQ(Tiles("x", ""), "");
  EXPECT_EQ(Tiles("x", "abc"), "abc");
  EXPECT_EQ(Tiles(R"(\p{Han}+)", "a漢字b"), "a[漢字]b");
}

TEST(Regex, EmptyMatchesSplitOnceAtAPlace) {
  EXPECT_EQ(Tiles("(?=b)", "abb"), "a[]b[]b");
  EXPECT_EQ(Tiles("x*", "axb"), "[]a[x]b[]");
}

TEST(Regex, ClassesAreThoseOfOniguruma) {
  EXPECT_EQ(Tiles(R"(\s+)", "a\u180e\u00a0\u0085b"), "a\u180e[\u00a0\u0085]b") << "U+180E is no white space";
  EXPECT_EQ(Tiles(R"([^\s]+)", "a\u180e b"), "[a\u180e] [b]");
  EXPECT_EQ(Tiles(R"(\w+)", "e\u0301_1½\u200d!"), "[e\u0301_1½]\u200d!");
  EXPECT_EQ(Tiles(R"(\W+)", "a!?b"), "a[!?]b");
  EXPECT_EQ(Tiles(R"(a$)", "a\nba"), "[a]\nb[a]") << "$ matches before every line feed";
  EXPECT_EQ(Tiles(R"(\\s)", "a\\s"), "a[\\s]") << "an escaped backslash is no class";
  EXPECT_EQ(Tiles(R"((?i:'s))", "'ſ'S"), "['ſ]['S]");
}

TEST(Regex, InvalidBytesAreNeverMatched) {
  EXPECT_EQ(Tiles(R"([^x]+)", "ab\xC0\x80zx"), "[ab]\xC0\x80[z]x");
  EXPECT_EQ(Tiles(".", "\xED\xA0\x80"), "\xED\xA0\x80");
}

TEST(Regex, CatastrophicBacktrackingIsGivenUp) {
  const auto regex = Regex::Compile("(a+)+$");
  ASSERT_TRUE(regex.ok());
  std::vector<Span> spans;
  const Status status = (*regex)->Tile(std::string(40, 'a') + "b", &spans);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("(a+)+$"));
}

TEST(Regex, RefusesWhatDoesNotCompileOrIsTooLong) {
  EXPECT_EQ(Regex::Compile("(").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(Regex::Compile(R"(\C)").status().code(), StatusCode::kMalformed) << "single bytes would break UTF-8";
  EXPECT_EQ(Regex::Compile(R"(\p{NoSuchScript})").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(Regex::Compile(std::string(100 * 1024, 'a')).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(Regex::Compile(std::string(5000, '(') + std::string(5000, ')')).status().code(), StatusCode::kMalformed);
}

TEST(Regex, LongRunsNeedNoLongerLimit) {
  const std::string text(1 << 20, 'a');
  EXPECT_EQ(Tiles(R"((?:a|b)+)", text), "[" + text + "]");
}

}  // namespace
}  // namespace sterna
