#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer_test_support.h"
#include "text/utf8.h"

namespace sterna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Tokenizer> Load(std::string_view json, std::string_view config = {}) {
  auto tokenizer = Tokenizer::FromJson(json, config);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

const Tokenizer& Smollm() {
  static const auto tokenizer = Load(ReadFixture("smollm/tokenizer.json"));
  return *tokenizer;
}

const Tokenizer& Llama2() {
  static const auto tokenizer = Load(ReadFixture("llama2/tokenizer.json"));
  return *tokenizer;
}

TEST(TokenizerFromJson, SmollmAgreesWithTheReference) {
  ExpectGolden(Smollm(), ReadCases("smollm/cases.jsonl"));
}

TEST(TokenizerFromJson, Llama2AgreesWithTheReference) {
  ExpectGolden(Llama2(), ReadCases("llama2/cases.jsonl"));
}

TEST(TokenizerFromJson, SentencesOfFortyScriptsAgreeWithTheReferenceAndRoundTrip) {
  simdjson::dom::parser parser;
  int scripts = 0;
  for (const std::string& line : Lines(ReadFixture("scripts.jsonl"))) {
    const simdjson::dom::element json = parser.parse(line);
    const std::string script{std::string_view(json["script"])};
    const std::string text{std::string_view(json["text"])};
    scripts += script != "Math" && script != "Emoji" && script != "Code";
    for (const auto& [name, tokenizer] : {std::pair("smollm", &Smollm()), std::pair("llama2", &Llama2())}) {
      std::vector<TokenId> expected;
      for (const simdjson::dom::element id : json[name]["ids"].get_array()) expected.push_back(static_cast<TokenId>(int64_t{id}));
      const std::vector<TokenId> ids = EncodePlain(*tokenizer, text);
      EXPECT_EQ(ids, expected) << script << ", " << name;
      EXPECT_EQ(DecodeAll(*tokenizer, ids), std::string_view(json[name]["decoded"])) << script << ", " << name;
      EXPECT_EQ(DecodeAll(*tokenizer, ids), text) << script << ", " << name;
    }
  }
  EXPECT_GE(scripts, 40);
}

TEST(TokenizerFromJson, EverySupportedPartAgreesWithTheReference) {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::string name;
  std::vector<GoldenCase> cases;
  const auto check = [&] {
    SCOPED_TRACE(name);
    if (tokenizer != nullptr) ExpectGolden(*tokenizer, cases);
    cases.clear();
  };
  simdjson::dom::parser parser;
  int vocabularies = 0;
  for (const std::string& line : Lines(ReadFixture("components.jsonl"))) {
    const simdjson::dom::element json = parser.parse(line);
    std::string_view next_name;
    if (json["name"].get(next_name) != simdjson::SUCCESS) {
      cases.push_back(ParseCase(json));
      continue;
    }
    check();
    ++vocabularies;
    name = next_name;
    tokenizer = Load(simdjson::minify(json["tokenizer"]));
    ASSERT_NE(tokenizer, nullptr) << name;
  }
  check();
  EXPECT_EQ(vocabularies, 18);
}

TEST(TokenizerFromJson, DecodingGivesBackEveryValidText) {
  std::mt19937 rng(21);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = RandomUnicode(&rng);
    ASSERT_EQ(DecodeAll(Llama2(), EncodePlain(Llama2(), text, round % 2 == 0)), text);
  }
}

TEST(TokenizerFromJson, InvalidUtf8GoesThroughByteTokens) {
  for (const std::string text : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\xFF", "a\xE2\x96", " \x80 x"}) {
    std::string bytes;
    for (const TokenId id : EncodePlain(Llama2(), text)) bytes += Llama2().TokenBytes(id);
    EXPECT_EQ(bytes, " " + text) << "its normalizer puts a space in front";
  }
}

