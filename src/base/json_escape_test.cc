#include "base/json_escape.h"

#include <gtest/gtest.h>

namespace sterna {
namespace {

std::string Escape(char byte) {
  std::string out = "x";
  const bool escapes = AppendJsonEscape(byte, &out);
  EXPECT_EQ(escapes, out.size() > 1);
  return out.substr(1);
}

TEST(JsonEscape, ShortWhereThereIsOne) {
  EXPECT_EQ(Escape('"'), R"(\")");
  EXPECT_EQ(Escape('\\'), R"(\\)");
  EXPECT_EQ(Escape('\b') + Escape('\f') + Escape('\n') + Escape('\r') + Escape('\t'), R"(\b\f\n\r\t)");
}

TEST(JsonEscape, OtherControlCharactersByNumberAndNothingElse) {
  EXPECT_EQ(Escape('\0'), R"(\u0000)");
  EXPECT_EQ(Escape('\x1F'), R"(\u001f)");
  for (int byte = 0x20; byte < 0x100; ++byte) {
    if (byte == '"' || byte == '\\') continue;
    EXPECT_EQ(Escape(static_cast<char>(byte)), "") << byte;
  }
}

TEST(JsonEscape, QuotedTextKeepsItsCharacters) {
  EXPECT_EQ(JsonQuoted("a\n\"é\""), R"("a\n\"é\"")");
  EXPECT_EQ(JsonQuoted(""), R"("")");
}

}  // namespace
}  // namespace sterna
