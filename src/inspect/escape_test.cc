#include "inspect/escape.h"

#include <gtest/gtest.h>

#include "inspect/report.h"

namespace sterna {
namespace {

TEST(Escape, PlainTextStays) {
  EXPECT_EQ(EscapeForTerminal("blk.0.attn_q größe 模型 🙂"), "blk.0.attn_q größe 模型 🙂");
}

TEST(Escape, NothingCanSteerATerminal) {
  EXPECT_EQ(EscapeForTerminal("a\nb\t\x1b[31m\x7f"), "a\\nb\\x09\\x1b[31m\\x7f");
  EXPECT_EQ(EscapeForTerminal("\u009b31m"), "\\u{9b}31m") << "C1 in UTF-8";
  EXPECT_EQ(EscapeForTerminal("\x9b"
                              "31m"),
            "\\x9b31m")
      << "C1 as a byte";
  EXPECT_EQ(EscapeForTerminal("\u202egpj.exe\u2066\u200f\u2028\ufeff"), "\\u{202e}gpj.exe\\u{2066}\\u{200f}\\u{2028}\\u{feff}");
  EXPECT_EQ(EscapeForTerminal(std::string_view("\0x", 2)), "\\x00x");
}

TEST(Escape, EveryByteThatIsNotUtf8IsShown) {
  for (const std::string_view text :
       {"\x80", "\xc0\xaf", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xf0\x8f\xbf\xbf"}) {
    const std::string escaped = EscapeForTerminal(text);
    EXPECT_EQ(escaped.size(), 4 * text.size()) << escaped;
    for (const char c : escaped) EXPECT_LT(static_cast<unsigned char>(c), 0x7f);
  }
}

TEST(Escape, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(EscapeForTerminal("abcdef", 3), "abc…");
  EXPECT_EQ(EscapeForTerminal("aaä", 3), "aaä");
  EXPECT_EQ(EscapeForTerminal("aaää", 3), "aaä…");
}

TEST(Escape, HtmlHasNoMarkup) {
  EXPECT_EQ(EscapeForHtml("<script>\"&'\x1b"), "&lt;script&gt;&quot;&amp;&#39;\\x1b");
}

TEST(Escape, APageHoldsNothingButTextFromAFile) {
  const std::string evil = "</td><script>alert(1)</script>\"'\x1b]0;x\x07\u202e";
  InspectReport report;
  report.path = report.config_problem = report.tokenizer = report.chat_template = evil;
  report.warnings = {evil};
  report.metadata.push_back({.key = evil, .type = "string", .count = 1, .value = evil});
  report.tensors.push_back({.name = evil, .dtype = DType::kF32, .shape = {1}});
  report.scan.emplace();
  report.scan->tensors.emplace_back();
  report.scan->tensors.back().problem = evil;
  const std::string page = ToHtml(report);
  for (const std::string_view part : {"<script", "alert(1)</", "\x1b", "\x07", "\u202e"})
    EXPECT_EQ(page.find(part), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  const std::string text = ToText(report);
  for (const std::string_view part : {"\x1b", "\x07", "\u202e"}) EXPECT_EQ(text.find(part), std::string::npos);
}

}  // namespace
}  // namespace sterna