TEST(TokenizerFromJson, TokenBytesAssembleToTheDecodedText) {
  for (const GoldenCase& golden : ReadCases("smollm/cases.jsonl")) {
    Utf8Assembler assembler;
    std::string text;
    for (const TokenId id : golden.ids) text += assembler.Push(Smollm().TokenBytes(id));
    text += assembler.Flush();
    ASSERT_EQ(text, golden.decoded);
  }
}

TEST(TokenizerFromJson, MonotonousTextsOfAMegabyteEnd) {
  for (const std::string& text : MonotonousTexts(1 << 20)) {
    std::string bytes;
    for (const TokenId id : EncodePlain(Llama2(), text)) bytes += Llama2().TokenBytes(id);
    // U+2581 stands for a space, so the two cannot be told apart afterwards.
    if (text.starts_with("▁")) continue;
    EXPECT_TRUE(bytes == " " + text) << text.substr(0, 4);
  }
}

TEST(TokenizerFromJson, ControlTokensInUntrustedTextStayText) {
  const std::string text = "x<|im_start|>system</s>";
  const TokenId control = *Smollm().Find("<|im_start|>");
  EXPECT_TRUE(Smollm().IsControl(control));
  EXPECT_THAT(EncodePlain(Smollm(), text, true), testing::Contains(control));
  EXPECT_THAT(EncodePlain(Smollm(), text, false), testing::Not(testing::Contains(control)));
  EXPECT_EQ(DecodeAll(Smollm(), EncodePlain(Smollm(), text, false)), text);
  EXPECT_THAT(EncodePlain(Llama2(), text, false), testing::Not(testing::Contains(*Llama2().Find("</s>"))));
}

TEST(TokenizerFromJson, EndTokensAreKnownByTheirText) {
  EXPECT_TRUE(Smollm().IsEndOfGeneration(*Smollm().Find("<|im_end|>")));
  EXPECT_TRUE(Smollm().IsEndOfGeneration(*Smollm().Find("<|endoftext|>")));
  EXPECT_FALSE(Smollm().IsEndOfGeneration(*Smollm().Find("<|im_start|>")));
  EXPECT_TRUE(Llama2().IsEndOfGeneration(*Llama2().Find("</s>")));
  EXPECT_FALSE(Llama2().IsEndOfGeneration(-1));
  EXPECT_FALSE(Llama2().IsControl(1 << 30));
}

TEST(TokenizerFromJson, DecodeSkipsControlTokensAndRefusesForeignIds) {
  const TokenId end = *Llama2().Find("</s>");
  std::vector<TokenId> ids = EncodePlain(Llama2(), "hi there");
  ids.push_back(end);
  EXPECT_EQ(*Llama2().Decode(ids, true), "hi there");
  EXPECT_EQ(*Llama2().Decode(ids, false), "hi there</s>");
  EXPECT_EQ(Llama2().Decode(std::vector<TokenId>{-1}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Llama2().Decode(std::vector<TokenId>{32000}).status().code(), StatusCode::kInvalidArgument);
}

// A byte-level vocabulary of a few letters; `extra` goes before the model.
std::string Small(std::string_view extra, std::string_view vocab = R"("<s>":0,"</s>":1,"a":2,"b":3,"ab":4,"Ġ":5)",
                  std::string_view merges = R"(["a b"])", std::string_view model_extra = "") {
  return std::string("{\"version\":\"1.0\",") + std::string(extra) + R"("model":{"type":"BPE",)" + std::string(model_extra) +
         "\"vocab\":{" + std::string(vocab) + "},\"merges\":" + std::string(merges) + "}}";
}
constexpr std::string_view kByteLevel =
    R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},)";

TEST(TokenizerFromJson, MergesMayBeTextsOrPairs) {
  EXPECT_THAT(EncodePlain(*Load(Small(kByteLevel)), "abab"), ElementsAre(4, 4));
  EXPECT_THAT(EncodePlain(*Load(Small(kByteLevel, R"("a":0,"b":1,"ab":2)", R"([["a","b"]])")), "ab"), ElementsAre(2));
}

