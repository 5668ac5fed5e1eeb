#include "text/character_starts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "text/bpe_model.h"
#include "text/byte_level.h"

namespace sterna {
namespace {

// "de" is E7 9A 84, "gao" E7 9A 8B: two characters that begin alike.
const std::vector<std::string> kCharacters = {"a", " ", "\u00E9", "\u0449", "\u7684", "\u768B", "\u662F", "\U0001F600"};

/// All bytes, then what merges of two of the tokens give.
struct Vocabulary {
  std::vector<std::string> words;
  std::vector<std::pair<int32_t, int32_t>> merges;

  Vocabulary() {
    for (int byte = 0; byte < 256; ++byte) words.emplace_back(1, static_cast<char>(byte));
  }
  int32_t Find(std::string_view word) const {
    return static_cast<int32_t>(std::find(words.begin(), words.end(), word) - words.begin());
  }
  bool Has(std::string_view word) const { return static_cast<size_t>(Find(word)) < words.size(); }
  /// False where it is there already.
  bool AddMerge(std::string_view left, std::string_view right) {
    const std::pair<int32_t, int32_t> merge{Find(left), Find(right)};
    if (std::find(merges.begin(), merges.end(), merge) != merges.end()) return false;
    merges.push_back(merge);
    const std::string merged = std::string(left).append(right);
    if (!Has(merged)) words.push_back(merged);
    return true;
  }
  std::unique_ptr<BpeModel> Make() const {
    TokenTable texts;
    TokenIndex index;
    for (const std::string& word : words) {
      std::string text;
      AppendByteLevel(word, &text);
      texts.Append(text);
      index.Insert(texts, static_cast<int32_t>(texts.size() - 1));
    }
    std::vector<BpeMergeIds> ids;
    for (const auto& [left, right] : merges) {
      ids.push_back({left, right, Find(words[static_cast<size_t>(left)] + words[static_cast<size_t>(right)])});
    }
    return *BpeModel::Create(texts, index, ids, TokenTable(), std::vector<uint8_t>(words.size()), {}, "merges");
  }
  CharacterStarts Starts() const {
    TokenTable table;
    std::array<int32_t, 256> bytes{};
    for (const std::string& word : words) table.Append(word);
    for (size_t byte = 0; byte < bytes.size(); ++byte) bytes[byte] = static_cast<int32_t>(byte);
    CharacterStarts::Builder builder(table);
    MergeIndex index(merges.size());
    for (uint32_t rank = 0; rank < merges.size(); ++rank) {
      const auto& [left, right] = merges[rank];
      builder.Add(left, right, rank);
      index.Insert(left, right, {rank, Find(words[static_cast<size_t>(left)] + words[static_cast<size_t>(right)])});
    }
    return std::move(builder).Build(index, bytes);
  }

