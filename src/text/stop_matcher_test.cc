#include "text/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sterna {
namespace {

StopMatcher Make(std::vector<std::string> stops) {
  auto matcher = StopMatcher::Create(std::move(stops));
  EXPECT_TRUE(matcher.ok()) << matcher.status().message();
  return *std::move(matcher);
}

// Feeds `text` in pieces of `step` bytes; the whole output.
std::string Feed(StopMatcher matcher, std::string_view text, size_t step) {
  std::string out;
  for (size_t begin = 0; begin < text.size(); begin += step) out += matcher.Push(text.substr(begin, step));
  return out + matcher.Flush();
}

TEST(StopMatcher, T15StopStraddlingPiecesIsCutOut) {
  StopMatcher matcher = Make({"<|end|>"});
  EXPECT_EQ(matcher.Push("hello <|e"), "hello ");
  EXPECT_EQ(matcher.Push("nd"), "");
  EXPECT_EQ(matcher.Push("|> more"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.matched_stop(), 0);
  EXPECT_EQ(matcher.Push("x"), "");
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopMatcher, FalseStartComesOutWhenItFails) {
  StopMatcher matcher = Make({"aab"});
  EXPECT_EQ(matcher.Push("aa"), "");
  EXPECT_EQ(matcher.Push("a"), "a") << "the last two may still begin the stop";
  EXPECT_EQ(matcher.Push("c"), "aac");
  EXPECT_EQ(matcher.Push("a"), "");
  EXPECT_EQ(matcher.Flush(), "a");
}

TEST(StopMatcher, FirstToEndWinsAndTheLongestOfThose) {
  StopMatcher matcher = Make({"d", "bcd", "abcde"});
  EXPECT_EQ(matcher.Push("xabcde"), "xa");
  EXPECT_EQ(matcher.matched_stop(), 1);
}

TEST(StopMatcher, T15StopInsideACharacterBoundaryWorksOnBytes) {
  StopMatcher matcher = Make({"\U0001F601"});
  EXPECT_EQ(matcher.Push("a\xF0\x9F"), "a");
  EXPECT_EQ(matcher.Push("\x98\x81"), "");
  EXPECT_TRUE(matcher.stopped());
}

TEST(StopMatcher, EqualsSearchInTheWholeTextForRandomStopsAndCuts) {
  std::mt19937 rng(11);
  const auto random_text = [&](size_t least, size_t most) {
    std::string text(least + rng() % (most - least + 1), 'a');
    for (char& c : text) c = static_cast<char>('a' + rng() % 3);
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> stops(1 + rng() % 4);
    for (std::string& stop : stops) stop = random_text(1, 6);
    const std::string text = random_text(0, 60);
    size_t first_end = std::string::npos;
    size_t length = 0;
    for (const std::string& stop : stops) {
      const size_t at = text.find(stop);
      if (at == std::string::npos) continue;
      const size_t end = at + stop.size();
      if (end < first_end || (end == first_end && stop.size() > length)) {
        first_end = end;
        length = stop.size();
      }
    }
    const std::string expected = first_end == std::string::npos ? text : text.substr(0, first_end - length);
    ASSERT_EQ(Feed(Make(stops), text, 1 + rng() % 7), expected) << text;
  }
}

TEST(StopMatcher, LongSelfSimilarStopNeedsLinearTime) {
  const std::string stop = std::string(StopMatcher::kMaxStopBytes - 1, 'a') + "b";
  const std::string text(1 << 20, 'a');
  EXPECT_EQ(Feed(Make(std::vector<std::string>(16, stop)), text, 3), text);
}

TEST(StopMatcher, T15RefusesEmptyTooLongAndTooMany) {
  EXPECT_EQ(StopMatcher::Create({"ok", ""}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(StopMatcher::Create({std::string(4097, 'x')}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(StopMatcher::Create(std::vector<std::string>(17, "x")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(StopMatcher::Create({std::string(4096, 'x')}).ok());
  EXPECT_TRUE(StopMatcher::Create(std::vector<std::string>(16, "x")).ok());
  EXPECT_EQ(Feed(Make({}), "text", 2), "text");
}

}  // namespace
}  // namespace sterna