TEST(TokenizerFromJson, TemplateSaysWhatSurroundsAText) {
  const std::string json =
      Small(std::string(kByteLevel) +
            R"("post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel","trim_offsets":true,"add_prefix_space":false},
      {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
      {"SpecialToken":{"id":"</s>","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]},
      "</s>":{"id":"</s>","ids":[1],"tokens":["</s>"]}}}]},)");
  EXPECT_THAT(*Load(json)->Encode("ab"), ElementsAre(0, 4, 1));
  EXPECT_EQ(Load(json)->bos(), 0);
  // The template stands whatever the config says; without one the config decides.
  EXPECT_THAT(*Load(json, R"({"add_bos_token":false,"bos_token":"<s>"})")->Encode("ab"), ElementsAre(0, 4, 1));
  EXPECT_THAT(*Load(Small(kByteLevel), R"({"add_bos_token":true,"bos_token":{"content":"<s>"},"eos_token":"</s>"})")->Encode("ab"),
              ElementsAre(0, 4));
  EXPECT_THAT(*Load(Small(kByteLevel))->Encode("ab"), ElementsAre(4));
  const auto with_config = Load(Small(kByteLevel), R"({"bos_token":"<s>","eos_token":"b"})");
  EXPECT_EQ(with_config->eos(), 3);
  EXPECT_TRUE(with_config->IsEndOfGeneration(3));
}

struct Hostile {
  std::string name;
  std::string json;
  StatusCode code;
  std::string message;  // part of it
};

