// The sampler against a direct computation of what its options mean.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/rng.h"
#include "engine/sampler.h"

namespace sterna {
namespace {

SamplerOptions Plain(uint64_t seed = 0) {
  return {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .repeat_last_n = -1, .seed = seed};
}

std::vector<float> RandomLogits(size_t count, uint64_t seed) {
  RngStream rng{.key = seed, .stream = 0, .counter = 0};
  std::vector<float> logits(count);
  for (float& logit : logits) logit = static_cast<float>(rng.NextNormal() * 2);
  return logits;
}

/// Probabilities after top-k, top-p and min-p in this order and then temperature, from their definitions: each step keeps a set.
std::vector<double> ReferenceProbabilities(const std::vector<double>& logits, const SamplerOptions& options) {
  std::vector<size_t> kept(logits.size());
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  std::stable_sort(kept.begin(), kept.end(), [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  if (options.top_k > 0 && static_cast<size_t>(options.top_k) < kept.size()) kept.resize(static_cast<size_t>(options.top_k));
  double total = 0;
  for (const size_t i : kept) total += std::exp(logits[i]);
  if (options.top_p < 1) {
    double sum = 0;
    size_t count = 0;
    while (count < kept.size() && (count == 0 || sum < options.top_p)) sum += std::exp(logits[kept[count++]]) / total;
    kept.resize(count);
  }
  const double best = std::exp(logits[kept.front()]);
  std::erase_if(kept, [&](size_t i) { return std::exp(logits[i]) < options.min_p * best; });
  std::vector<double> probabilities(logits.size(), 0.0);
  double scaled_total = 0;
  for (const size_t i : kept) scaled_total += std::exp(logits[i] / options.temperature);
  for (const size_t i : kept) probabilities[i] = std::exp(logits[i] / options.temperature) / scaled_total;
  return probabilities;
}

std::vector<int> Histogram(const SamplerOptions& options, const std::vector<float>& logits, int draws) {
  std::vector<int> counts(logits.size());
  Sampler sampler(options);
  std::vector<int32_t> history;
  for (int i = 0; i < draws; ++i) {
    const auto token = sampler.Sample(logits, history);
    EXPECT_TRUE(token.ok()) << token.status().message();
    if (token.ok()) ++counts[static_cast<size_t>(*token)];
    history.push_back(0);
  }
  return counts;
}

/// Pearson's statistic over the tokens that can occur, in standard deviations from its mean; a token that cannot occur fails.
double ChiSquareDeviation(const std::vector<int>& counts, const std::vector<double>& probabilities) {
  double draws = 0, statistic = 0, degrees = -1;
  for (const int count : counts) draws += count;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (probabilities[i] == 0) {
      EXPECT_EQ(counts[i], 0) << "token " << i << " was cut off";
      continue;
    }
    const double expected = probabilities[i] * draws;
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++degrees;
  }
  return degrees < 1 ? 0 : (statistic - degrees) / std::sqrt(2 * degrees);
}

TEST(SamplerReference, DrawsFollowTheDefinitionOfEveryTruncation) {
  const std::vector<float> logits = RandomLogits(40, 1);
  const std::vector<double> exact(logits.begin(), logits.end());
  uint64_t seed = 100;
  for (const double temperature : {0.5, 1.0, 2.0}) {
    for (const int64_t top_k : {0, 1, 7, 40, 1000}) {
      for (const double top_p : {0.0, 0.6, 0.95, 1.0}) {
        for (const double min_p : {0.0, 0.1, 1.0}) {
          SamplerOptions options = Plain(++seed);
          options.temperature = temperature;
          options.top_k = top_k;
          options.top_p = top_p;
          options.min_p = min_p;
          const double deviation = ChiSquareDeviation(Histogram(options, logits, 4000), ReferenceProbabilities(exact, options));
          EXPECT_LT(deviation, 6) << temperature << ' ' << top_k << ' ' << top_p << ' ' << min_p;
        }
      }
    }
  }
}

TEST(SamplerReference, AllKeptTokensOccur) {
  const std::vector<float> logits = {1, 1, 1, 1, 1, 1};
  SamplerOptions options = Plain();
  options.top_k = 4;
  const std::vector<int> counts = Histogram(options, logits, 1000);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(counts[i] > 0, i < 4) << "lower ids first among equals: " << i;
}

TEST(SamplerReference, PenaltiesFollowTheirFormula) {
  const std::vector<float> logits = RandomLogits(12, 2);
  const std::vector<int32_t> history = {3, 3, 3, 5, 0, 11, 5, 7};
  for (const double repeat : {1.0, 1.3, 0.5}) {
    for (const double presence : {0.0, 0.7, -0.7}) {
      for (const double frequency : {0.0, 0.4}) {
        for (const int64_t last_n : {-1, 0, 2, 8, 100}) {
          SamplerOptions options = Plain(9);
          options.repeat_penalty = repeat;
          options.presence_penalty = presence;
          options.frequency_penalty = frequency;
          options.repeat_last_n = last_n;
          std::vector<double> penalized(logits.begin(), logits.end());
          for (size_t token = 0; token < logits.size(); ++token) {
            double count = 0;
            for (size_t i = 0; i < history.size(); ++i) {
              const bool is_seen = last_n < 0 || static_cast<int64_t>(history.size() - i) <= last_n;
              count += is_seen && history[i] == static_cast<int32_t>(token);
            }
            if (count == 0) continue;
            penalized[token] = penalized[token] > 0 ? penalized[token] / repeat : penalized[token] * repeat;
            penalized[token] -= count * frequency + presence;
          }
          // The greedy choice shows the winner; with it forbidden, the next one shows, and so on: the whole order.
          options.temperature = 0;
          std::vector<float> left = logits;
          std::vector<int32_t> order, expected;
          for (size_t i = 0; i < logits.size(); ++i) {
            order.push_back(*Sampler(options).Sample(left, history));
            left[static_cast<size_t>(order.back())] = -std::numeric_limits<float>::infinity();
            if (i + 1 == logits.size()) break;
          }
          for (size_t i = 0; i < logits.size(); ++i) expected.push_back(static_cast<int32_t>(i));
          std::stable_sort(expected.begin(), expected.end(), [&](int32_t a, int32_t b) {
            return penalized[static_cast<size_t>(a)] > penalized[static_cast<size_t>(b)];
          });
          EXPECT_EQ(order, expected) << repeat << ' ' << presence << ' ' << frequency << ' ' << last_n;
        }
      }
    }
  }
}

TEST(SamplerReference, TokensOutsideTheVocabularyInTheHistoryAreIgnored) {
  SamplerOptions options = Plain();
  options.presence_penalty = 1;
  options.temperature = 0;
  EXPECT_EQ(*Sampler(options).Sample(std::vector<float>{1, 2}, std::vector<int32_t>{-1, 2, 1 << 30}), 1);
}

TEST(SamplerReference, ATinyTemperatureIsGreedy) {
  const std::vector<float> logits = RandomLogits(40, 3);
  SamplerOptions options = Plain();
  options.temperature = 1e-300;
  EXPECT_EQ(Histogram(options, logits, 50)[static_cast<size_t>(ArgMax(logits))], 50);
}

TEST(SamplerReference, MaskedTokensNeverOccur) {
  std::vector<float> logits = RandomLogits(20, 4);
  for (size_t i = 0; i < 20; i += 3) logits[i] = -std::numeric_limits<float>::infinity();
  const std::vector<int> counts = Histogram(Plain(), logits, 5000);
  for (size_t i = 0; i < 20; i += 3) EXPECT_EQ(counts[i], 0) << i;
}

TEST(SamplerReference, InfiniteLogitsAreAnErrorAtEveryTemperature) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const double temperature : {0.0, 1.0}) {
    SamplerOptions options = Plain();
    options.temperature = temperature;
    const auto token = Sampler(options).Sample(std::vector<float>{0, kInfinity, 1}, std::vector<int32_t>{4, 5});
    ASSERT_FALSE(token.ok()) << *token;
    EXPECT_EQ(token.status().code(), StatusCode::kInternal);
    EXPECT_EQ(token.status().message(), "logit of token 1 at position 2 is inf");
  }
  EXPECT_FALSE(Sampler(Plain()).Sample({}, {}).ok()) << "no logits at all";
}

}  // namespace
}  // namespace sterna
