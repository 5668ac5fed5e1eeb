#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "backend/top_logits.h"
#include "base/rng.h"

namespace sterna {
namespace {

/// Everything off: a plain draw from softmax(logits).
SamplerOptions Plain(double temperature) {
  return {.temperature = temperature, .top_k = 0, .top_p = 1, .min_p = 0, .repeat_last_n = -1};
}

int32_t SampleOnce(const SamplerOptions& options, const std::vector<float>& logits, const std::vector<int32_t>& history = {}) {
  Sampler sampler(options);
  const auto token = sampler.Sample(logits, history);
  EXPECT_TRUE(token.ok()) << token.status().message();
  return token.ok() ? *token : -1;
}

/// Tokens drawn at `draws` positions.
std::map<int32_t, int> Histogram(const SamplerOptions& options, const std::vector<float>& logits, int draws) {
  std::map<int32_t, int> counts;
  std::vector<int32_t> history;
  for (int i = 0; i < draws; ++i) {
    ++counts[SampleOnce(options, logits, history)];
    history.push_back(0);
  }
  return counts;
}

TEST(Sampler, GreedyTakesTheLowestIdAmongEquals) {
  EXPECT_EQ(SampleOnce(Plain(0), {1, 5, 5, 2}), 1);
  EXPECT_EQ(ArgMax(std::vector<float>{-3, -1, -1}), 1);
}

TEST(Sampler, DrawsFollowTheSoftmax) {
  const std::vector<float> logits = {0, 1, 2};
  constexpr int kDraws = 20000;
  auto counts = Histogram(Plain(1), logits, kDraws);
  const double total = 1 + std::exp(1.0) + std::exp(2.0);
  for (int32_t token = 0; token < 3; ++token) {
    const double expected = std::exp(static_cast<double>(token)) / total;
    const double sigma = std::sqrt(expected * (1 - expected) * kDraws);
    EXPECT_NEAR(counts[token], expected * kDraws, 5 * sigma) << token;
  }
}

TEST(Sampler, TheSameSeedAndPositionGiveTheSameToken) {
  const std::vector<float> logits(100, 0.0f);
  SamplerOptions options = Plain(1);
  options.seed = 42;
  const std::vector<int32_t> history = {1, 2, 3};
  EXPECT_EQ(SampleOnce(options, logits, history), SampleOnce(options, logits, {7, 8, 9}));
  int different = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    options.seed = seed;
    different += SampleOnce(options, logits, history) != SampleOnce(options, logits, {1, 2, 3, 4});
  }
  EXPECT_GT(different, 15);
}

TEST(Sampler, TruncationKeepsWhatItsNameSays) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  SamplerOptions top_k = Plain(1);
  top_k.top_k = 2;
  EXPECT_EQ(Histogram(top_k, logits, 500).rbegin()->first, 1);
  SamplerOptions top_p = Plain(1);
  top_p.top_p = 0.75;  // 0.5 is not enough, 0.5 + 0.3 is
  EXPECT_EQ(Histogram(top_p, logits, 500).rbegin()->first, 1);
  SamplerOptions min_p = Plain(1);
  min_p.min_p = 0.2;  // of 0.5: keeps 0.15, drops 0.05
  EXPECT_EQ(Histogram(min_p, logits, 500).rbegin()->first, 2);
  SamplerOptions only_one = Plain(1);
  only_one.top_p = 0;
  EXPECT_EQ(Histogram(only_one, logits, 100).size(), 1u);
}

TEST(Sampler, PenaltiesChangeTheWinner) {
  SamplerOptions repeat = Plain(0);
  repeat.repeat_penalty = 2;
  EXPECT_EQ(SampleOnce(repeat, {3, 2}, {0}), 1);       // 3 / 2 < 2
  EXPECT_EQ(SampleOnce(repeat, {-1, -1.5f}, {0}), 1);  // -1 * 2 < -1.5
  SamplerOptions presence = Plain(0);
  presence.presence_penalty = 1.5;
  EXPECT_EQ(SampleOnce(presence, {3, 2}, {0}), 1);
  SamplerOptions frequency = Plain(0);
  frequency.frequency_penalty = 0.6;
  EXPECT_EQ(SampleOnce(frequency, {3, 2}, {0}), 0);
  EXPECT_EQ(SampleOnce(frequency, {3, 2}, {0, 0}), 1);
  frequency.repeat_last_n = 1;
  EXPECT_EQ(SampleOnce(frequency, {3, 2}, {0, 0}), 0);
}

TEST(Sampler, RefusesLogitsThatAreNotNumbers) {
  Sampler sampler(Plain(0));
  EXPECT_EQ(sampler.Sample(std::vector<float>{0, NAN}, {}).status().code(), StatusCode::kInternal);
  EXPECT_EQ(sampler.Sample(std::vector<float>{-INFINITY, -INFINITY}, {}).status().code(), StatusCode::kInternal);
}

