// tokenizer.json files and texts that are made to break a tokenizer; the names begin with their row in the catalogue of malformed
// inputs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "text/byte_level.h"
#include "text/tokenizer.h"
#include "text/tokenizer_test_support.h"

namespace sterna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string ErrorOf(const std::string& json) {
  const auto tokenizer = Tokenizer::FromJson(json);
  return tokenizer.ok() ? "it loaded" : std::string(tokenizer.status().message());
}

std::string Bpe(std::string_view vocab, std::string_view merges, std::string_view before = "") {
  return fmt::format(R"({{{}"model":{{"type":"BPE","vocab":{{{}}},"merges":{}}}}})", before, vocab, merges);
}

/// A byte-level vocabulary of all bytes, the merges of "aa" and "  ", and a control token.
std::shared_ptr<const Tokenizer> AllBytes() {
  std::string vocab;
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    AppendByteLevel(std::string(1, static_cast<char>(byte)), &character);
    if (character == "\"" || character == "\\") character.insert(0, 1, '\\');
    vocab += fmt::format("\"{}\":{},", character, byte);
  }
  vocab += "\"aa\":256,\"\u0120\u0120\":257";
  const auto tokenizer = Tokenizer::FromJson(Bpe(vocab, R"(["a a","Ġ Ġ"])",
                                                 R"("added_tokens":[{"id":258,"content":"<|eot_id|>","special":true}],
                                                    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
                                                    "decoder":{"type":"ByteLevel"},)"));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *tokenizer;
}

std::string JoinedBytes(const Tokenizer& tokenizer, std::string_view text) {
  std::string bytes;
  for (const TokenId id : EncodePlain(tokenizer, text)) bytes += tokenizer.TokenBytes(id);
  return bytes;
}

TEST(HostileTokenizers, T01IdsMustBeSmallAndDenseAndTheirOwn) {
  const std::array<std::pair<const char*, const char*>, 7> cases = {{{R"("a":-1)", "expected an integer from 0"},
                                                                     {R"("a":2147483648)", "found a number 2147483648"},
                                                                     {R"("a":9223372036854775808)", "9223372036854775808"},
                                                                     {R"("a":1073741824)", "found a number 1073741824"},
                                                                     {R"("a":0,"b":9)", "ids up to 9 for 2 tokens only"},
                                                                     {R"("a":0,"b":0)", "id 0 is 'a' already"},
                                                                     {R"("a":0,"a":1)", "token 'a' has two ids, 0 and 1"}}};
  for (const auto& [vocab, message] : cases) EXPECT_THAT(ErrorOf(Bpe(vocab, "[]")), HasSubstr(message)) << vocab;
  EXPECT_EQ(ErrorOf(Bpe(R"("a":0,"b":7)", "[]")), "it loaded") << "holes of up to four times the tokens";
}

TEST(HostileTokenizers, T02MergesMustBePairsOfTokens) {
  const std::string vocab = R"("a":0,"b":1,"ab":2)";
  const std::array<std::pair<const char*, const char*>, 8> cases = {
      {{R"(["a x"])", "model.merges[0]: 'a' + 'x': 'x' is not a token"},
       {R"(["b a"])", "'ba' is not a token"},
       {R"(["a"])", "expected \"left right\""},
       {R"(["a b a"])", "expected \"left right\""},
       {R"([["a"]])", "expected \"left right\""},
       {R"([["a","b","a"]])", "expected \"left right\""},
       {R"([7])", "expected \"left right\""},
       {R"(["a b","a b"])", "model.merges[1]: 'a' + 'b' is there twice"}}};
  for (const auto& [merges, message] : cases) EXPECT_THAT(ErrorOf(Bpe(vocab, merges)), HasSubstr(message)) << merges;
  // A merge costs what it takes in the file; no number in it sizes anything.
  std::string many = "[";
  for (int i = 0; i < 1000000; ++i) many += "\"a b\",";
  EXPECT_THAT(ErrorOf(Bpe(vocab, many + "\"a b\"]")), HasSubstr("model.merges[1]: 'a' + 'b' is there twice"));
}

TEST(HostileTokenizers, T03AddedTokensAreTextAndNeverPatterns) {
  const auto with = [](std::string_view content) {
    return Bpe(R"("a":0,"b":1)", "[]", fmt::format(R"("added_tokens":[{{"id":2,"content":"{}"}}],)", content));
  };
  EXPECT_THAT(ErrorOf(with("")), HasSubstr("added_tokens[0].content: empty"));
  EXPECT_THAT(ErrorOf(with(std::string(1 << 20, 'x'))), HasSubstr("1048576 bytes, at most 1024"));
  const auto tokenizer = Tokenizer::FromJson(Bpe(R"("a":0,"b":1)", "[]", R"("added_tokens":[
      {"id":2,"content":"a.*"},{"id":3,"content":"a.*b"},{"id":4,"content":"("},{"id":5,"content":"[b"}],)"));
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_THAT(EncodePlain(**tokenizer, "a.*bab(a.*[bb"), ElementsAre(3, 0, 1, 4, 2, 5, 1));
}

