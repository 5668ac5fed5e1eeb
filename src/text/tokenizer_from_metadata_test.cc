#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "text/byte_level.h"
#include "text/tokenizer.h"
#include "text/tokenizer_test_support.h"

namespace sterna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Tokenizer> Load(const Metadata& metadata) {
  auto tokenizer = Tokenizer::FromMetadata(metadata);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

/// A vocabulary as a converter would write it.
struct Builder {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  std::vector<float> scores;
  std::vector<std::string> merges;
  Metadata metadata;

  TokenId Add(std::string text, int32_t type = 1, float score = 0) {
    tokens.push_back(std::move(text));
    types.push_back(type);
    scores.push_back(score);
    return static_cast<TokenId>(tokens.size() - 1);
  }
  Metadata Build(std::string model) const {
    Metadata built = metadata;
    if (model == "llama" || model == "t5") built.Set("tokenizer.ggml.scores", MetaArray(scores));
    if (model == "gpt2") built.Set("tokenizer.ggml.merges", MetaArray(merges));
    built.Set("tokenizer.ggml.model", std::move(model));
    built.Set("tokenizer.ggml.tokens", MetaArray(tokens));
    built.Set("tokenizer.ggml.token_type", MetaArray(types));
    return built;
  }
};

// All bytes and a few merges.
Builder ByteLevelBuilder(std::string pre) {
  Builder builder;
  for (int byte = 0; byte < 256; ++byte) {
    std::string text;
    AppendByteLevel(std::string(1, static_cast<char>(byte)), &text);
    builder.Add(text);
  }
  for (const char* merge : {"1 2", "3 4", "12 34", "( (", "Ġ a", "' t"}) {
    builder.merges.emplace_back(merge);
    std::string text(merge);
    text.erase(text.find(' '), 1);
    builder.Add(text);
  }
  builder.Add("1234567");
  builder.Add("<|eot_id|>", 3);
  builder.Add("<extra>", 4);
  if (!pre.empty()) builder.metadata.Set("tokenizer.ggml.pre", std::move(pre));
  return builder;
}

std::vector<std::string> Pieces(const Tokenizer& tokenizer, std::string_view text, bool parse_special = false) {
  std::vector<std::string> pieces;
  for (const TokenId id : EncodePlain(tokenizer, text, parse_special)) pieces.emplace_back(tokenizer.TokenBytes(id));
  return pieces;
}

// SmolLM's tokenizer.json as a GGUF file holds the same vocabulary.
TEST(TokenizerFromMetadata, FullVocabularyAgreesWithTheReference) {
  const std::string text = ReadFixture("smollm/tokenizer.json");
  simdjson::dom::parser parser;
  const simdjson::dom::element json = parser.parse(text);
  Builder builder;
  const simdjson::dom::object vocab = json["model"]["vocab"];
  builder.tokens.resize(vocab.size());
  builder.types.assign(vocab.size(), 1);
  for (const auto& [token, id] : vocab) builder.tokens[static_cast<size_t>(int64_t{id})] = token;
  for (const simdjson::dom::element added : json["added_tokens"].get_array()) {
    builder.types[static_cast<size_t>(int64_t{added["id"]})] = 3;
  }
  for (const simdjson::dom::element merge : json["model"]["merges"].get_array()) {
    const std::string left(std::string_view(merge.at(0)));
    builder.merges.push_back(left + " " + std::string(std::string_view(merge.at(1))));
  }
  builder.metadata.Set("tokenizer.ggml.pre", std::string("smollm"));
  const auto tokenizer = Load(builder.Build("gpt2"));
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->description(), "BPE gpt2/smollm, 49152 tokens");
  ExpectGolden(*tokenizer, ReadCases("smollm/cases.jsonl"));
}

TEST(TokenizerFromMetadata, PreTypesCutDifferently) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(Pieces(*Load(ByteLevelBuilder("llama-bpe").Build("gpt2")), "1234567"), (Words{"12", "3", "4", "5", "6", "7"}));
  EXPECT_EQ(Pieces(*Load(ByteLevelBuilder("gpt-2").Build("gpt2")), "1234567"), (Words{"1234", "5", "6", "7"}))
      << "a whole token, but this type does not ignore merges";
  EXPECT_EQ(Pieces(*Load(ByteLevelBuilder("smollm").Build("gpt2")), "12"), (Words{"1", "2"}));
  EXPECT_EQ(Pieces(*Load(ByteLevelBuilder("default").Build("gpt2")), "1234"), (Words{"12", "3", "4"}));
  EXPECT_EQ(Pieces(*Load(ByteLevelBuilder("default").Build("gpt2")), "x't"), (Words{"x", "'", "t"}));
  EXPECT_EQ(Pieces(*Load(ByteLevelBuilder("falcon").Build("gpt2")), "x(( a"), (Words{"x", "((", " a"}));
}

