// What the tokenizer tests share: fixtures, golden cases, and texts that are hard to tokenize.
#ifndef STERNA_TEXT_TOKENIZER_TEST_SUPPORT_H_
#define STERNA_TEXT_TOKENIZER_TEST_SUPPORT_H_

#include <gtest/gtest.h>
#include <simdjson.h>

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace sterna {

inline std::string ReadFixture(const std::string& name) {
  auto text = ReadWholeFile(STERNA_FIXTURES "/tokenizers/" + name, size_t{64} << 20);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *std::move(text) : std::string();
}

inline std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

struct GoldenCase {
  std::string text;
  std::vector<TokenId> ids;
  std::string decoded;
};

inline GoldenCase ParseCase(simdjson::dom::element json) {
  GoldenCase golden;
  golden.text = std::string_view(json["text"]);
  for (const simdjson::dom::element id : json["ids"].get_array()) golden.ids.push_back(static_cast<TokenId>(int64_t{id}));
  golden.decoded = std::string_view(json["decoded"]);
  return golden;
}

inline std::vector<GoldenCase> ReadCases(const std::string& name) {
  std::vector<GoldenCase> cases;
  simdjson::dom::parser parser;
  for (const std::string& line : Lines(ReadFixture(name))) cases.push_back(ParseCase(parser.parse(line)));
  return cases;
}

inline std::vector<TokenId> EncodePlain(const Tokenizer& tokenizer, std::string_view text, bool parse_special = false) {
  EncodeOptions options;
  options.add_special = false;
  options.parse_special = parse_special;
  const auto ids = tokenizer.Encode(text, options);
  EXPECT_TRUE(ids.ok()) << ids.status().message();
  return ids.ok() ? *ids : std::vector<TokenId>();
}

inline std::string DecodeAll(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  const auto text = tokenizer.Decode(ids);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : std::string();
}

/// Every golden case encodes and decodes to the same.
inline void ExpectGolden(const Tokenizer& tokenizer, const std::vector<GoldenCase>& cases) {
  int wrong = 0;
  for (const GoldenCase& golden : cases) {
    const bool same = EncodePlain(tokenizer, golden.text, true) == golden.ids && DecodeAll(tokenizer, golden.ids) == golden.decoded;
    if (!same && ++wrong <= 3) ADD_FAILURE() << "text '" << golden.text << "' decoded '" << DecodeAll(tokenizer, golden.ids) << "'";
  }
  EXPECT_EQ(wrong, 0) << "of " << cases.size();
}

/// Up to 40 characters, a third of them from all of Unicode.
inline std::string RandomUnicode(std::mt19937* rng) {
  std::string text;
  for (size_t count = (*rng)() % 40; count > 0; --count) {
    auto code = static_cast<char32_t>((*rng)() % ((*rng)() % 3 == 0 ? 0x110000 : 0x300));
    if (code >= 0xD800 && code < 0xE000) code = ' ';
    AppendUtf8(code, &text);
  }
  return text;
}

/// Long texts of one kind, each `bytes` long or a little less: what makes a quadratic step show.
inline std::vector<std::string> MonotonousTexts(size_t bytes) {
  std::vector<std::string> texts;
  for (const std::string_view unit :
       {"a", " ", "\n", " \n", "1", "\u0301", "漢", "\U0001F469\u200D", "'", "x ", "\xFF", "<|", "▁"}) {
    std::string text;
    while (text.size() + unit.size() <= bytes) text += unit;
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace sterna

#endif  // STERNA_TEXT_TOKENIZER_TEST_SUPPORT_H_
