#include "engine/generate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/testing/tiny_model.h"

namespace sterna {
namespace {

using testing::kTinyContext;
using testing::NewSession;
using testing::SomeTokens;
using testing::TinyModel;

struct Outcome {
  Generation generation;
  std::vector<int32_t> tokens;    ///< as reported
  std::vector<int32_t> sequence;  ///< what the session holds afterwards
};

/// Generates on a fresh session; `keep_going` is asked after each token.
Outcome Generated(const GenerateOptions& options, int64_t prompt_tokens = 5,
                  const std::function<bool(size_t count)>& keep_going = nullptr) {
  static const std::shared_ptr<const Model> model = TinyModel();
  const auto session = NewSession(model);
  Outcome run;
  const auto generation = Generate(*session, SomeTokens(prompt_tokens), options, [&](int32_t token) {
    run.tokens.push_back(token);
    return !keep_going || keep_going(run.tokens.size());
  });
  EXPECT_TRUE(generation.ok()) << generation.status().message();
  if (generation.ok()) run.generation = *generation;
  run.sequence = session->tokens();
  EXPECT_EQ(run.generation.generated_tokens, static_cast<int64_t>(run.tokens.size()));
  EXPECT_EQ(run.generation.prompt_tokens, prompt_tokens);
  return run;
}

GenerateOptions Drawn(int64_t max_tokens, uint64_t seed = 1) {
  return {.max_tokens = max_tokens, .sampler = {.temperature = 1, .seed = seed}, .is_end = nullptr};
}

TEST(Generate, MakesAsManyTokensAsWereAskedFor) {
  for (const int64_t max_tokens : {0, 1, 2, 20}) {
    const Outcome run = Generated(Drawn(max_tokens));
    EXPECT_EQ(run.generation.finish, FinishReason::kMaxTokens);
    EXPECT_EQ(run.tokens.size(), static_cast<size_t>(max_tokens));
    // The last token is not evaluated: nobody asked for what comes after it.
    EXPECT_EQ(run.sequence.size(), static_cast<size_t>(5 + std::max<int64_t>(max_tokens - 1, 0)));
  }
}

TEST(Generate, WithoutALimitGoesOnUntilTheContextIsFull) {
  const Outcome run = Generated(Drawn(-1));
  EXPECT_EQ(run.generation.finish, FinishReason::kContextFull);
  EXPECT_EQ(FinishReasonName(run.generation.finish), "context");
  // The token behind the last position is drawn and reported, but cannot be evaluated.
  EXPECT_EQ(run.tokens.size(), static_cast<size_t>(kTinyContext - 5 + 1));
  EXPECT_EQ(run.sequence.size(), static_cast<size_t>(kTinyContext));
}

TEST(Generate, APromptThatFillsTheContextStillGetsOneToken) {
  const Outcome run = Generated(Drawn(-1), kTinyContext);
  EXPECT_EQ(run.generation.finish, FinishReason::kContextFull);
  EXPECT_EQ(run.tokens.size(), 1u);
  EXPECT_EQ(Generated(Drawn(1), kTinyContext).generation.finish, FinishReason::kMaxTokens);
}

TEST(Generate, APromptLongerThanTheContextIsAnError) {
  const auto session = NewSession(TinyModel());
  const auto generation = Generate(*session, SomeTokens(kTinyContext + 1), Drawn(1), [](int32_t) { return true; });
  EXPECT_EQ(generation.status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(session->positions(), 0);
}

TEST(Generate, EmptyPromptsAndWrongSamplersAreErrorsBeforeAnyToken) {
  const auto session = NewSession(TinyModel());
  const auto fail = [](int32_t) {
    ADD_FAILURE() << "a token was reported";
    return false;
  };
  EXPECT_EQ(Generate(*session, {}, Drawn(3), fail).status().code(), StatusCode::kInvalidArgument);
  GenerateOptions hot = Drawn(3);
  hot.sampler.temperature = -1;
  EXPECT_EQ(Generate(*session, SomeTokens(3), hot, fail).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(session->positions(), 0);
}

TEST(Generate, TheEndTokenEndsAndIsNotReported) {
  const Outcome free = Generated(Drawn(20));
  const int32_t end = free.tokens[7];
  const auto first = static_cast<size_t>(std::find(free.tokens.begin(), free.tokens.end(), end) - free.tokens.begin());
  GenerateOptions options = Drawn(20);
  options.is_end = [end](int32_t token) { return token == end; };
  const Outcome run = Generated(options);
  EXPECT_EQ(run.generation.finish, FinishReason::kEndOfGeneration);
  EXPECT_EQ(FinishReasonName(run.generation.finish), "stop");
  EXPECT_EQ(run.tokens, std::vector<int32_t>(free.tokens.begin(), free.tokens.begin() + static_cast<std::ptrdiff_t>(first)));
  EXPECT_EQ(run.sequence.size(), 5 + first);
}

TEST(Generate, TheCallbackCanStop) {
  const Outcome free = Generated(Drawn(20));
  const Outcome run = Generated(Drawn(20), 5, [](size_t count) { return count < 4; });
  EXPECT_EQ(run.generation.finish, FinishReason::kStopped);
  EXPECT_EQ(FinishReasonName(run.generation.finish), "stop");
  EXPECT_EQ(run.tokens, std::vector<int32_t>(free.tokens.begin(), free.tokens.begin() + 4));
}

TEST(Generate, TheSameSeedGivesTheSameTokensAndOthersDiffer) {
  const Outcome first = Generated(Drawn(30, 7));
  EXPECT_EQ(Generated(Drawn(30, 7)).tokens, first.tokens);
  EXPECT_NE(Generated(Drawn(30, 8)).tokens, first.tokens);
}

TEST(Generate, GreedyTakesTheLargestLogitOfEachStep) {
  const auto model = TinyModel();
  const auto session = NewSession(model);
  std::vector<int32_t> tokens = SomeTokens(5), expected;
  for (int i = 0; i < 10; ++i) {
    const std::vector<float> logits = testing::Append(*NewSession(model), tokens);
    expected.push_back(ArgMax(logits));
    tokens.push_back(expected.back());
  }
  EXPECT_EQ(Generated({.max_tokens = 10, .sampler = {.temperature = 0}, .is_end = nullptr}).tokens, expected);
}

TEST(Generate, AGenerationCutInTwoEqualsOneWhole) {
  const Outcome whole = Generated(Drawn(20));
  const auto session = NewSession(TinyModel());
  std::vector<int32_t> tokens;
  const auto collect = [&](int32_t token) {
    tokens.push_back(token);
    return true;
  };
  ASSERT_TRUE(Generate(*session, SomeTokens(5), Drawn(8), collect).ok());
  const std::vector<int32_t> last = {tokens.back()};  // reported, but not evaluated yet
  ASSERT_TRUE(Generate(*session, last, Drawn(12), collect).ok());
  EXPECT_EQ(tokens, whole.tokens);
}

TEST(Generate, AScreenedHeadChangesNoToken) {
  const auto full = TinyModel(ModelOutput::kLogits, ScreenHead::kOff), screened = TinyModel(ModelOutput::kLogits, ScreenHead::kOn);
  for (const SamplerOptions& sampler :
       std::vector<SamplerOptions>{{.temperature = 0},
                                   {.temperature = 1, .top_k = 5, .seed = 3},
                                   {.temperature = 1, .top_k = 0, .seed = 4},
                                   {.temperature = 0, .repeat_penalty = 1.4},
                                   {.temperature = 1.5, .top_k = 9, .presence_penalty = 0.7, .seed = 5}}) {
    std::vector<std::vector<int32_t>> sequences;
    for (const auto& model : {full, screened}) {
      const auto session = NewSession(model);
      const auto generation = Generate(*session, SomeTokens(6), {.max_tokens = 40, .sampler = sampler, .is_end = nullptr},
                                       [](int32_t) { return true; });
      ASSERT_TRUE(generation.ok()) << generation.status().message();
      sequences.push_back(session->tokens());
    }
    EXPECT_EQ(sequences[0], sequences[1]);
  }
}

}  // namespace
}  // namespace sterna