  // The definition: again and again the pair of the least rank, the leftmost of equals.
  std::vector<int32_t> MergeByDefinition(std::string_view word) const {
    std::vector<int32_t> ids;
    for (const char byte : word) ids.push_back(static_cast<uint8_t>(byte));
    for (size_t rank = 0; rank < merges.size();) {
      const auto at = std::adjacent_find(ids.begin(), ids.end(), [&](int32_t left, int32_t right) {
        return merges[rank] == std::pair<int32_t, int32_t>{left, right};
      });
      if (at == ids.end()) {
        ++rank;
        continue;
      }
      *at = Find(words[static_cast<size_t>(*at)] + words[static_cast<size_t>(at[1])]);
      ids.erase(at + 1);
      rank = 0;
    }
    return ids;
  }
};

std::string RandomWord(std::mt19937* rng, size_t characters) {
  std::string word;
  for (size_t i = 0; i < characters; ++i) {
    // Now and then a byte alone, so that the word is not UTF-8.
    const std::string& character = kCharacters[(*rng)() % kCharacters.size()];
    word += (*rng)() % 16 == 0 ? character.substr((*rng)() % character.size(), 1) : character;
  }
  return word;
}

// Merges of parts of random words; characters come together early, as they do in vocabularies learned from text.
Vocabulary RandomVocabulary(std::mt19937* rng, size_t merges) {
  Vocabulary vocabulary;
  while (vocabulary.merges.size() < merges) {
    const bool inside = vocabulary.merges.size() < merges / 2;
    const std::string word = inside ? kCharacters[2 + (*rng)() % (kCharacters.size() - 2)] : RandomWord(rng, 3);
    if (word.size() < 2) continue;
    const size_t begin = (*rng)() % (word.size() - 1);
    const size_t middle = begin + 1 + (*rng)() % (word.size() - begin - 1);
    const size_t end = middle + 1 + (*rng)() % (word.size() - middle);
    const std::string left = word.substr(begin, middle - begin);
    const std::string right = word.substr(middle, end - middle);
    if (vocabulary.Has(left) && vocabulary.Has(right)) vocabulary.AddMerge(left, right);
  }
  // The parts of a merge may come after it, too.
  for (size_t swaps = (*rng)() % 4; swaps > 0; --swaps) {
    std::swap(vocabulary.merges[(*rng)() % merges], vocabulary.merges[(*rng)() % merges]);
  }
  return vocabulary;
}

TEST(CharacterStarts, WordsMergeByDefinition) {
  std::mt19937 rng(7);
  size_t whole = 0;
  for (int round = 0; round < 300; ++round) {
    const Vocabulary vocabulary = RandomVocabulary(&rng, 30);
    const std::unique_ptr<BpeModel> model = vocabulary.Make();
    const CharacterStarts starts = vocabulary.Starts();
    for (int i = 0; i < 40; ++i) {
      const std::string word = RandomWord(&rng, 1 + rng() % (i % 8 == 0 ? 90 : 12));
      SubwordScratch scratch;
      std::vector<int32_t> ids;
      ASSERT_TRUE(model->EncodeWord(word, &scratch, {&ids, nullptr}).ok());
      ASSERT_EQ(ids, vocabulary.MergeByDefinition(word)) << "round " << round << ", word " << testing::PrintToString(word);
    }
    whole += starts.Find("\u7684", 0, 3, U'\u7684') >= 0 ? 1 : 0;
  }
  EXPECT_GT(whole, 50u) << "too few vocabularies in which a character may begin whole";
}

class CharacterStartsOfDe : public testing::Test {
 protected:
  CharacterStartsOfDe() {
    vocabulary_.AddMerge("\xE7", "\x9A");
    vocabulary_.AddMerge("\xE7\x9A", "\x84");
  }
  int32_t Find(const std::string& before, const std::string& after) const {
    return vocabulary_.Starts().Find(before + "\u7684" + after, before.size(), 3, U'\u7684');
  }
  Vocabulary vocabulary_;
};

TEST_F(CharacterStartsOfDe, BeginsWholeBetweenOthers) {
  const int32_t id = vocabulary_.Find("\u7684");
  EXPECT_EQ(Find("", ""), id);
  EXPECT_EQ(Find("\u662F", "\u662F"), id);
}

TEST_F(CharacterStartsOfDe, LaterMergesAcrossItsEndsDoNotMatter) {
  vocabulary_.AddMerge("a", "\xE7");
  vocabulary_.AddMerge("\x84", "a");
  EXPECT_EQ(Find("a", "a"), vocabulary_.Find("\u7684"));
}

TEST_F(CharacterStartsOfDe, EarlierMergesAcrossItsEndsKeepItInBytes) {
  vocabulary_.merges.clear();
  vocabulary_.AddMerge("a", "\xE7");
  vocabulary_.AddMerge("\x84", "b");
  vocabulary_.AddMerge("\xE7", "\x9A");
  vocabulary_.AddMerge("\xE7\x9A", "\x84");
  EXPECT_EQ(Find("a", ""), -1);
  EXPECT_EQ(Find("", "b"), -1);
  EXPECT_EQ(Find("b", "a"), vocabulary_.Find("\u7684"));
}

TEST_F(CharacterStartsOfDe, MergesThatTakeItBeforeItIsMadeKeepItInBytes) {
  vocabulary_.AddMerge("\u7684", "a");
  std::swap(vocabulary_.merges.front(), vocabulary_.merges.back());
  EXPECT_EQ(Find("", ""), -1);
}

TEST_F(CharacterStartsOfDe, CharactersThatDoNotComeTogetherStayInBytes) {
  EXPECT_EQ(vocabulary_.Starts().Find("\u768B", 0, 3, U'\u768B'), -1);
  EXPECT_EQ(vocabulary_.Starts().Find("\U0001F600", 0, 4, U'\U0001F600'), -1);
}

}  // namespace
}  // namespace sterna
