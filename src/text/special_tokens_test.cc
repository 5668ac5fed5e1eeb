#include "text/special_tokens.h"

#include <fmt/format.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer_test_support.h"

namespace sterna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Roles = std::vector<std::string>;

// Spaces, escapes and an unknown member that an edit must keep.
const TokenizerFiles kFiles = {
    R"({ "made by": "a \"test\"",
  "added_tokens": [ {"id":4,"content":"<end>","special":true,"rstrip":true}, {"id":5,"content":"widget","single_word":true} ],
  "pre_tokenizer": {"type":"Whitespace"},
  "model": {"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"<":3},"merges":["a b"]} })",
    R"({"eos_token":"<end>","pad_token":{"content":"<end>"},"mask_token":"missing","x":1.5})", ""};

std::shared_ptr<const Tokenizer> Load(const TokenizerFiles& files) {
  auto tokenizer = Tokenizer::FromJson(files.tokenizer_json, files.config_json, files.special_tokens_map_json);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

TokenizerFiles Edit(const TokenizerFiles& files, const SpecialTokenEdit& edit) {
  auto edited = EditSpecialTokens(files, edit);
  EXPECT_TRUE(edited.ok()) << edited.status().message();
  return edited.ok() ? *std::move(edited) : TokenizerFiles();
}

std::string ErrorOf(const SpecialTokenEdit& edit) {
  const auto edited = EditSpecialTokens(kFiles, edit);
  return edited.ok() ? "no error" : std::string(edited.status().message());
}

TEST(SpecialTokens, ListsWhatTheFileSays) {
  const std::vector<SpecialToken> tokens = Load(kFiles)->special_tokens();
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].id, 4);
  EXPECT_EQ(tokens[0].text, "<end>");
  EXPECT_TRUE(tokens[0].is_control && tokens[0].is_end && tokens[0].strips_right);
  EXPECT_FALSE(tokens[0].strips_left || tokens[0].single_word || tokens[0].normalized);
  EXPECT_EQ(tokens[0].roles, (Roles{"eos", "pad"}));
  EXPECT_EQ(tokens[1].text, "widget");
  EXPECT_TRUE(tokens[1].single_word && tokens[1].normalized);
  EXPECT_FALSE(tokens[1].is_control || tokens[1].is_end);
  EXPECT_EQ(tokens[1].roles, Roles());
}

TEST(SpecialTokens, NewTokensTakeTheNextIdsOrTheOneTheyHave) {
  const TokenizerFiles edited = Edit(kFiles, {{{"<tool>", true}, {"ab", true}, {"new", false}}, {}});
  const auto tokenizer = Load(edited);
  EXPECT_EQ(tokenizer->Find("<tool>"), 6);
  EXPECT_EQ(tokenizer->Find("ab"), 2);
  EXPECT_EQ(tokenizer->Find("new"), 7);
  EXPECT_EQ(tokenizer->vocab_size(), 8);
  EXPECT_THAT(EncodePlain(*tokenizer, "a<tool>ab new", true), ElementsAre(0, 6, 2, 7));
  EXPECT_THAT(EncodePlain(*tokenizer, "a<tool>", false), ElementsAre(0, 3)) << "text of a user";
  EXPECT_THAT(edited.tokenizer_json, HasSubstr(R"("made by":"a \"test\"")"));
  EXPECT_EQ(edited.config_json, kFiles.config_json);
}

TEST(SpecialTokens, AFileWithoutAddedTokensGetsThem) {
  TokenizerFiles files = kFiles;
  files.config_json.clear();
  for (const char* added : {"", R"("added_tokens":null,)", R"("added_tokens":[],)"}) {
    files.tokenizer_json = fmt::format(R"({{{}"model":{{"type":"BPE","vocab":{{"a":0}},"merges":[]}}}})", added);
    const TokenizerFiles edited = Edit(files, {{{"<s>", true}}, {{"bos", "<s>"}}});
    EXPECT_EQ(edited.config_json, R"({"bos_token":"<s>"})") << added;
    EXPECT_EQ(Load(edited)->bos(), 1) << added;
  }
}

TEST(SpecialTokens, RolesChangeAndOthersStay) {
  const TokenizerFiles edited = Edit(kFiles, {{{"<turn>", true}}, {{"eos", "<turn>"}, {"eot", "<end>"}, {"unk", "a"}}});
  const auto tokenizer = Load(edited);
  EXPECT_EQ(tokenizer->eos(), 6);
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(6));
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(4)) << "eot";
  const std::vector<SpecialToken> tokens = tokenizer->special_tokens();
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[0].roles, Roles{"unk"});
  EXPECT_EQ(tokens[1].roles, (Roles{"pad", "eot"}));
  EXPECT_EQ(tokens[3].roles, Roles{"eos"});
  EXPECT_THAT(edited.config_json, HasSubstr(R"("mask_token":"missing","x":1.5)"));
}

