#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "text/bpe_model.h"
#include "text/byte_level.h"
#include "text/score_model.h"
#include "text/utf8.h"

namespace sterna {
namespace {

using testing::HasSubstr;

struct Vocabulary {
  TokenTable texts;
  TokenIndex index;
  std::vector<std::pair<std::string, std::string>> merges;

  int32_t Add(std::string_view text) {
    const int32_t found = index.Find(texts, text);
    if (found >= 0) return found;
    texts.Append(text);
    index.Insert(texts, static_cast<int32_t>(texts.size() - 1));
    return static_cast<int32_t>(texts.size() - 1);
  }
  Result<std::unique_ptr<BpeModel>> Make(const BpeOptions& options, bool keeps_gaps = false) const {
    std::vector<BpeMerge> views;
    for (const auto& [left, right] : merges) views.push_back({left, right});
    STERNA_ASSIGN_OR_RETURN(const BpeMerges resolved,
                            ResolveMerges(texts, index, views, options.continuing_prefix, keeps_gaps, "merges"));
    return BpeModel::Create(texts, index, resolved.by_rank, resolved.gaps, std::vector<uint8_t>(texts.size()), options, "merges");
  }
  std::string Text(const std::vector<int32_t>& ids) const {
    std::string joined;
    for (const int32_t id : ids) joined.append(joined.empty() ? "" : " ").append(texts[static_cast<size_t>(id)]);
    return joined;
  }
};

std::vector<int32_t> Encode(const SubwordModel& model, std::string_view word) {
  SubwordScratch scratch;
  std::vector<int32_t> ids;
  EXPECT_TRUE(model.EncodeWord(word, &scratch, {&ids, nullptr}).ok());
  return ids;
}

std::string RandomWord(std::mt19937* rng, size_t most) {
  std::string word(1 + (*rng)() % most, 'a');
  for (char& c : word) c = static_cast<char>('a' + (*rng)() % 3);
  return word;
}

// Letters a, b, c and random merges of what is there.
Vocabulary RandomVocabulary(std::mt19937* rng, int merges) {
  Vocabulary vocabulary;
  for (const char* letter : {"a", "b", "c"}) vocabulary.Add(letter);
  while (static_cast<int>(vocabulary.merges.size()) < merges) {
    const std::string left(vocabulary.texts[(*rng)() % vocabulary.texts.size()]);
    const std::string right(vocabulary.texts[(*rng)() % vocabulary.texts.size()]);
    if (left.size() + right.size() > 9) continue;
    const std::pair<std::string, std::string> merge{left, right};
    if (std::find(vocabulary.merges.begin(), vocabulary.merges.end(), merge) != vocabulary.merges.end()) continue;
    vocabulary.Add(left + right);
    vocabulary.merges.push_back(merge);
  }
  return vocabulary;
}

// The definition: again and again the pair of the least rank, the leftmost of equals.
std::string MergeByDefinition(const Vocabulary& vocabulary, std::string_view word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  while (true) {
    size_t best_rank = vocabulary.merges.size();
    size_t best = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      for (size_t rank = 0; rank < best_rank; ++rank) {
        if (vocabulary.merges[rank].first == parts[i] && vocabulary.merges[rank].second == parts[i + 1]) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == vocabulary.merges.size()) break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
  std::string joined;
  for (const std::string& part : parts) joined.append(joined.empty() ? "" : " ").append(part);
  return joined;
}

TEST(BpeModel, ShortAndLongWordsMergeByDefinition) {
  std::mt19937 rng(3);
  for (int round = 0; round < 40; ++round) {
    const Vocabulary vocabulary = RandomVocabulary(&rng, 25);
    const auto model = vocabulary.Make({});
    ASSERT_TRUE(model.ok()) << model.status().message();
    for (int i = 0; i < 25; ++i) {
      const std::string word = RandomWord(&rng, i % 2 == 0 ? 20 : 90);
      ASSERT_EQ(vocabulary.Text(Encode(**model, word)), MergeByDefinition(vocabulary, word)) << word;
    }
  }
}

// llama.cpp looks merges up by text, so that one whose result is no token still takes part; what is no token in the end becomes the
// tokens of its characters.
TEST(BpeModel, GapsMergeByDefinitionAndEndAsTheirCharacters) {
  std::mt19937 rng(5);
  int words_with_gaps = 0;
  for (int round = 0; round < 40; ++round) {
    const Vocabulary whole = RandomVocabulary(&rng, 25);
    Vocabulary gappy;
    gappy.merges = whole.merges;
    for (size_t id = 0; id < whole.texts.size(); ++id) {
      if (id < 2 || rng() % 3 != 0) gappy.Add(whole.texts[id]);
    }
    const auto model = gappy.Make({}, true);
    ASSERT_TRUE(model.ok()) << model.status().message();
    for (int i = 0; i < 25; ++i) {
      const std::string word = RandomWord(&rng, i % 2 == 0 ? 20 : 90);
      std::string expected;
      std::string merged = MergeByDefinition(gappy, word) + " ";
      for (size_t at = 0; at < merged.size(); at = merged.find(' ', at) + 1) {
        const std::string part = merged.substr(at, merged.find(' ', at) - at);
        if (gappy.index.Find(gappy.texts, part) >= 0) {
          expected += part + " ";
          continue;
        }
        ++words_with_gaps;
        for (const char c : part) {
          if (gappy.index.Find(gappy.texts, std::string(1, c)) >= 0) expected += std::string(1, c) + " ";
        }
      }
      ASSERT_EQ(gappy.Text(Encode(**model, word)) + " ", expected.empty() ? " " : expected) << word;
    }
  }
  EXPECT_GT(words_with_gaps, 100) << "nothing was tested";
}

TEST(BpeModel, GapsHaveTheRangesOfTheirBytes) {
  Vocabulary vocabulary;
  for (const char* text : {"a", "b", "c"}) vocabulary.Add(text);
  vocabulary.merges = {{"a", "b"}, {"b", "c"}};
  vocabulary.Add("bc");
  EXPECT_THAT(std::string(vocabulary.Make({}).status().message()), HasSubstr("merges[0]: 'a' + 'b': 'ab' is not a token"));
  const auto model = vocabulary.Make({}, true);
  ASSERT_TRUE(model.ok());
  SubwordScratch scratch;
  std::vector<int32_t> ids;
  std::vector<TextRange> ranges;
  ASSERT_TRUE((*model)->EncodeWord("abc", &scratch, {&ids, &ranges}).ok());
  EXPECT_EQ(vocabulary.Text(ids), "a b c") << "the first merge has the better rank, and takes the b";
  ASSERT_EQ(ranges.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(std::make_pair(ranges[i].begin, ranges[i].end), std::make_pair(i, i + 1));
}

TEST(TokenIndex, ManyAtOnceAreTheSameAsOneByOne) {
  std::mt19937 rng(11);
  TokenTable table;
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < 3000; ++id) {
    table.Append(RandomWord(&rng, 8));
    ids.push_back(id);
  }
  TokenIndex one_by_one;
  TokenIndex at_once;
  std::vector<int32_t> refused;
  for (const int32_t id : ids) {
    if (!one_by_one.Insert(table, id)) refused.push_back(id);
  }
  EXPECT_FALSE(refused.empty());
  EXPECT_EQ(at_once.InsertAll(table, ids), refused);
  std::vector<std::string> probes;
  for (int i = 0; i < 1000; ++i) probes.push_back(RandomWord(&rng, 9));
  const std::vector<std::string_view> texts(probes.begin(), probes.end());
  std::vector<int32_t> found(texts.size());
  at_once.FindAll(table, texts, found.data());
  for (size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(found[i], one_by_one.Find(table, texts[i])) << texts[i];
}

// A word long enough for lists by rank must give what a heap gives, in any order of pushes.
TEST(MergeQueue, GivesLeastRankThenLeftmostInEveryMode) {
  std::mt19937 rng(6);
  for (const size_t symbols : {size_t{10}, size_t{100000}}) {
    MergeQueue queue;
    queue.Reset(symbols);
    std::set<std::pair<uint32_t, uint32_t>> expected;
    uint32_t rank = 0;
    uint32_t position = 0;
    for (int step = 0; step < 20000; ++step) {
      const std::pair<uint32_t, uint32_t> entry(static_cast<uint32_t>(rng() % 9), static_cast<uint32_t>(rng() % 100000));
      if (rng() % 3 != 0) {
        if (expected.insert(entry).second) queue.Push(entry.first, entry.second);
        continue;
      }
      ASSERT_EQ(queue.Pop(&rank, &position), !expected.empty());
      if (expected.empty()) continue;
      ASSERT_EQ(std::make_pair(rank, position), *expected.begin());
      expected.erase(expected.begin());
    }
    for (const auto& [least_rank, least_position] : expected) {
      ASSERT_TRUE(queue.Pop(&rank, &position));
      ASSERT_EQ(rank, least_rank);
      ASSERT_EQ(position, least_position);
    }
    EXPECT_FALSE(queue.Pop(&rank, &position));
  }
}

TEST(BpeModel, OneLetterManyTimesMergesByDefinition) {
  std::mt19937 rng(17);
  int merged_tails = 0;
  for (int round = 0; round < 300; ++round) {
    // Any order of merges among runs of a, among it those where what a merge makes merges before it.
    Vocabulary vocabulary;
    std::vector<std::string> runs = {"a"};
    vocabulary.Add("a");
    for (size_t merges = 2 + rng() % 8; merges > 0; --merges) {
      const std::pair<std::string, std::string> merge{runs[rng() % runs.size()], runs[rng() % runs.size()]};
      if (merge.first.size() + merge.second.size() > 40) continue;
      if (std::find(vocabulary.merges.begin(), vocabulary.merges.end(), merge) != vocabulary.merges.end()) continue;
      vocabulary.merges.push_back(merge);
      runs.push_back(merge.first + merge.second);
      vocabulary.Add(runs.back());
    }
    std::shuffle(vocabulary.merges.begin(), vocabulary.merges.end(), rng);
    const auto model = vocabulary.Make({});
    ASSERT_TRUE(model.ok()) << model.status().message();
    for (const size_t letters : {size_t{256}, size_t{257}, 256 + rng() % 100}) {
      const std::string word(letters, 'a');
      const std::string expected = MergeByDefinition(vocabulary, word);
      merged_tails += expected.ends_with(" a") || expected.ends_with(" aa");
      ASSERT_EQ(vocabulary.Text(Encode(**model, word)), expected) << letters;
    }
  }
  EXPECT_GT(merged_tails, 0);
}

TEST(BpeModel, OneLetterAMillionTimesEnds) {
  Vocabulary vocabulary;
  std::string run = "a";
  vocabulary.Add(run);
  for (int i = 0; i < 5; ++i) {
    vocabulary.merges.emplace_back(run, run);
    run += run;
    vocabulary.Add(run);
  }
  const auto model = vocabulary.Make({});
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(Encode(**model, std::string(1 << 20, 'a')).size(), size_t{1 << 15});
}

TEST(BpeModel, IgnoreMergesTakesAWholeTokenButNoControlToken) {
  Vocabulary vocabulary;
  for (const char* text : {"a", "b", "ab", "ba"}) vocabulary.Add(text);
  BpeOptions options;
  EXPECT_EQ(vocabulary.Text(Encode(**vocabulary.Make(options), "ab")), "a b");
  options.ignore_merges = true;
  EXPECT_EQ(vocabulary.Text(Encode(**vocabulary.Make(options), "ab")), "ab");
  std::vector<uint8_t> is_control = {0, 0, 1, 0};
  const auto model = BpeModel::Create(vocabulary.texts, vocabulary.index, {}, {}, is_control, options, "merges");
  EXPECT_EQ(vocabulary.Text(Encode(**model, "ab")), "a b");
  EXPECT_EQ(vocabulary.Text(Encode(**model, "ba")), "ba");
}

TEST(BpeModel, UnknownCharactersFuseFallBackOrVanish) {
  Vocabulary vocabulary;
  const int32_t unknown = vocabulary.Add("<unk>");
  vocabulary.Add("a");
  BpeOptions options;
  options.byte_level = false;
  EXPECT_EQ(vocabulary.Text(Encode(**vocabulary.Make(options), "a漢字a")), "a a");
  options.unknown_id = unknown;
  EXPECT_EQ(vocabulary.Text(Encode(**vocabulary.Make(options), "a漢字a")), "a <unk> <unk> a");
  options.fuse_unknown = true;
  EXPECT_EQ(vocabulary.Text(Encode(**vocabulary.Make(options), "a漢字a")), "a <unk> a");
  for (const char* byte : {"<0xC3>", "<0xA9>"}) vocabulary.Add(byte);
  options.byte_fallback = true;
  EXPECT_EQ(vocabulary.Text(Encode(**vocabulary.Make(options), "aé漢")), "a <0xC3> <0xA9> <unk>");
  EXPECT_EQ(vocabulary.Text(Encode(**vocabulary.Make(options), "a\xC3z")), "a <0xC3> <unk>") << "an invalid byte falls back too";
}

TEST(BpeModel, RefusesMergesOfUnknownPiecesAndRepeatedOnes) {
  Vocabulary vocabulary;
  for (const char* text : {"a", "b", "ab"}) vocabulary.Add(text);
  for (const auto& [left, right, named] :
       std::vector<std::array<std::string, 3>>{{"x", "b", "'x'"}, {"a", "y", "'y'"}, {"b", "a", "'ba'"}}) {
    vocabulary.merges = {{"a", "b"}, {left, right}};
    const Status status = vocabulary.Make({}).status();
    EXPECT_EQ(status.code(), StatusCode::kMalformed);
    EXPECT_THAT(std::string(status.message()), HasSubstr("merges[1]"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(named));
  }
  vocabulary.merges = {{"a", "b"}, {"a", "b"}};
  EXPECT_EQ(vocabulary.Make({}).status().code(), StatusCode::kMalformed);
}

// The definition: again and again the pair that forms the token of the highest score, the leftmost of equals.
std::string ScoreByDefinition(const std::map<std::string, float>& scores, std::string_view word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  while (true) {
    const float* best_score = nullptr;
    size_t best = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = scores.find(parts[i] + parts[i + 1]);
      if (found != scores.end() && (best_score == nullptr || found->second > *best_score)) {
        best_score = &found->second;
        best = i;
      }
    }
    if (best_score == nullptr) break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
  std::string joined;
  for (const std::string& part : parts) joined.append(joined.empty() ? "" : " ").append(part);
  return joined;
}

TEST(ScoreModel, MergesByDefinition) {
  std::mt19937 rng(4);
  for (int round = 0; round < 60; ++round) {
    Vocabulary vocabulary;
    std::vector<float> scores;
    std::map<std::string, float> by_text;
    for (const char* letter : {"a", "b", "c"}) vocabulary.Add(letter);
    for (int i = 0; i < 30; ++i) vocabulary.Add(RandomWord(&rng, 6));
    for (size_t id = 0; id < vocabulary.texts.size(); ++id) {
      scores.push_back(-static_cast<float>(rng() % 12));  // few values, so that scores tie
      by_text[std::string(vocabulary.texts[id])] = scores.back();
    }
    ScoreModelOptions options;
    options.byte_ids.fill(-1);
    const ScoreModel model(vocabulary.texts, scores, std::vector<uint8_t>(scores.size(), 1), options);
    for (int i = 0; i < 20; ++i) {
      const std::string word = RandomWord(&rng, 60);
      ASSERT_EQ(vocabulary.Text(Encode(model, word)), ScoreByDefinition(by_text, word)) << word;
    }
  }
}

TEST(ScoreModel, UncoveredCharactersBecomeBytesThenUnknown) {
  Vocabulary vocabulary;
  for (const char* text : {"<unk>", "a", "<0xC3>", "<0xA9>"}) vocabulary.Add(text);
  ScoreModelOptions options;
  options.byte_ids.fill(-1);
  options.byte_ids[0xC3] = 2;
  options.byte_ids[0xA9] = 3;
  options.unknown_id = 0;
  const ScoreModel model(vocabulary.texts, {0, 0, 0, 0}, {0, 1, 0, 0}, options);
  EXPECT_EQ(vocabulary.Text(Encode(model, "aéb")), "a <0xC3> <0xA9> <unk>");
}

TEST(ByteLevel, AlphabetIsABijectionOfPrintableCharacters) {
  std::map<char32_t, int> bytes;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t code = ByteLevelChar(static_cast<uint8_t>(byte));
    EXPECT_TRUE(bytes.emplace(code, byte).second);
    EXPECT_EQ(ByteLevelByte(code), byte);
    EXPECT_TRUE(code > 0x20 && code != 0x7F && !(code >= 0x80 && code <= 0xA0) && code != 0xAD);
  }
  EXPECT_EQ(ByteLevelChar(' '), char32_t{0x120});
  EXPECT_EQ(ByteLevelByte(' '), -1);
  EXPECT_EQ(ByteLevelByte(kInvalidByte), -1);
}

}  // namespace
}  // namespace sterna
