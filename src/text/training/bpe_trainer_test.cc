#include "text/training/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "text/tokenizer.h"
#include "text/training/corpus_reader.h"
#include "text/training/tokenizer_file.h"

namespace sterna {
namespace {

using ::testing::HasSubstr;

const std::string kFolder = STERNA_FIXTURES "/bpe_training/";

std::string Golden(const std::string& name) {
  auto text = ReadWholeFile(kFolder + name, size_t{1} << 20);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : std::string();
}

std::string Train(const BpeTrainingOptions& options) {
  const auto trained = TrainBpeFromFiles({kFolder + "corpus.txt"}, options);
  EXPECT_TRUE(trained.ok()) << trained.status().message();
  return trained.ok() ? FormatTokenizerJson(*trained) : std::string();
}

WordCounts Words(std::string_view text) {
  WordCounts words;
  EXPECT_TRUE(CountWordsOfSequence(text, {}, &words).ok());
  return words;
}

std::string ErrorOf(std::string_view text, const BpeTrainingOptions& options) {
  const auto trained = TrainBpe(Words(text), options);
  if (trained.ok()) return "no error";
  EXPECT_EQ(trained.status().code(), StatusCode::kInvalidArgument);
  return std::string(trained.status().message());
}

TEST(BpeTrainer, WritesTheFileOfTheReference) {
  BpeTrainingOptions options;
  options.vocab_size = 380;
  options.min_frequency = 2;
  EXPECT_EQ(Train(options), Golden("plain.json"));
  options.max_token_length = 5;
  EXPECT_EQ(Train(options), Golden("short.json"));
  options.max_token_length.reset();
  options.min_frequency = 3;
  options.add_prefix_space = true;
  EXPECT_EQ(Train(options), Golden("prefix.json"));
}

TEST(BpeTrainer, SpecialTokensThatAreMergesBytesOrRepeatedMatchTheReference) {
  BpeTrainingOptions options;
  options.vocab_size = 380;
  options.special_tokens = {"<s>", "ab", "\xC4\xA0the", "e", "<s>", "quo\"te\n"};
  EXPECT_EQ(Train(options), Golden("special.json"));
}

TEST(BpeTrainer, TokenizerReadsWhatWasTrained) {
  BpeTrainingOptions options;
  options.vocab_size = 340;
  options.special_tokens = {"<s>"};
  const auto tokenizer = Tokenizer::FromJson(Train(options));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ((*tokenizer)->vocab_size(), 340);
  EXPECT_EQ((*tokenizer)->Find("<s>"), 0);
  const std::string text = Golden("corpus.txt") + "\xF0\x9F\xA6\x85 new";
  const auto ids = (*tokenizer)->Encode(text, {.add_special = false, .parse_special = false});
  ASSERT_TRUE(ids.ok());
  EXPECT_LT(ids->size(), text.size() * 3 / 4);
  EXPECT_EQ(*(*tokenizer)->Decode(*ids), text);
}

TEST(BpeTrainer, HighestCountFirstThenLeastIds) {
  // "ab" and "cd" occur twice, "bc" once.
  const auto trained = TrainBpe(Words("cdab,ab.cd"), {.vocab_size = 8, .all_bytes = false});
  ASSERT_TRUE(trained.ok()) << trained.status().message();
  EXPECT_EQ(trained->vocab, (std::vector<std::string>{",", ".", "a", "b", "c", "d", "ab", "cd"}));
}

TEST(BpeTrainer, LimitedAlphabetKeepsTheMostFrequentThenTheLowerBytes) {
  BpeTrainingOptions options;
  options.all_bytes = false;
  options.limit_alphabet = 2;
  options.vocab_size = 2;
  const auto trained = TrainBpe(Words("zzzbbaac"), options);
  ASSERT_TRUE(trained.ok());
  EXPECT_EQ(trained->vocab, (std::vector<std::string>{"a", "z"}));
}

TEST(BpeTrainer, RefusesWhatCannotBeTrained) {
  BpeTrainingOptions options;
  EXPECT_THAT(ErrorOf("", options), HasSubstr("no text"));
  options.special_tokens = {"<s>"};
  options.vocab_size = 256;
  EXPECT_THAT(ErrorOf("text", options), HasSubstr("vocabulary size 256 is too small: special tokens and single bytes are 257"));
  options.vocab_size = 0;
  EXPECT_THAT(ErrorOf("text", options), HasSubstr("vocabulary size"));
  options.vocab_size = 257;
  options.special_tokens = {""};
  EXPECT_THAT(ErrorOf("text", options), HasSubstr("empty"));
  options.special_tokens = {"\xFF"};
  EXPECT_THAT(ErrorOf("text", options), HasSubstr("not UTF-8"));
  options.special_tokens.clear();
  options.limit_alphabet = 10;
  EXPECT_THAT(ErrorOf("text", options), HasSubstr("alphabet"));
  options.limit_alphabet.reset();
  options.min_frequency = -1;
  EXPECT_THAT(ErrorOf("text", options), HasSubstr("minimum frequency"));
  options.min_frequency = 0;
  options.max_token_length = 0;
  EXPECT_THAT(ErrorOf("text", options), HasSubstr("longest token"));
}

TEST(BpeTrainer, SmallVocabularyIsRefusedBeforeFilesAreRead) {
  const auto trained = TrainBpeFromFiles({kFolder + "absent.txt"}, {.vocab_size = 255});
  EXPECT_EQ(trained.status().code(), StatusCode::kInvalidArgument);
}

TEST(BpeTrainer, StopsInEachStageWhenAsked) {
  for (const auto stage : {BpeTrainingStage::kCountingWords, BpeTrainingStage::kMerging}) {
    BpeTrainingOptions options;
    options.progress = [stage](const BpeTrainingProgress& progress) { return progress.stage != stage; };
    EXPECT_EQ(TrainBpeFromFiles({kFolder + "corpus.txt"}, options).status().code(), StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace sterna
