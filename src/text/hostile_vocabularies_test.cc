// Files and texts that are made to break a tokenizer; the names begin with their row in the catalogue of malformed inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "text/normalizer.h"
#include "text/precompiled_charsmap.h"
#include "text/prefix_trie.h"
#include "text/tokenizer.h"
#include "text/tokenizer_test_support.h"
#include "text/utf8.h"

namespace sterna {
namespace {

using testing::HasSubstr;

std::string Varint(uint64_t number) {
  std::string bytes;
  for (; number >= 128; number >>= 7) bytes.push_back(static_cast<char>(number | 128));
  bytes.push_back(static_cast<char>(number));
  return bytes;
}

std::string Field(uint64_t field, std::string_view content) {
  return Varint(field << 3 | 2) + Varint(content.size()) + std::string(content);
}

std::string Number(uint64_t field, uint64_t number) {
  return Varint(field << 3) + Varint(number);
}

std::string Piece(std::string_view text, float score, uint64_t type) {
  std::string bytes = Field(1, text) + Varint(2 << 3 | 5);
  const auto bits = std::bit_cast<uint32_t>(score);
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
  return Field(1, bytes + Number(3, type));
}

const std::string kUnknown = Piece("<unk>", 0, 2);
const std::string kBpe = Field(2, Number(3, 2));

std::string ErrorOf(const Result<std::shared_ptr<const Tokenizer>>& tokenizer) {
  return tokenizer.ok() ? "it loaded" : std::string(tokenizer.status().message());
}

TEST(HostileVocabularies, T06SentencePieceModelsBrokenInEveryWay) {
  const std::string good = kUnknown + Piece("a", -1, 1) + kBpe;
  ASSERT_EQ(ErrorOf(Tokenizer::FromSentencePiece(good)), "it loaded");
  const std::vector<std::pair<std::string, std::string>> files = {
      {"", "no pieces"},
      {kBpe, "no pieces"},
      {Piece("a", 0, 1), "no unknown piece"},
      {kUnknown + Piece("", 0, 1), "piece 1 has no text"},
      {kUnknown + Piece("a", std::numeric_limits<float>::quiet_NaN(), 1), "piece 1 has the score nan"},
      {kUnknown + Piece("a", std::numeric_limits<float>::infinity(), 1), "piece 1 has the score inf"},
      {kUnknown + Piece("a", 0, 7), "piece 1 has type 7"},
      {kUnknown + Piece("a", 0, 0), "piece 1 has type 0"},
      {kUnknown + Piece("\xFF", 0, 1), "not valid UTF-8"},
      {kUnknown + kUnknown, "is there already"},
      {kUnknown + Piece("u", 0, 2), "a second unknown piece"},
      {kUnknown + Piece("<0x41>", 0, 6), "not a byte piece"},
      {kUnknown + Field(2, Number(35, 1)), "no piece for byte 0"},
      {kUnknown + Field(2, Number(3, 3)), "model_type WORD"},
      {kUnknown + Field(2, Number(3, 4)), "model_type CHAR"},
      {kUnknown + Field(2, Number(3, 9)), "model_type 9"},
      {kUnknown + Field(3, Field(2, "abc")), "precompiled_charsmap: 3 bytes"},
      {kUnknown + Field(5, Field(2, std::string(8, '\0'))), "denormalizer_spec"},
      {kUnknown + Piece(std::string(2000, 'x'), 0, 3), "control piece of 2000 bytes"},
      {kUnknown + std::string("\x03"), "field number 0"},
      {kUnknown + std::string("\x0B"), "wire type 3"},
      {kUnknown + std::string("\x08\x01"), "wire type 0, expected 2"},
      {kUnknown + std::string(11, '\xFF'), "more than 10 bytes"},
      {std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), "bytes expected, 0 left"},
  };
  for (const auto& [file, message] : files) EXPECT_THAT(ErrorOf(Tokenizer::FromSentencePiece(file)), HasSubstr(message));
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    const auto tokenizer = Tokenizer::FromSentencePiece(std::string_view(good).substr(0, bytes));
    // Cut between two fields it is a smaller model.
    if (!tokenizer.ok()) continue;
    EXPECT_TRUE((*tokenizer)->Encode("ab").ok());
  }
}

TEST(HostileVocabularies, T05CharsmapsStayInsideTheirData) {
  std::mt19937 rng(8);
  int rules = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string blob;
    constexpr uint32_t kUnits = 256;
    const auto append = [&](uint32_t number) {
      for (int shift = 0; shift < 32; shift += 8) blob.push_back(static_cast<char>(number >> shift));
    };
    append(kUnits * 4);
    // Units of the right form, so that walks go on for a while: a label, whether a rule ends, where the children are.
    for (uint32_t i = 0; i < kUnits; ++i) {
      const auto random = static_cast<uint32_t>(rng());
      const uint32_t label = random / 2 % 2 == 0 ? 'a' : 'b';
      append(random % 16 == 0 ? random : label | (random % 2) << 8 | (random >> 8) % (kUnits * 2) << 10);
    }
    blob += std::string("x\0yz\0", 5);
    auto charsmap = PrecompiledCharsmap::Parse(blob, "rules");
    ASSERT_TRUE(charsmap.ok());
    for (const std::string_view text : {"aab", "ba\u0301", "\xFF"}) {
      const auto rule = charsmap->Longest(text);
      if (!rule) continue;
      ++rules;
      EXPECT_LE(rule->bytes, text.size());
      EXPECT_LE(rule->content.size(), 2u);
    }
  }
  EXPECT_GT(rules, 0) << "no random array has a rule, so nothing was tested";
  for (const std::string_view blob : {"", "\x04\0\0\0", "\x03\0\0\0abcd"}) {
    EXPECT_FALSE(PrecompiledCharsmap::Parse(std::string(blob.data(), blob.size()), "rules").ok());
  }
}