TEST(Sampler, OptionsOutOfRangeAreNamed) {
  const auto refused = [](SamplerOptions options, std::string_view name) {
    const Status status = CheckSamplerOptions(options);
    return !status.ok() && status.message().starts_with(name);
  };
  EXPECT_TRUE(CheckSamplerOptions({}).ok());
  EXPECT_TRUE(refused({.temperature = -1}, "temperature"));
  EXPECT_TRUE(refused({.temperature = NAN}, "temperature"));
  EXPECT_TRUE(refused({.top_k = -1}, "top-k"));
  EXPECT_TRUE(refused({.top_p = 1.1}, "top-p"));
  EXPECT_TRUE(refused({.min_p = -0.1}, "min-p"));
  EXPECT_TRUE(refused({.repeat_penalty = 0}, "repeat-penalty"));
  EXPECT_TRUE(refused({.repeat_last_n = -2}, "repeat-last-n"));
}

TEST(Sampler, TheLogitsItNeedsAreEnough) {
  constexpr int64_t kVocab = 400;
  RngStream random{.key = 21};
  for (int round = 0; round < 600; ++round) {
    std::vector<float> logits(kVocab);
    // Few different values: many ties.
    for (float& logit : logits)
      logit = round % 2 == 0 ? static_cast<float>(random.NextUint32() % 12) - 6 : static_cast<float>(random.NextNormal());
    std::vector<int32_t> history;
    for (uint32_t i = 0; i < random.NextUint32() % 90; ++i) history.push_back(static_cast<int32_t>(random.NextUint32() % kVocab));
    // The most probable tokens are those that penalties hit.
    for (int i = 0; i < 5; ++i) history.push_back(ArgMax(logits)), logits[static_cast<size_t>(i)] += 3;
    SamplerOptions options{.temperature = round % 3 == 0 ? 0.0 : 0.9, .top_k = static_cast<int64_t>(random.NextUint32() % 30)};
    options.seed = static_cast<uint64_t>(round);
    if (round % 5 < 3) options.repeat_penalty = 1.3, options.presence_penalty = 0.5;
    if (round % 7 == 0) options.frequency_penalty = 0.4;
    options.repeat_last_n = round % 4 == 0 ? -1 : static_cast<int64_t>(random.NextUint32() % 70);
    Sampler sampler(options);
    const int64_t needed = sampler.LogitsNeeded(static_cast<int64_t>(history.size()));
    if (needed == 0) continue;
    std::vector<TokenLogit> top(static_cast<size_t>(std::min(needed, kVocab)));
    SelectTopLogits(logits, top);
    const auto of_all = sampler.Sample(logits, history), of_top = sampler.SampleTop(top, history);
    ASSERT_TRUE(of_all.ok() && of_top.ok());
    ASSERT_EQ(*of_all, *of_top) << "round " << round;
  }
}

TEST(Sampler, SaysHowManyLogitsItNeeds) {
  const auto needed = [](SamplerOptions options, int64_t history) { return Sampler(options).LogitsNeeded(history); };
  EXPECT_EQ(needed({.temperature = 0, .top_k = 0}, 100), 1);
  EXPECT_EQ(needed({.top_k = 40}, 100), 40);
  EXPECT_EQ(needed({.top_k = 0}, 100), 0);
  EXPECT_EQ(needed({.top_k = 40, .repeat_penalty = 1.1}, 100), 104);
  EXPECT_EQ(needed({.top_k = 40, .repeat_penalty = 1.1}, 10), 50);
  EXPECT_EQ(needed({.top_k = 40, .presence_penalty = 1, .repeat_last_n = -1}, 5000), 5040);
  // A penalty that lifts logits may bring up any token.
  EXPECT_EQ(needed({.top_k = 40, .repeat_penalty = 0.9}, 100), 0);
  EXPECT_EQ(needed({.top_k = 40, .presence_penalty = -1}, 100), 0);
  EXPECT_EQ(needed({.temperature = 0, .frequency_penalty = -0.1}, 100), 0);
}

TEST(Sampler, TopLogitsThatAreNoNumbersAreErrors) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
    Sampler sampler({.temperature = 0});
    const std::vector<TokenLogit> top = {{7, bad}};
    const std::vector<float> all = {bad};
    EXPECT_EQ(sampler.SampleTop(top, {}).status().code(), StatusCode::kInternal);
    EXPECT_EQ(sampler.Sample(all, {}).status().code(), StatusCode::kInternal);
  }
}

}  // namespace
}  // namespace sterna