// As llama.cpp does; Hugging Face refuses such a vocabulary, and FromJson with it.
TEST(TokenizerFromMetadata, MergesThatGiveNoTokenTakePartAndAreSaid) {
  Builder builder = ByteLevelBuilder("gpt-2");
  builder.merges.insert(builder.merges.begin(), {"h e", "Ġ x"});
  const auto tokenizer = Load(builder.Build("gpt2"));
  ASSERT_NE(tokenizer, nullptr);
  ASSERT_EQ(tokenizer->warnings().size(), 1u);
  EXPECT_THAT(tokenizer->warnings()[0], HasSubstr("tokenizer.ggml.merges[0]: 'h' + 'e': 'he' is not a token"));
  EXPECT_EQ(Pieces(*tokenizer, "he 12 x a"), (std::vector<std::string>{"h", "e", " ", "12", " ", "x", " a"}));
  EXPECT_EQ(DecodeAll(*tokenizer, EncodePlain(*tokenizer, "he hehe x x12")), "he hehe x x12");
}

TEST(TokenizerFromMetadata, EveryPreTypeLoadsAndRoundTrips) {
  for (const char* pre :
       {"default", "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "qwen2", "qwen35", "gpt-2", "deepseek-r1-qwen",
        "smollm", "falcon", "deepseek-llm", "deepseek-coder", "gpt-4o", "tekken", "stablelm2", "deepseek-v3", "starcoder"}) {
    const auto tokenizer = Load(ByteLevelBuilder(pre).Build("gpt2"));
    ASSERT_NE(tokenizer, nullptr) << pre;
    const std::string text = "Hello, y'all! 12345  漢字 \r\n\n\tx = \"été\" <extra> \xF0\x9F\x98\x81 ";
    EXPECT_EQ(DecodeAll(*tokenizer, EncodePlain(*tokenizer, text)), text) << pre;
  }
}

TEST(TokenizerFromMetadata, DecodingGivesBackEveryValidText) {
  std::mt19937 rng(22);
  for (const char* pre : {"default", "llama-bpe", "deepseek-llm", "gpt-4o"}) {
    const auto tokenizer = Load(ByteLevelBuilder(pre).Build("gpt2"));
    for (int round = 0; round < 500; ++round) {
      const std::string text = RandomUnicode(&rng);
      ASSERT_EQ(DecodeAll(*tokenizer, EncodePlain(*tokenizer, text, round % 2 == 0)), text) << pre;
    }
  }
}

TEST(TokenizerFromMetadata, InvalidUtf8GoesThroughByteTokens) {
  const auto tokenizer = Load(ByteLevelBuilder("llama-bpe").Build("gpt2"));
  for (const std::string text : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\xFF", "a\xE2\x96", " \x80 x"}) {
    std::string bytes;
    for (const TokenId id : EncodePlain(*tokenizer, text)) bytes += tokenizer->TokenBytes(id);
    EXPECT_EQ(bytes, text);
  }
}

TEST(TokenizerFromMetadata, BertWordsBeginWithASpaceSymbol) {
  Builder builder;
  for (const char* text : {"[UNK]", "[CLS]", "[SEP]"}) builder.Add(text, 3, 0);
  for (const char* text : {"▁hello", "▁wor", "ld", "▁!", "▁漢"}) builder.Add(text, 1, 0);
  const auto tokenizer = Load(builder.Build("bert"));
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(*tokenizer->Encode("Héllo,  world!漢"), testing::ElementsAre(1, 3, 0, 4, 5, 6, 7, 2));
  EXPECT_EQ(DecodeAll(*tokenizer, {3, 4, 5, 6}), "hello world !");
  EXPECT_THAT(EncodePlain(*tokenizer, "[SEP]", false), testing::Not(testing::Contains(2)));
}

