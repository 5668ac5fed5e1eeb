#include "text/vocabulary_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>

#include "base/file.h"
#include "text/tokenizer_test_support.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

// Escapes, an unknown member, numbers, and tokens that JSON has to escape.
constexpr std::string_view kSmall = R"({"version":"1.0","odd \"key\"":[1,2.5,-3e-7,null,true,"\u0001\n"],
  "added_tokens":[{"id":7,"content":"<|end|>","special":true}],
  "normalizer":{"type":"Replace","pattern":{"String":"\\"},"content":"\""},
  "model":{"type":"BPE","ignore_merges":false,"vocab":{"a":0,"b":1,"\"":2,"ab":3,"é":4,"aba":5,"\u0001":6},"merges":["a b",["ab","a"]]}})";

struct Folder {
  Folder() : path(fs::path(testing::TempDir()) / ("sterna-cache-" + std::to_string(std::random_device()()))) {}
  ~Folder() { fs::remove_all(path); }
  std::string File(std::string_view json) const { return (path / VocabularyCacheName(json)).string(); }
  fs::path path;
};

std::pair<std::shared_ptr<const Tokenizer>, VocabularyCacheUse> Load(std::string_view json, const Folder& folder) {
  VocabularyCacheUse use{};
  const auto tokenizer = TokenizerFromCachedJson(json, {}, {}, folder.path.string(), &use, 0);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return {tokenizer.ok() ? *tokenizer : nullptr, use};
}

void Write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// CPython's hash() of bytes is SipHash-1-3; these are its values with PYTHONHASHSEED=0, which is the key 0, 0.
TEST(KeyedHash, EqualsPythonsSipHash) {
  const std::array<std::pair<size_t, uint64_t>, 6> cases = {{{1, 7541581120933061747u},
                                                             {7, 3389392686435873370u},
                                                             {8, 16921169381604339434u},
                                                             {9, 8471974163824919394u},
                                                             {16, 9904005486622393783u},
                                                             {63, 4061470857350050649u}}};
  for (const auto& [bytes, expected] : cases) {
    std::string text;
    for (size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(i));
    EXPECT_EQ(KeyedHash({}, text), expected) << bytes;
    EXPECT_NE(KeyedHash({1, 0}, text), expected);
    EXPECT_NE(KeyedHash({0, 1}, text), expected);
  }
}

TEST(VocabularyCache, GivesTheSameTokenizerFromTheSecondTimeOn) {
  for (const char* name : {"smollm", "llama2"}) {
    const Folder folder;
    const std::string json = ReadFixture(std::string(name) + "/tokenizer.json");
    EXPECT_EQ(Load(json, folder).second, VocabularyCacheUse::kWritten);
    const auto [tokenizer, use] = Load(json, folder);
    EXPECT_EQ(use, VocabularyCacheUse::kRead);
    ASSERT_NE(tokenizer, nullptr);
    ExpectGolden(*tokenizer, ReadCases(std::string(name) + "/cases.jsonl"));
    const auto direct = Tokenizer::FromJson(json);
    ASSERT_TRUE(direct.ok());
    EXPECT_EQ(tokenizer->description(), (*direct)->description());
    for (TokenId id = 0; id < tokenizer->vocab_size(); ++id) ASSERT_EQ(tokenizer->TokenBytes(id), (*direct)->TokenBytes(id));
  }
}

TEST(VocabularyCache, KeepsEveryOtherMemberOfTheFile) {
  const Folder folder;
  Load(kSmall, folder);
  const auto [tokenizer, use] = Load(kSmall, folder);
  EXPECT_EQ(use, VocabularyCacheUse::kRead);
  EXPECT_THAT(EncodePlain(*tokenizer, "aba\\é<|end|>\x01", true), testing::ElementsAre(5, 2, 4, 7, 6));
}

TEST(VocabularyCache, TheConfigIsNotPartOfIt) {
  const Folder folder;
  Load(kSmall, folder);
  const auto with_config = [&](std::string_view config) {
    return TokenizerFromCachedJson(kSmall, config, {}, folder.path.string(), nullptr, 0);
  };
  EXPECT_EQ((*with_config(R"({"eos_token":"<|end|>"})"))->eos(), 7);
  EXPECT_EQ((*with_config(R"({"eos_token":"ab"})"))->eos(), 3);
  EXPECT_THAT(std::string(with_config(R"({"eos_token":"none"})").status().message()), testing::HasSubstr("'none' is not a token"));
}

TEST(VocabularyCache, OtherModelsAndSmallFilesAreReadAsEver) {
  const Folder folder;
  const auto words = Load(R"({"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}}})", folder);
  EXPECT_EQ(words.second, VocabularyCacheUse::kUnsuited);
  VocabularyCacheUse use{};
  EXPECT_TRUE(TokenizerFromCachedJson(kSmall, {}, {}, folder.path.string(), &use).ok());
  EXPECT_EQ(use, VocabularyCacheUse::kUnsuited);
  EXPECT_TRUE(TokenizerFromCachedJson(kSmall, {}, {}, "", &use, 0).ok());
  EXPECT_EQ(use, VocabularyCacheUse::kUnsuited);
  EXPECT_FALSE(fs::exists(folder.path));
}

