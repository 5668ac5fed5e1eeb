#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

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

}  // namespace
}  // namespace sterna
