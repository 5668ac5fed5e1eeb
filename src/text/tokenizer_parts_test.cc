// Every part of tokenizer.json and SentencePiece models against baked answers of the packages that define them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "text/base64.h"
#include "text/batch_encoder.h"
#include "text/tokenizer.h"
#include "text/tokenizer_test_support.h"

namespace sterna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct BakedVocabulary {
  std::string name;
  bool add_special = false;
  std::shared_ptr<const Tokenizer> tokenizer;
};

BakedVocabulary LoadBaked(simdjson::dom::element json) {
  BakedVocabulary vocabulary;
  vocabulary.name = std::string_view(json["name"]);
  vocabulary.add_special = bool{json["add_special"]};
  std::string_view base64;
  Result<std::shared_ptr<const Tokenizer>> loaded = Internal("nothing loaded");
  if (json["sentencepiece"].get(base64) == simdjson::SUCCESS) {
    loaded = Tokenizer::FromSentencePiece(*DecodeBase64(base64));
  } else {
    loaded = Tokenizer::FromJson(simdjson::minify(json["tokenizer"]));
  }
  EXPECT_TRUE(loaded.ok()) << vocabulary.name << ": " << loaded.status().message();
  if (loaded.ok()) vocabulary.tokenizer = *loaded;
  return vocabulary;
}

std::vector<std::pair<size_t, size_t>> CharacterSpans(const TokenizedText& tokenized) {
  std::vector<std::pair<size_t, size_t>> spans;
  for (const TokenSpan& span : tokenized.spans) spans.emplace_back(span.begin_character, span.end_character);
  return spans;
}

void ExpectBaked(const BakedVocabulary& vocabulary, simdjson::dom::element json) {
  const GoldenCase golden = ParseCase(json);
  SCOPED_TRACE(vocabulary.name + ": " + golden.text);
  const bool is_sentencepiece = vocabulary.name.starts_with("sentencepiece");
  EncodeOptions options;
  options.add_special = vocabulary.add_special;
  options.parse_special = !is_sentencepiece;
  const auto ids = vocabulary.tokenizer->Encode(golden.text, options);
  ASSERT_TRUE(ids.ok()) << ids.status().message();
  EXPECT_EQ(*ids, golden.ids);
  const auto tokenized = vocabulary.tokenizer->EncodeWithSpans(golden.text, options);
  ASSERT_TRUE(tokenized.ok()) << tokenized.status().message();
  EXPECT_EQ(tokenized->ids, golden.ids);
  simdjson::dom::array spans;
  if (json["spans"].get(spans) == simdjson::SUCCESS) {
    std::vector<std::pair<size_t, size_t>> expected;
    for (const simdjson::dom::element span : spans) expected.emplace_back(uint64_t{span.at(0)}, uint64_t{span.at(1)});
    EXPECT_EQ(CharacterSpans(*tokenized), expected);
  }
  const auto decoded = vocabulary.tokenizer->Decode(golden.ids, is_sentencepiece);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, golden.decoded);
}

TEST(TokenizerParts, EveryPartAgreesWithItsReference) {
  simdjson::dom::parser parser;
  BakedVocabulary vocabulary;
  int vocabularies = 0;
  for (const std::string& line : Lines(ReadFixture("parts.jsonl"))) {
    const simdjson::dom::element json = parser.parse(line);
    std::string_view name;
    if (json["name"].get(name) == simdjson::SUCCESS) {
      vocabulary = LoadBaked(json);
      ASSERT_NE(vocabulary.tokenizer, nullptr);
      ++vocabularies;
    } else {
      ExpectBaked(vocabulary, json);
    }
  }
  EXPECT_GE(vocabularies, 120);
}

std::shared_ptr<const Tokenizer> Load(std::string_view json, std::string_view config = {}, std::string_view map = {}) {
  auto tokenizer = Tokenizer::FromJson(json, config, map);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

constexpr std::string_view kWords =
    R"({"pre_tokenizer":{"type":"WhitespaceSplit"},"added_tokens":[{"id":0,"content":"[UNK]","special":true}],
        "model":{"type":"WordLevel","unk_token":"[UNK]","vocab":{"[UNK]":0,"hi":1,"<x>":2,"漢":3,".":4,"do":5,"n't":6}}})";

TEST(TokenizerSpans, CountBytesAndCharacters) {
  const auto tokenized = Load(kWords)->EncodeWithSpans("漢 hi zz", {.add_special = false, .parse_special = false});
  ASSERT_TRUE(tokenized.ok());
  EXPECT_THAT(tokenized->ids, ElementsAre(3, 1, 0));
  EXPECT_THAT(tokenized->spans, ElementsAre(TokenSpan{0, 3, 0, 1}, TokenSpan{4, 6, 2, 4}, TokenSpan{7, 9, 5, 7}));
}

TEST(TokenizerSpans, CoverInvalidBytesOneByOne) {
  const auto tokenized = Load(kWords)->EncodeWithSpans("\xFF\xE6\xBC hi", {.add_special = false, .parse_special = false});
  ASSERT_TRUE(tokenized.ok());
  EXPECT_THAT(tokenized->spans, ElementsAre(TokenSpan{0, 3, 0, 3}, TokenSpan{4, 6, 4, 6}));
}

TEST(TokenizerDecode, CleansUpSpacesOnlyWhereAsked) {
  const auto tokenizer = Load(kWords, R"({"clean_up_tokenization_spaces":true})");
  const std::vector<TokenId> ids = {1, 4, 5, 6};
  EXPECT_TRUE(tokenizer->declares_clean_up());
  EXPECT_EQ(*tokenizer->Decode(ids), "hi . do n't");
  EXPECT_EQ(*tokenizer->Decode(ids, DecodeOptions{false, true}), "hi. don't");
}

TEST(TokenizerConfig, NamesTokensThatTheTokenizerLacks) {
  const auto tokenizer = Load(kWords, R"({"added_tokens_decoder":{"2":{"content":"<x>","special":true}}})",
                              R"({"bos_token":"<x>","eos_token":{"content":"hi"}})");
  EXPECT_EQ(tokenizer->bos(), 2);
  EXPECT_EQ(tokenizer->eos(), 1);
  EXPECT_TRUE(tokenizer->IsControl(2));
  EXPECT_THAT(EncodePlain(*tokenizer, "hi<x>", true), ElementsAre(1, 2));
  // Text of a user cannot become a control token, not even as a whole word of the model.
  EXPECT_THAT(EncodePlain(*tokenizer, "hi <x>", false), ElementsAre(1, 0));
  const auto wrong = Tokenizer::FromJson(kWords, R"({"added_tokens_decoder":{"two":{"content":"y"}}})");
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("added_tokens_decoder: 'two' is not an id"));
}

TEST(BatchEncoder, GivesWhatEncodeGivesAndTheFirstError) {
  const auto tokenizer = Load(kWords);
  ThreadPool pool(3);
  const std::vector<std::string_view> texts = {"hi", "", "漢 hi", "hi hi"};
  const auto batch = EncodeBatch(*tokenizer, texts, {}, &pool);
  ASSERT_TRUE(batch.ok());
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ((*batch)[i], *tokenizer->Encode(texts[i]));
  const auto strict = Load(R"({"model":{"type":"WordLevel","unk_token":"u","vocab":{"hi":0}}})");
  EXPECT_THAT(strict->warnings(), ElementsAre(HasSubstr("model.unk_token")));
  const auto failed = EncodeBatch(*strict, texts, {}, &pool);
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("text 2: the vocabulary has no token for unknown words"));
}

}  // namespace
}  // namespace sterna