TEST(SpecialTokens, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf({{{"", true}}, {}}), HasSubstr("0 bytes: expected 1 to 1024"));
  EXPECT_THAT(ErrorOf({{{std::string(1025, 'x'), true}}, {}}), HasSubstr("1025 bytes"));
  EXPECT_THAT(ErrorOf({{{"<end>", true}}, {}}), HasSubstr("'<end>' is a special or added token already, with the id 4"));
  EXPECT_THAT(ErrorOf({{{"<n>", true}, {"<n>", true}}, {}}), HasSubstr("with the id 6"));
  EXPECT_THAT(ErrorOf({{}, {{"boss", "a"}}}), HasSubstr("unknown role 'boss': expected one of bos, eos, unk, pad"));
  EXPECT_THAT(ErrorOf({{}, {{"bos", "<none>"}}}), HasSubstr("bos: '<none>' is not a token"));
}

// Everything that an edit writes again, among it the scores of a Unigram model.
TEST(SpecialTokens, AnEditedFileTokenizesAsBefore) {
  for (const char* name : {"smollm", "llama2"}) {
    const TokenizerFiles files = {ReadFixture(std::string(name) + "/tokenizer.json"), "", ""};
    ExpectGolden(*Load(Edit(files, {{{"<|an uncommon token|>", true}}, {}})), ReadCases(std::string(name) + "/cases.jsonl"));
  }
  const TokenizerFiles unigram = {
      R"({"model":{"type":"Unigram","unk_id":0,"vocab":[["u",-9.75],["a",-0.1],["aa",-0.30000000000000004],["aaa",-3e-7]]}})", "",
      ""};
  EXPECT_THAT(EncodePlain(*Load(Edit(unigram, {{{"<x>", true}}, {}})), "aaaaa"),
              testing::ContainerEq(EncodePlain(*Load(unigram), "aaaaa")));
}

Metadata SmallGguf() {
  Metadata metadata;
  metadata.Set("tokenizer.ggml.model", std::string("llama"));
  metadata.Set("tokenizer.ggml.tokens", MetaArray(std::vector<std::string>{"<unk>", "<s>", "</s>", "a", "\xE2\x96\x81"}));
  metadata.Set("tokenizer.ggml.token_type", MetaArray(std::vector<int32_t>{2, 3, 3, 1, 1}));
  metadata.Set("tokenizer.ggml.scores", MetaArray(std::vector<float>{0, 0, 0, -1, -2}));
  metadata.Set("tokenizer.ggml.padding_token_id", uint32_t{2});
  metadata.Set("tokenizer.ggml.add_space_prefix", false);
  return metadata;
}

TEST(SpecialTokens, GgufVocabulariesListAndChangeToo) {
  const auto before = Tokenizer::FromMetadata(SmallGguf());
  ASSERT_TRUE(before.ok()) << before.status().message();
  const std::vector<SpecialToken> listed = (*before)->special_tokens();
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[0].roles, Roles());
  EXPECT_EQ(listed[2].roles, (Roles{"eos", "pad"}));
  const auto edited = EditSpecialTokens(SmallGguf(), {{{"<tool>", true}, {"word", false}}, {{"eot", "<tool>"}, {"pad", "<unk>"}}});
  ASSERT_TRUE(edited.ok()) << edited.status().message();
  const auto after = Tokenizer::FromMetadata(*edited);
  ASSERT_TRUE(after.ok()) << after.status().message();
  EXPECT_THAT(EncodePlain(**after, "a<tool>worda", true), ElementsAre(3, 5, 6, 3));
  EXPECT_TRUE((*after)->IsEndOfGeneration(5));
  EXPECT_EQ((*after)->special_tokens()[0].roles, Roles{"pad"});
}

/// As small as a tokenizer of one's own can be: a token a byte.
class ByteTokenizer final : public Tokenizer {
 public:
  Result<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions&) const override {
    return std::vector<TokenId>(text.begin(), text.end());
  }
  Result<TokenizedText> EncodeWithSpans(std::string_view, const EncodeOptions&) const override { return Unsupported("spans"); }
  Result<std::string> Decode(std::span<const TokenId> ids, const DecodeOptions&) const override {
    return std::string(ids.begin(), ids.end());
  }
  std::string_view TokenBytes(TokenId) const override { return "?"; }
  int64_t vocab_size() const override { return 128; }
  bool IsControl(TokenId id) const override { return id == 1; }
  bool IsEndOfGeneration(TokenId id) const override { return id == 0; }
  std::optional<TokenId> bos() const override { return 1; }
  std::optional<TokenId> eos() const override { return 0; }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  std::string description() const override { return "bytes"; }
};

TEST(SpecialTokens, ATokenizerOfOnesOwnHasDefaults) {
  const ByteTokenizer tokenizer;
  const std::vector<SpecialToken> tokens = tokenizer.special_tokens();
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].roles, Roles{"eos"});
  EXPECT_TRUE(tokens[0].is_end && !tokens[0].is_control);
  EXPECT_EQ(tokens[1].roles, Roles{"bos"});
  EXPECT_TRUE(tokenizer.warnings().empty());
  EXPECT_FALSE(tokenizer.declares_clean_up());
}

}  // namespace
}  // namespace sterna