TEST(TokenizerFromMetadata, UnigramTakesTheBestSumAndMergesUnknownCharacters) {
  Builder builder;
  builder.Add("<pad>", 3, 0);
  builder.Add("</s>", 3, 0);
  builder.Add("<unk>", 2, 0);
  for (const auto& [text, score] : {std::pair("▁", -3.0f), std::pair("a", -2.0f), std::pair("b", -2.0f), std::pair("ab", -3.5f),
                                    std::pair("▁a", -2.0f), std::pair("▁ab", -9.0f)}) {
    builder.Add(text, 1, score);
  }
  builder.metadata.Set("tokenizer.ggml.add_space_prefix", true);
  builder.metadata.Set("tokenizer.ggml.remove_extra_whitespaces", true);
  const auto tokenizer = Load(builder.Build("t5"));
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(*tokenizer->Encode("  ab   aab "), testing::ElementsAre(7, 5, 7, 6, 1));
  EXPECT_THAT(EncodePlain(*tokenizer, "axyb"), testing::ElementsAre(7, 2, 5));
  EXPECT_EQ(DecodeAll(*tokenizer, {7, 5, 7, 6}), "ab aab");
}

TEST(TokenizerFromMetadata, MissingPreMeansLlama3ForBitNetAndDefaultElsewhere) {
  Builder builder = ByteLevelBuilder("");
  EXPECT_EQ(Load(builder.Build("gpt2"))->description(), "BPE gpt2/default, 265 tokens");
  builder.metadata.Set("general.architecture", std::string("bitnet-b1.58"));
  EXPECT_EQ(Load(builder.Build("gpt2"))->description(), "BPE gpt2/default, 265 tokens");
  while (builder.tokens.size() < 128256) builder.Add("[pad" + std::to_string(builder.tokens.size()) + "]");
  EXPECT_EQ(Load(builder.Build("gpt2"))->description(), "BPE gpt2/llama-bpe, 128256 tokens");
  EXPECT_THAT(Load(builder.Build("gpt2"))->warnings(), testing::ElementsAre(testing::HasSubstr("tokenizer.ggml.pre is missing")));
  builder.metadata.Set("tokenizer.ggml.pre", std::string("default"));
  EXPECT_EQ(Load(builder.Build("gpt2"))->description(), "BPE gpt2/default, 128256 tokens");
}

TEST(TokenizerFromMetadata, UserDefinedTokensAlwaysMatchControlTokensOnRequest) {
  const auto tokenizer = Load(ByteLevelBuilder("llama-bpe").Build("gpt2"));
  const TokenId extra = *tokenizer->Find("<extra>");
  const TokenId eot = *tokenizer->Find("<|eot_id|>");
  EXPECT_EQ(EncodePlain(*tokenizer, "a<extra><|eot_id|>", true).size(), 3u);
  EXPECT_THAT(EncodePlain(*tokenizer, "<extra><|eot_id|>", true), ElementsAre(extra, eot));
  const std::vector<TokenId> untrusted = EncodePlain(*tokenizer, "<extra><|eot_id|>", false);
  EXPECT_EQ(untrusted[0], extra);
  EXPECT_THAT(untrusted, testing::Not(testing::Contains(eot)));
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(eot));
  EXPECT_TRUE(tokenizer->IsControl(eot));
  EXPECT_FALSE(tokenizer->IsControl(extra));
}

TEST(TokenizerFromMetadata, LongestAddedTokenWinsWhereverItIs) {
  Builder builder = ByteLevelBuilder("gpt-2");
  const TokenId ab = builder.Add("ab", 4);
  const TokenId bcd = builder.Add("bcd", 4);
  const auto tokenizer = Load(builder.Build("gpt2"));
  EXPECT_THAT(EncodePlain(*tokenizer, "abcd"), ElementsAre('a' - '!' + 33, bcd)) << "not leftmost: the longest first";
  EXPECT_THAT(EncodePlain(*tokenizer, "ab"), ElementsAre(ab));
}

TEST(TokenizerFromMetadata, BosAndEosSurroundAsTheKeysSay) {
  Builder builder = ByteLevelBuilder("llama-bpe");
  EXPECT_EQ(Load(builder.Build("gpt2"))->Encode("x")->size(), 1u) << "the type adds BOS, but the file names none";
  builder.metadata.Set("tokenizer.ggml.bos_token_id", uint32_t{7});
  builder.metadata.Set("tokenizer.ggml.eos_token_id", uint32_t{8});
  EXPECT_THAT(*Load(builder.Build("gpt2"))->Encode("1"), ElementsAre(7, '1'));
  builder.metadata.Set("tokenizer.ggml.add_bos_token", false);
  builder.metadata.Set("tokenizer.ggml.add_eos_token", true);
  const auto tokenizer = Load(builder.Build("gpt2"));
  EXPECT_THAT(*tokenizer->Encode("1"), ElementsAre('1', 8));
  EXPECT_EQ(tokenizer->bos(), 7);
  EXPECT_EQ(tokenizer->eos(), 8);
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(8));
}