TEST(TokenizerFromJson, RefusesHostileFilesByNameAndPlace) {
  const std::string plain(kByteLevel);
  const auto added = [&](std::string_view content, std::string_view id) {
    return Small(plain + R"("added_tokens":[{"id":)" + std::string(id) + R"(,"content":")" + std::string(content) + R"("}],)");
  };
  const auto pre = [](std::string_view step) { return Small("\"pre_tokenizer\":" + std::string(step) + ","); };
  const auto norm = [](std::string_view step) { return Small("\"normalizer\":" + std::string(step) + ","); };
  const auto merges = [&](std::string_view list) { return Small(plain, R"("a":0,"b":1,"ab":2)", list); };
  std::string nested = R"({"type":"Digits"})";
  for (int i = 0; i < 20; ++i) nested = R"({"type":"Sequence","pretokenizers":[)" + nested + "]}";
  const std::vector<Hostile> files = {
      {"no JSON", "{\"model\":", StatusCode::kMalformed, "tokenizer.json"},
      {"not an object", "[]", StatusCode::kMalformed, "expected an object"},
      {"no model", "{}", StatusCode::kMalformed, "model"},
      {"nested a thousand deep", std::string(5000, '['), StatusCode::kMalformed, "tokenizer.json"},
      {"unknown model", R"({"model":{"type":"Bigram","vocab":[]}})", StatusCode::kUnsupported, "model.type: model 'Bigram'"},
      {"word piece without unknown token", R"({"model":{"type":"WordPiece","vocab":{"a":0}}})", StatusCode::kMalformed,
       "model.unk_token: is missing"},
      {"no unigram tokens", R"({"model":{"type":"Unigram","vocab":[]}})", StatusCode::kMalformed, "no tokens"},
      {"unigram token without score", R"({"model":{"type":"Unigram","vocab":[["a"]]}})", StatusCode::kMalformed, "model.vocab[0]"},
      {"unigram score is text", R"({"model":{"type":"Unigram","vocab":[["a","0"]]}})", StatusCode::kMalformed,
       "model.vocab[0][1]: expected a finite number"},
      {"unigram unknown id", R"({"model":{"type":"Unigram","unk_id":1,"vocab":[["a",0]]}})", StatusCode::kMalformed,
       "model.unk_id"},
      {"no tokens", Small(plain, "", "[]"), StatusCode::kMalformed, "no tokens"},
      {"negative id", Small(plain, R"("a":-1)", "[]"), StatusCode::kMalformed, "model.vocab['a']: expected an integer from 0"},
      {"id past 2^31", Small(plain, R"("a":4294967296)", "[]"), StatusCode::kMalformed, "4294967296"},
      {"id is text", Small(plain, R"("a":"0")", "[]"), StatusCode::kMalformed, "found a string"},
      {"sparse ids", Small(plain, R"("a":0,"b":1000000)", "[]"), StatusCode::kMalformed, "ids up to 1000000 for 2 tokens"},
      {"two tokens of one id", Small(plain, R"("a":0,"b":0)", "[]"), StatusCode::kMalformed, "id 0 is 'a' already"},
      {"two ids of one token", Small(plain, R"("a":0,"a":1)", "[]"), StatusCode::kMalformed, "two ids"},
      {"merge of an unknown part", merges(R"(["a x"])"), StatusCode::kMalformed, "'x' is not a token"},
      {"merge without a space", merges(R"(["ab"])"), StatusCode::kMalformed, "model.merges[0]"},
      {"merge of three", merges(R"([["a","b"],"a b a"])"), StatusCode::kMalformed, "model.merges[1]"},
      {"merge of one in a pair", merges(R"([["a"]])"), StatusCode::kMalformed, "model.merges[0]"},
      {"merge twice", merges(R"(["a b","a b"])"), StatusCode::kMalformed, "twice"},
      {"merge is a number", merges("[7]"), StatusCode::kMalformed, "model.merges[0]"},
      {"empty added token", added("", "6"), StatusCode::kMalformed, "added_tokens[0].content: empty"},
      {"huge added token", added(std::string(1 << 20, 'x'), "6"), StatusCode::kUnsupported, "1048576 bytes"},
      {"added token takes an id", added("new", "2"), StatusCode::kMalformed, "id 2 is 'a' already"},
      {"added token with another id", added("a", "6"), StatusCode::kMalformed, "two ids"},
      {"added token far away", added("x", "99999999999"), StatusCode::kMalformed, "added_tokens[0].id"},
      {"unknown normalizer", norm(R"({"type":"Titlecase"})"), StatusCode::kUnsupported, "normalizer: normalizer 'Titlecase'"},
      {"charsmap is no base64", norm(R"({"type":"Precompiled","precompiled_charsmap":"A"})"), StatusCode::kMalformed,
       "normalizer.precompiled_charsmap: base64"},
      {"charsmap is empty", norm(R"({"type":"Precompiled","precompiled_charsmap":""})"), StatusCode::kMalformed, "0 bytes"},
      {"charsmap is cut", norm(R"({"type":"Precompiled","precompiled_charsmap":"/////wAAAAA="})"), StatusCode::kMalformed,
       "array of 4294967295 bytes"},
      {"empty replace pattern", norm(R"({"type":"Replace","pattern":{"String":""},"content":"x"})"), StatusCode::kMalformed,
       "normalizer.pattern.String: empty pattern"},
      {"replace without pattern", norm(R"({"type":"Replace","content":"x"})"), StatusCode::kMalformed, "normalizer.pattern"},
      {"unknown pre-tokenizer", pre(R"({"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"Syllables"}]})"),
       StatusCode::kUnsupported, "pre_tokenizer.pretokenizers[1]: pre-tokenizer 'Syllables'"},
      {"broken regex", pre(R"({"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated","invert":false})"),
       StatusCode::kMalformed, "pre_tokenizer: regular expression '(a'"},
      {"regex of 100 KB",
       pre(R"({"type":"Split","pattern":{"Regex":")" + std::string(100000, 'a') + R"("},"behavior":"Isolated"})"),
       StatusCode::kUnsupported, "100000 bytes"},
      {"unknown behavior", pre(R"({"type":"Split","pattern":{"String":"a"},"behavior":"Merged","invert":false})"),
       StatusCode::kUnsupported, "behavior 'Merged'"},
      {"nested sequences", pre(nested), StatusCode::kUnsupported, "nested deeper"},
      {"prepend without text", norm(R"({"type":"Prepend"})"), StatusCode::kMalformed, "normalizer.prepend"},
      {"metaspace of two characters", pre(R"({"type":"Metaspace","replacement":"ab"})"), StatusCode::kMalformed, "one character"},
      {"unknown decoder", Small(R"("decoder":{"type":"Morse"},)"), StatusCode::kUnsupported, "decoder: decoder 'Morse'"},
      {"decoder without suffix", Small(R"("decoder":{"type":"BPEDecoder","suffix":""},)"), StatusCode::kUnsupported,
       "decoder.suffix: an empty text"},
      {"unknown post-processor", Small(R"("post_processor":{"type":"Colbert"},)"), StatusCode::kUnsupported, "Colbert"},
      {"classifier id out of range", Small(R"("post_processor":{"type":"BertProcessing","cls":["a",2],"sep":["a",6]},)"),
       StatusCode::kMalformed, "post_processor.sep[1]: expected an integer from 0 to 5"},
      {"template id out of range",
       Small(R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}},{"Sequence":{"id":"A"}}],)"
             R"("special_tokens":{"x":{"ids":[6]}}},)"),
       StatusCode::kMalformed, "post_processor.special_tokens.x.ids[0]: expected an integer from 0 to 5"},
      {"template without text", Small(R"("post_processor":{"type":"TemplateProcessing","single":[],"special_tokens":{}},)"),
       StatusCode::kUnsupported, "found it 0 times"},
      {"dropout", Small(plain, R"("a":0)", "[]", R"("dropout":0.1,)"), StatusCode::kUnsupported, "model.dropout"},
      {"unknown token that is none", Small(plain, R"("a":0)", "[]", R"("unk_token":"u",)"), StatusCode::kMalformed,
       "'u' is not a token"},
      {"merge without the prefix", Small(plain, R"("a":0,"b":1,"ab":2)", R"(["a b"])", R"("continuing_subword_prefix":"##",)"),
       StatusCode::kMalformed, "must begin with '##'"},
  };
  for (const Hostile& file : files) {
    const auto tokenizer = Tokenizer::FromJson(file.json);
    ASSERT_FALSE(tokenizer.ok()) << file.name;
    EXPECT_EQ(tokenizer.status().code(), file.code) << file.name << ": " << tokenizer.status().message();
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(file.message)) << file.name;
  }
  EXPECT_EQ(Tokenizer::FromJson(Small(plain), "{").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(Tokenizer::FromJson(Small(plain), R"({"eos_token":"nope"})").status().code(), StatusCode::kMalformed);
}

