#include "text/training/corpus_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

#include "base/file.h"

namespace sterna {
namespace {

using ::testing::HasSubstr;

class CorpusReader : public ::testing::Test {
 protected:
  std::string Write(std::string_view text) {
    const std::string path =
        ::testing::TempDir() + "sterna_corpus_" + ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
};

std::map<std::string, uint64_t> AsMap(const WordCounts& words) {
  std::map<std::string, uint64_t> counts;
  for (size_t i = 0; i < words.size(); ++i) counts[std::string(words.word(i))] = words.count(i);
  return counts;
}

Status CountFile(const std::string& path, const CorpusOptions& options, WordCounts* words) {
  return CountWordsOfFile(
      path, options, [](int64_t, int64_t) { return true; }, words);
}

TEST_F(CorpusReader, PiecesOfAnySizeGiveTheSameWords) {
  const auto text = ReadWholeFile(STERNA_FIXTURES "/bpe_training/corpus.txt", size_t{1} << 20);
  ASSERT_TRUE(text.ok());
  std::string one_line = *text;
  for (char& c : one_line) c = c == '\n' ? ' ' : c;
  for (const std::string& content : {*text, one_line}) {
    const std::string path = Write(content);
    for (const bool prefix : {false, true}) {
      WordCounts whole;
      ASSERT_TRUE(CountFile(path, {.add_prefix_space = prefix}, &whole).ok());
      for (const size_t piece : std::initializer_list<size_t>{1, 2, 3, 5, 7, 16, 61, 1000}) {
        WordCounts words;
        ASSERT_TRUE(CountFile(path, {.add_prefix_space = prefix, .piece_bytes = piece}, &words).ok());
        EXPECT_EQ(AsMap(words), AsMap(whole)) << piece;
      }
    }
  }
}

TEST_F(CorpusReader, EveryLineIsSplitByItself) {
  WordCounts by_line, as_one;
  ASSERT_TRUE(CountFile(Write("a\n\nb"), {.add_prefix_space = true}, &by_line).ok());
  const std::map<std::string, uint64_t> lines = {{" a", 1}, {"\n", 1}, {" \n", 1}, {" b", 1}};
  EXPECT_EQ(AsMap(by_line), lines);
  ASSERT_TRUE(CountWordsOfSequence("a\n\n\nb", {}, &as_one).ok());
  const std::map<std::string, uint64_t> one = {{"a", 1}, {"\n\n", 1}, {"\n", 1}, {"b", 1}};
  EXPECT_EQ(AsMap(as_one), one);
}

TEST_F(CorpusReader, NamesThePlaceOfWhatIsNotUtf8) {
  for (const std::string bad : {"abc \xFF", "abc \xFFxxxxxxx", "abc \xE2\x82", "abc \xC0\x80y\n"}) {
    const std::string path = Write(bad);
    for (const size_t piece : std::initializer_list<size_t>{1, 3, 100}) {
      WordCounts words;
      const Status status = CountFile(path, {.piece_bytes = piece}, &words);
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()), HasSubstr(path + ": expected UTF-8 text, byte 4 "));
    }
  }
  WordCounts words;
  EXPECT_EQ(CountWordsOfSequence("a\xFF", {}, &words).code(), StatusCode::kInvalidArgument);
}

TEST_F(CorpusReader, SaysWhatCannotBeRead) {
  WordCounts words;
  EXPECT_EQ(CountFile(::testing::TempDir() + "sterna_absent", {}, &words).code(), StatusCode::kNotFound);
  EXPECT_EQ(CountFile(::testing::TempDir(), {}, &words).code(), StatusCode::kIo);
}

}  // namespace
}  // namespace sterna
