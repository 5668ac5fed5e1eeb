#include "text/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sterna {
namespace {

const std::string kFffd = "\xEF\xBF\xBD";

struct LossyCase {
  std::string bytes;
  std::string text;
};

// Unicode 15, section 3.9, "U+FFFD substitution of maximal subparts".
const std::vector<LossyCase> kLossyCases = {
    {"\xC0\x80", kFffd + kFffd},                          // overlong NUL
    {"\xE0\x80\x80", kFffd + kFffd + kFffd},              // overlong
    {"\xED\xA0\x80", kFffd + kFffd + kFffd},              // surrogate
    {"\xF4\x90\x80\x80", kFffd + kFffd + kFffd + kFffd},  // past U+10FFFF
    {"\xF5\xFF\xFE", kFffd + kFffd + kFffd},              // never lead bytes
    {"\xF0\x9F\x98", kFffd},                              // cut short
    {"\xE2\x96", kFffd},                                  // cut short
    {"a\xE2\x96z", "a" + kFffd + "z"},                    // interrupted
    {"\xF0\x9F\xF0\x9F\x98\x81", kFffd + "\U0001F601"},   // interrupted by a lead byte
    {"\x80", kFffd},                                      // stray continuation
    {"\xF1\x80\x80\xE1\x80\xC2", kFffd + kFffd + kFffd},  // three maximal parts
};

TEST(Utf8, LossyOutputReplacesEachMaximalInvalidPart) {
  for (const LossyCase& c : kLossyCases) {
    std::string out;
    AppendLossyUtf8(c.bytes, &out);
    EXPECT_EQ(out, c.text);
  }
}

TEST(Utf8, EveryScalarValueSurvivesEncodingAndDecoding) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string bytes;
    AppendUtf8(code, &bytes);
    const Utf8Char c = DecodeUtf8(bytes, 0);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(c.bytes, bytes.size());
    ASSERT_EQ(ValidUtf8Prefix(bytes), bytes.size());
  }
}

TEST(Utf8, EveryInvalidByteIsOneCharacterOfNoClass) {
  for (const LossyCase& c : kLossyCases) {
    size_t position = 0;
    while (position < c.bytes.size()) {
      const Utf8Char decoded = DecodeUtf8(c.bytes, position);
      ASSERT_GE(decoded.bytes, 1u);
      if (decoded.code == kInvalidByte) {
        ASSERT_EQ(decoded.bytes, 1u);
      }
      position += decoded.bytes;
    }
    EXPECT_EQ(position, c.bytes.size());
  }
}

TEST(Utf8Assembler, AnyCutGivesTheLossyTextOfTheWhole) {
  std::string all = "é漢\U0001F469\u200D\U0001F469 plain ";
  for (const LossyCase& c : kLossyCases) all += c.bytes + "|";
  std::string expected;
  AppendLossyUtf8(all, &expected);
  for (size_t step = 1; step <= 7; ++step) {
    Utf8Assembler assembler;
    std::string out;
    for (size_t begin = 0; begin < all.size(); begin += step) {
      const std::string characters = assembler.Push(std::string_view(all).substr(begin, step));
      EXPECT_EQ(ValidUtf8Prefix(characters), characters.size());
      out += characters;
    }
    out += assembler.Flush();
    EXPECT_EQ(out, expected) << "step " << step;
  }
}

TEST(Utf8Assembler, HoldsBackOnlyWhatMayStillBecomeACharacter) {
  Utf8Assembler assembler;
  EXPECT_EQ(assembler.Push("a\xF0\x9F"), "a");
  EXPECT_TRUE(assembler.has_pending());
  EXPECT_EQ(assembler.Push("\x98"), "");
  EXPECT_EQ(assembler.Push("\x81"), "\U0001F601");
  EXPECT_FALSE(assembler.has_pending());
  EXPECT_EQ(assembler.Push("\xED\xA0"), kFffd + kFffd) << "a surrogate cannot become valid";
  EXPECT_EQ(assembler.Push("\xC3"), "");
  EXPECT_EQ(assembler.Flush(), kFffd);
  EXPECT_EQ(assembler.Flush(), "");
}

}  // namespace
}  // namespace sterna