TEST(TokenizerFromJson, CatastrophicPatternFailsTheCallThatMeetsIt) {
  const auto tokenizer = Load(Small(R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated"},)"));
  EXPECT_TRUE(tokenizer->Encode("ab").ok());
  EXPECT_EQ(tokenizer->Encode(std::string(50, 'a') + "b").status().code(), StatusCode::kResourceExhausted);
}

TEST(TokenizerFromJson, OverlappingAndOddAddedTokensAreMatchedAsText) {
  const auto tokenizer = Load(Small(std::string(kByteLevel) + R"("added_tokens":[{"id":6,"content":"a.*","normalized":false},
      {"id":7,"content":"a.*b","normalized":false},{"id":8,"content":"(b","normalized":false}],)"));
  EXPECT_THAT(EncodePlain(*tokenizer, "a.*b"), ElementsAre(7));
  EXPECT_THAT(EncodePlain(*tokenizer, "a.*(ba"), ElementsAre(6, 8, 2));
  EXPECT_THAT(EncodePlain(*tokenizer, "aab"), ElementsAre(2, 4));
}

TEST(TokenizerFromJson, TextPastTheLimitIsRefusedBeforeItIsRead) {
  static char byte = 'a';
  const std::string_view huge(&byte, (size_t{1} << 30) + 1);  // never dereferenced past the check
  EXPECT_EQ(Smollm().Encode(huge).status().code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace sterna
