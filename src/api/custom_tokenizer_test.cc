// A tokenizer of one's own generates: through LoadOptions, and put into a LoadedModel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "api/completion.h"
#include "api/loaded_model.h"

namespace sterna {
namespace {

constexpr const char* kModel = STERNA_FIXTURES "/models/bitnet-packed";

/// A token for each of the numbers 0..511, written as " 17".
class NumberTokenizer final : public Tokenizer {
 public:
  NumberTokenizer() {
    for (int number = 0; number < 512; ++number) texts_.push_back(" " + std::to_string(number));
  }
  Result<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions&) const override {
    std::vector<TokenId> ids;
    for (const char c : text) {
      if (c < '0' || c > '9') return InvalidArgument("digits only");
      ids.push_back(c - '0');
    }
    return ids;
  }
  Result<TokenizedText> EncodeWithSpans(std::string_view, const EncodeOptions&) const override { return Unsupported("spans"); }
  Result<std::string> Decode(std::span<const TokenId> ids, const DecodeOptions&) const override {
    std::string text;
    for (const TokenId id : ids) text += TokenBytes(id);
    return text;
  }
  std::string_view TokenBytes(TokenId id) const override { return texts_[static_cast<size_t>(id)]; }
  int64_t vocab_size() const override { return 512; }
  bool IsControl(TokenId) const override { return false; }
  bool IsEndOfGeneration(TokenId) const override { return false; }
  std::optional<TokenId> bos() const override { return std::nullopt; }
  std::optional<TokenId> eos() const override { return std::nullopt; }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  std::string description() const override { return "numbers"; }

 private:
  std::vector<std::string> texts_;
};

Result<Completion> Generate(const LoadedModel& loaded, std::string prompt) {
  CompletionRequest request;
  request.prompt = std::move(prompt);
  request.raw = true;
  request.max_tokens = 6;
  request.sampler.temperature = 0;
  return Complete(loaded, request, [](std::string_view) { return true; });
}

TEST(CustomTokenizer, GeneratesInPlaceOfTheCheckpointsOwn) {
  LoadOptions options;
  options.threads = 1;
  options.tokenizer = std::make_shared<NumberTokenizer>();
  const auto loaded = LoadModel(kModel, options);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->tokenizer->description(), "numbers");
  const auto completion = Generate(*loaded, "315");
  ASSERT_TRUE(completion.ok()) << completion.status().message();
  EXPECT_THAT(completion->prompt_ids, testing::ElementsAre(3, 1, 5));
  EXPECT_EQ(completion->ids.size(), 6u);
  std::string expected;
  for (const int32_t id : completion->ids) expected += " " + std::to_string(id);
  EXPECT_EQ(completion->text, expected);
  EXPECT_THAT(std::string(Generate(*loaded, "x").status().message()), testing::HasSubstr("digits only"));
}

TEST(CustomTokenizer, MayBeGivenToALoadedModel) {
  LoadOptions options;
  options.threads = 1;
  options.needs_text = false;
  auto loaded = LoadModel(kModel, options);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_FALSE(Generate(*loaded, "315").ok());
  loaded->tokenizer = std::make_shared<NumberTokenizer>();
  EXPECT_TRUE(Generate(*loaded, "315").ok());
}

}  // namespace
}  // namespace sterna