Builder SentencePieceBuilder() {
  Builder builder;
  builder.Add("<unk>", 2);
  builder.Add("<s>", 3);
  builder.Add("</s>", 3);
  for (int byte = 0; byte < 256; ++byte) {
    const char* digits = "0123456789ABCDEF";
    builder.Add(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", 6);
  }
  float score = -1;
  for (const char* piece : {"▁a", "ab", "▁ab", "▁", "a", "b", "c", "<", "s", ">", "<s", "▁▁"}) builder.Add(piece, 1, score--);
  return builder;
}

TEST(TokenizerFromMetadata, SentencePieceAddsASpaceAtTheStartAndAfterControlTokens) {
  const auto tokenizer = Load(SentencePieceBuilder().Build("llama"));
  using Words = std::vector<std::string>;
  EXPECT_EQ(Pieces(*tokenizer, "ab b"), (Words{" ab", " ", "b"}));
  EXPECT_EQ(Pieces(*tokenizer, "a<s>a", true), (Words{" a", "<s>", " a"}));
  EXPECT_EQ(Pieces(*tokenizer, "a<s>a", false), (Words{" a", "<s", ">", "a"})) << "text cannot become a control token";
  EXPECT_EQ(Pieces(*tokenizer, "é\xFF"), (Words{" ", "\xC3", "\xA9", "\xFF"}));
  EXPECT_THAT(*tokenizer->Encode("a"), ElementsAre(1, *tokenizer->Find("▁a")));
  for (const std::string text : {"", "a", " a", "ab  b", "<0x41>é"})
    EXPECT_EQ(DecodeAll(*tokenizer, EncodePlain(*tokenizer, text)), text);
  EXPECT_EQ(*tokenizer->Decode(*tokenizer->Encode("ab"), true), "ab");
  Builder without = SentencePieceBuilder();
  without.metadata.Set("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(Pieces(*Load(without.Build("llama")), "ab"), (Words{"ab"}));
}

// A piece with a space inside forbids cutting at spaces; both ways must agree with merging the whole text.
TEST(TokenizerFromMetadata, PiecesWithInnerSpacesAreFormed) {
  Builder builder = SentencePieceBuilder();
  builder.Add("a▁", 1, -0.5F);
  builder.Add("a▁b", 1, -0.25F);
  using Words = std::vector<std::string>;
  EXPECT_EQ(Pieces(*Load(builder.Build("llama")), "ca bc"), (Words{" ", "c", "a b", "c"}));
}

TEST(TokenizerFromMetadata, Phi3ControlTokensTakeTheSpaceAfterThem) {
  Builder builder = SentencePieceBuilder();
  const TokenId end = builder.Add("<|end|>", 3);
  EXPECT_EQ(EncodePlain(*Load(builder.Build("llama")), "<|end|>\n", true).size(), 3u);
  builder.metadata.Set("general.name", std::string("Phi-3 mini"));
  EXPECT_THAT(EncodePlain(*Load(builder.Build("llama")), "<|end|>\n", true), ElementsAre(end));
}

TEST(TokenizerFromMetadata, EmptyTokensAreRenamedAsTheReferenceDoes) {
  Builder builder = ByteLevelBuilder("gpt-2");
  const TokenId empty = builder.Add("");
  EXPECT_EQ(Load(builder.Build("gpt2"))->Find("[EMPTY_" + std::to_string(empty) + "]"), empty);
}

TEST(TokenizerFromMetadata, MonotonousTextsOfAMegabyteEnd) {
  const auto byte_level = Load(ByteLevelBuilder("llama-bpe").Build("gpt2"));
  const auto pieces = Load(SentencePieceBuilder().Build("llama"));
  const auto by_regex = Load(ByteLevelBuilder("gpt-4o").Build("gpt2"));
  for (const std::string& text : MonotonousTexts(1 << 20)) {
    for (const auto& tokenizer : {byte_level, pieces, by_regex}) {
      std::string bytes;
      for (const TokenId id : EncodePlain(*tokenizer, text)) bytes += tokenizer->TokenBytes(id);
      if (tokenizer != pieces) {
        EXPECT_TRUE(bytes == text);
      }
      EXPECT_GE(bytes.size(), text.size() / 3);
    }
  }
}

TEST(TokenizerFromMetadata, RefusesHostileKeysByName) {
  struct Case {
    const char* name;
    Metadata metadata;
    StatusCode code;
    const char* message;
  };
  const auto with = [](Metadata metadata, const char* key, MetaValue value) {
    metadata.Set(key, std::move(value));
    return metadata;
  };
  const auto without = [](Metadata metadata, const char* key) {
    metadata.Remove(key);
    return metadata;
  };
  const Metadata bpe = ByteLevelBuilder("gpt-2").Build("gpt2");
  const Metadata spm = SentencePieceBuilder().Build("llama");
  const auto with_merge = [](const char* merge) {
    Builder builder = ByteLevelBuilder("gpt-2");
    builder.merges.emplace_back(merge);
    return builder.Build("gpt2");
  };
  const auto with_token = [](const char* text, int32_t type, float score) {
    Builder builder = SentencePieceBuilder();
    builder.Add(text, type, score);
    return builder.Build("llama");
  };
  const std::vector<Case> cases = {
      {"no model", without(bpe, "tokenizer.ggml.model"), StatusCode::kNotFound, "tokenizer.ggml.model"},
      {"unknown model", with(bpe, "tokenizer.ggml.model", std::string("rwkv")), StatusCode::kUnsupported, "'rwkv'"},
      {"unknown pre", with(bpe, "tokenizer.ggml.pre", std::string("nope")), StatusCode::kUnsupported, "'nope'"},
      {"no tokens key", without(bpe, "tokenizer.ggml.tokens"), StatusCode::kNotFound, "tokenizer.ggml.tokens"},
      {"no tokens", with(bpe, "tokenizer.ggml.tokens", MetaArray(std::vector<std::string>())), StatusCode::kMalformed, "no tokens"},
      {"tokens of numbers", with(bpe, "tokenizer.ggml.tokens", MetaArray(std::vector<int32_t>{1})), StatusCode::kMalformed,
       "tokens"},
      {"fewer tokens than types", with(bpe, "tokenizer.ggml.tokens", MetaArray(std::vector<std::string>{"a"})),
       StatusCode::kMalformed, "tokenizer.ggml.token_type: expected 1"},
      {"unknown type", with_token("x", 9, 0), StatusCode::kMalformed, "token_type[271]"},
      {"duplicate token", with_token("ab", 1, 0), StatusCode::kMalformed, "'ab' is token 260 already"},
      {"huge token", with_token(std::string(65 << 20, 'x').c_str(), 1, 0), StatusCode::kMalformed, "tokens[271]"},
      {"huge control token", with_token(std::string(2000, 'x').c_str(), 3, 0), StatusCode::kUnsupported, "2000 bytes"},
      {"score NaN", with_token("x", 1, NAN), StatusCode::kMalformed, "scores[271]"},
      {"byte token that is none", with_token("<0xGG>", 6, 0), StatusCode::kMalformed, "<0xGG>"},
      {"no scores", without(spm, "tokenizer.ggml.scores"), StatusCode::kNotFound, "tokenizer.ggml.scores"},
      {"few scores", with(spm, "tokenizer.ggml.scores", MetaArray(std::vector<float>{1})), StatusCode::kMalformed, "scores"},
      {"no merges", without(bpe, "tokenizer.ggml.merges"), StatusCode::kNotFound, "tokenizer.ggml.merges"},
      {"merge without space", with_merge("ab"), StatusCode::kMalformed, "merges[6]"},
      {"merge empty", with_merge(""), StatusCode::kMalformed, "merges[6]"},
      {"merge twice", with_merge("1 2"), StatusCode::kMalformed, "is there twice"},
      {"bos past the end", with(bpe, "tokenizer.ggml.bos_token_id", uint32_t{265}), StatusCode::kMalformed,
       "bos_token_id: expected 0 to 264"},
      {"eos negative", with(bpe, "tokenizer.ggml.eos_token_id", int32_t{-1}), StatusCode::kMalformed, "eos_token_id"},
      {"padding past the end", with(bpe, "tokenizer.ggml.padding_token_id", UINT32_MAX), StatusCode::kMalformed,
       "padding_token_id"},
      {"add_bos without bos", with(bpe, "tokenizer.ggml.add_bos_token", true), StatusCode::kMalformed, "bos_token_id is missing"},
  };
  for (const Case& c : cases) {
    const auto tokenizer = Tokenizer::FromMetadata(c.metadata);
    ASSERT_FALSE(tokenizer.ok()) << c.name;
    EXPECT_EQ(tokenizer.status().code(), c.code) << c.name << ": " << tokenizer.status().message();
    EXPECT_THAT(std::string(tokenizer.status().message().substr(0, 300)), HasSubstr(c.message)) << c.name;
  }
}

}  // namespace
}  // namespace sterna