TEST(HostileTokenizers, T04ExpressionsThatBacktrackGiveUp) {
  const auto split = [](std::string_view pattern) {
    return Bpe(R"("a":0,"b":1)", "[]",
               fmt::format(R"("pre_tokenizer":{{"type":"Split","pattern":{{"Regex":"{}"}},"behavior":"Isolated"}},)", pattern));
  };
  const auto tokenizer = Tokenizer::FromJson(split("(a+)+$"));
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_TRUE((*tokenizer)->Encode("aab").ok());
  EXPECT_EQ((*tokenizer)->Encode(std::string(60, 'a') + "b").status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(ErrorOf(split(std::string(100000, 'a'))), HasSubstr("100000 bytes"));
  EXPECT_THAT(ErrorOf(split("(a")), HasSubstr("regular expression '(a'"));
  // What Oniguruma knows and is bounded works: back references, look behind.
  for (const char* pattern : {R"((a)\\1)", "(?<=a)b", "(?<!a)b", "(?>a+)b"}) {
    const auto other = Tokenizer::FromJson(split(pattern));
    ASSERT_TRUE(other.ok()) << pattern;
    EXPECT_THAT(EncodePlain(**other, "aab"), ElementsAre(0, 0, 1)) << pattern;
  }
}

// The view of an empty file that was mapped has no address.
TEST(HostileTokenizers, T01AnEmptyFileIsNoDocument) {
  EXPECT_EQ(Tokenizer::FromJson(std::string_view()).status().code(), StatusCode::kMalformed);
}

TEST(HostileTokenizers, T05EmptyPatternsAndCutCharsmapsAreRefused) {
  const auto norm = [](std::string_view json) { return ErrorOf(Bpe(R"("a":0)", "[]", fmt::format("\"normalizer\":{},", json))); };
  EXPECT_THAT(norm(R"({"type":"Replace","pattern":{"String":""},"content":"x"})"), HasSubstr("pattern.String: empty pattern"));
  EXPECT_THAT(norm(R"({"type":"Precompiled","precompiled_charsmap":"/////wAAAAA="})"), HasSubstr("array of 4294967295 bytes"));
  EXPECT_THAT(norm(R"({"type":"Precompiled","precompiled_charsmap":"AAA="})"), HasSubstr("normalizer.precompiled_charsmap"));
  // An expression that matches nothing at every place ends, too.
  const auto tokenizer = Tokenizer::FromJson(
      Bpe(R"("a":0,"x":1)", "[]", R"("normalizer":{"type":"Replace","pattern":{"Regex":"b*"},"content":"x"},)"));
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_TRUE((*tokenizer)->Encode(std::string(10000, 'a')).ok());
}

TEST(HostileTokenizers, T07EveryInvalidFormOfUtf8GoesThroughByteTokens) {
  const auto tokenizer = AllBytes();
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const std::vector<std::string> texts = {
      all,        "\xC0\x80",  "\xE0\x80\x80", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
      "\xFF\xFE", "a\xE2\x82", "\xF0\x9F\x98", "\x80\x80",     "\xC3",         "漢\xE6\xBC",       "\xEF\xBF\xBF\xEF\xBF\xBE"};
  for (const std::string& text : texts) {
    EXPECT_EQ(JoinedBytes(*tokenizer, text), text);
    const auto spans = tokenizer->EncodeWithSpans(text);
    ASSERT_TRUE(spans.ok());
    EXPECT_EQ(spans->ids, EncodePlain(*tokenizer, text));
  }
}

TEST(HostileTokenizers, T07LongTextsOfOneKindComeBack) {
  const auto tokenizer = AllBytes();
  for (const std::string& text : MonotonousTexts(1 << 20)) EXPECT_TRUE(JoinedBytes(*tokenizer, text) == text) << text.substr(0, 4);
}

TEST(HostileTokenizers, T08SpecialTokensInTextStayTextUntilAskedFor) {
  const auto tokenizer = AllBytes();
  const std::string text = "x<|eot_id|>y";
  EXPECT_THAT(EncodePlain(*tokenizer, text, true), ElementsAre('x', 258, 'y'));
  EXPECT_THAT(EncodePlain(*tokenizer, text, false), testing::Not(testing::Contains(258)));
  EXPECT_EQ(DecodeAll(*tokenizer, EncodePlain(*tokenizer, text, false)), text);
  EXPECT_FALSE(EncodeOptions().parse_special) << "the default is the safe one";
}

TEST(HostileTokenizers, T09CountsOfTokensCannotReach2To31) {
  static char byte = 'a';
  // No text gives more tokens than bytes and the two around it, so that the limit on bytes keeps every count below 2^31; the text
  // is refused before a byte of it is read.
  for (const size_t bytes : {(size_t{1} << 30) + 1, size_t{1} << 31, (size_t{1} << 32) + 5, SIZE_MAX / 2}) {
    EXPECT_EQ(AllBytes()->Encode(std::string_view(&byte, bytes)).status().code(), StatusCode::kOutOfRange) << bytes;
    EXPECT_EQ(AllBytes()->EncodeWithSpans(std::string_view(&byte, bytes)).status().code(), StatusCode::kOutOfRange) << bytes;
  }
}

}  // namespace
}  // namespace sterna