TEST(VocabularyCache, AFolderThatCannotBeWrittenIsNone) {
  const Folder folder;
  Write(folder.path.string(), "a file where the folder would be");
  const auto [tokenizer, use] = Load(kSmall, folder);
  EXPECT_EQ(use, VocabularyCacheUse::kNotWritten);
  EXPECT_NE(tokenizer, nullptr);
}

TEST(VocabularyCache, ACutFileIsRebuiltWhereverItEnds) {
  const Folder folder;
  Load(kSmall, folder);
  const std::string good = *ReadWholeFile(folder.File(kSmall), 1 << 20);
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    ASSERT_FALSE(ParseVocabularyCache(std::string_view(good).substr(0, bytes), kSmall).ok()) << bytes;
  }
  EXPECT_FALSE(ParseVocabularyCache(good + '\0', kSmall).ok());
  for (const size_t bytes : {size_t{0}, size_t{79}, size_t{80}, good.size() / 2, good.size() - 1}) {
    Write(folder.File(kSmall), std::string_view(good).substr(0, bytes));
    EXPECT_EQ(Load(kSmall, folder).second, VocabularyCacheUse::kWritten);
    EXPECT_EQ(Load(kSmall, folder).second, VocabularyCacheUse::kRead);
  }
}

TEST(VocabularyCache, EveryFlippedBitIsNoticed) {
  const Folder folder;
  Load(kSmall, folder);
  const std::string good = *ReadWholeFile(folder.File(kSmall), 1 << 20);
  ASSERT_TRUE(ParseVocabularyCache(good, kSmall).ok());
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string broken = good;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(ParseVocabularyCache(broken, kSmall).ok()) << "bit " << bit;
  }
  Write(folder.File(kSmall), std::string(good.size(), '\xFF'));
  EXPECT_EQ(Load(kSmall, folder).second, VocabularyCacheUse::kWritten);
}

TEST(VocabularyCache, AnotherTextOfTheSameNameAndSizeIsRefused) {
  std::string other(kSmall);
  other[other.find("\"ab\":3") + 1] = 'b';
  const std::string bytes = FormatVocabularyCache(kSmall, "{}", {}, {1, 2});
  EXPECT_TRUE(ParseVocabularyCache(bytes, kSmall).ok());
  EXPECT_THAT(std::string(ParseVocabularyCache(bytes, other).status().message()), testing::HasSubstr("another tokenizer.json"));
  EXPECT_FALSE(ParseVocabularyCache(bytes, other + " ").ok());
}

// Whoever can write into the folder can make the checksums right; then the numbers must still be checked.
TEST(VocabularyCache, RightChecksumsOfWrongNumbersAreSafe) {
  const Folder folder;
  Load(kSmall, folder);
  const std::string good = *ReadWholeFile(folder.File(kSmall), 1 << 20);
  const auto cached = ParseVocabularyCache(good, kSmall);
  ASSERT_TRUE(cached.ok());
  const std::array<std::pair<BpeMergeIds, const char*>, 4> merges = {
      {{{0, 1, 99}, "out of range"}, {{-1, 1, 3}, "negative"}, {{0, INT32_MAX, 3}, "far out"}, {cached->parts.merges[0], "twice"}}};
  for (const auto& [merge, about] : merges) {
    VocabularyParts parts = cached->parts;
    parts.merges.push_back(merge);
    Write(folder.File(kSmall), FormatVocabularyCache(kSmall, cached->rest, parts, {3, 4}));
    EXPECT_EQ(Load(kSmall, folder).second, VocabularyCacheUse::kWritten) << about;
  }
  for (const int64_t id : {int64_t{-5}, int64_t{1} << 24, int64_t{9999}, int64_t{1}}) {
    VocabularyParts parts = cached->parts;
    parts.entries.emplace_back("new", id);
    Write(folder.File(kSmall), FormatVocabularyCache(kSmall, cached->rest, parts, {3, 4}));
    EXPECT_EQ(Load(kSmall, folder).second, VocabularyCacheUse::kWritten) << id;
  }
  for (const std::string_view rest : {"", "{", "[]", "{\"model\":7}", "{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}"}) {
    Write(folder.File(kSmall), FormatVocabularyCache(kSmall, rest, cached->parts, {3, 4}));
    EXPECT_EQ(Load(kSmall, folder).second, VocabularyCacheUse::kWritten) << rest;
  }
  EXPECT_EQ(Load(kSmall, folder).second, VocabularyCacheUse::kRead);
}

}  // namespace
}  // namespace sterna