TEST(HostileVocabularies, T02RankFilesBrokenInEveryWay) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"", "no tokens"},
      {"YQ== 0\nYg== 1\n", "2 tokens are not those of a known vocabulary"},
      {"YQ==\n", "line 1: expected a token in base64"},
      {"YQ 0\n", "line 1: base64 of 2 characters"},
      {"YQ== -1\n", "line 1: expected a rank from 0"},
      {"YQ== 99999999999\n", "line 1: expected a rank"},
      {"YQ== 0x\n", "line 1: expected a rank"},
      {" 0\n", "line 1: a token of 0 bytes"},
      {"Y*== 0\n", "line 1: base64: byte 1"},
      {"YR== 0\n", "bits past the last byte"},
  };
  for (const auto& [file, message] : files) EXPECT_THAT(ErrorOf(Tokenizer::FromTiktoken(file)), HasSubstr(message));
  const auto known = [](std::string_view file) { return ErrorOf(Tokenizer::FromTiktoken(file, TiktokenKind::kCl100kBase)); };
  EXPECT_THAT(known("YQ== 0\nYQ== 1\n"), HasSubstr("rank 1 is there twice"));
  EXPECT_THAT(known("YQ== 0\nYg== 0\n"), HasSubstr("rank 0 is there twice"));
  EXPECT_THAT(known("YQ== 400\n"), HasSubstr("ranks up to 400 for 1 tokens only"));
  EXPECT_THAT(known("YQ== 0\n"), HasSubstr("no token for the byte 0x00"));
}

TEST(HostileVocabularies, T07LongRunsOfMarksSortInBothOrders) {
  for (const NormalForm form : {NormalForm::kNfc, NormalForm::kNfd}) {
    const auto step = MakeNormalFormStep(form);
    ASSERT_TRUE(step.ok());
    std::string alternating;
    std::string below;
    std::string above;
    for (int i = 0; i < 100000; ++i) {
      alternating += "\u0301\u0323";
      below += "\u0323";
      above += "\u0301";
    }
    AlignedText text = AlignedText::Plain("x" + alternating);
    ASSERT_TRUE((*step)->Apply(&text).ok());
    EXPECT_TRUE(text.text == "x" + below + above);
  }
}

TEST(HostileVocabularies, T07TextsOfOneKindThroughUnigramAndWordPiece) {
  const auto unigram = Tokenizer::FromSentencePiece(kUnknown + Piece("a", -1, 1) + Piece("aa", -1.5f, 1) + Piece("▁", -2, 1));
  ASSERT_TRUE(unigram.ok());
  const auto word_piece = Tokenizer::FromJson(
      R"({"model":{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"##","max_input_chars_per_word":9000000000000,
          "vocab":{"u":0,"a":1,"##a":2,"##aaaa":3}}})");
  ASSERT_TRUE(word_piece.ok());
  for (const std::string& text : MonotonousTexts(1 << 20)) {
    EXPECT_TRUE((*unigram)->Encode(text).ok());
    EXPECT_TRUE((*word_piece)->Encode(text).ok());
  }
  EXPECT_EQ((*word_piece)->Encode(std::string(1 << 20, 'a'))->size(), 1 + ((1 << 20) - 1) / 4 + 3);
}

TEST(HostileVocabularies, T08ControlPiecesInTextStayText) {
  const auto tokenizer = Tokenizer::FromSentencePiece(kUnknown + Piece("<s>", 0, 3) + Piece("s", -1, 1) + Piece("<", -1, 1) +
                                                      Piece(">", -1, 1) + Piece("▁", -1, 1) + kBpe);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_THAT(EncodePlain(**tokenizer, "<s>", false), testing::ElementsAre(5, 3, 2, 4));
  EXPECT_THAT(EncodePlain(**tokenizer, "<s>", true), testing::ElementsAre(1));
}

TEST(PrefixTrie, FindsWhatAMapFinds) {
  std::mt19937 rng(4);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> texts(1 + rng() % 300);
    for (std::string& text : texts) {
      for (size_t length = 1 + rng() % 6; length > 0; --length)
        text.push_back(static_cast<char>(rng() % (round % 2 == 0 ? 4 : 256)));
    }
    std::vector<std::pair<std::string_view, int32_t>> entries;
    for (size_t i = 0; i < texts.size(); ++i) entries.emplace_back(texts[i], static_cast<int32_t>(i));
    const PrefixTrie trie(entries);
    for (int probe = 0; probe < 200; ++probe) {
      std::string text = texts[rng() % texts.size()];
      text.push_back(static_cast<char>(rng()));
      PrefixTrie::Match expected{-1, 0};
      for (size_t i = 0; i < texts.size(); ++i) {
        if (text.starts_with(texts[i]) && texts[i].size() >= expected.bytes) expected = {static_cast<int32_t>(i), texts[i].size()};
      }
      const PrefixTrie::Match found = trie.Longest(text);
      ASSERT_EQ(found.value, expected.value);
      ASSERT_EQ(found.bytes, expected.bytes);
    }
  }
}

}  // namespace
}  // namespace sterna
