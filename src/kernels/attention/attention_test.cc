#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "kernels/kernel_testing.h"

namespace sterna {
namespace {

constexpr int64_t kTokens = kKvBlockTokens;

/// Queries and a cache of whole blocks. Each block is an allocation of its own, so that the address sanitizer sees an over-read.
struct Case {
  int64_t queries, head_dim, positions;
  float score_scale;
  std::vector<float> q;  // with 64 bytes of NaN behind
  std::vector<Buffer> blocks;

  float& Key(int64_t position, int64_t d) { return Block(position)[static_cast<size_t>(d * kTokens + position % kTokens)]; }
  float& Value(int64_t position, int64_t d) {
    return Block(position)[static_cast<size_t>(kTokens * head_dim + position % kTokens * head_dim + d)];
  }
  std::span<float> Block(int64_t position) { return blocks[static_cast<size_t>(position / kTokens)].as<float>(); }
};

/// Positions that do not exist hold large finite numbers of both signs.
Case MakeCase(int64_t queries, int64_t head_dim, int64_t positions, float key_scale = 1.0f) {
  Case c{.queries = queries,
         .head_dim = head_dim,
         .positions = positions,
         .score_scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
         .q = NormalFloats(queries * head_dim, 1),
         .blocks = {}};
  c.q.resize(c.q.size() + 16, std::numeric_limits<float>::quiet_NaN());
  const std::vector<float> keys = NormalFloats(positions * head_dim, 2, key_scale), values = NormalFloats(positions * head_dim, 3);
  for (int64_t first = 0; first < positions; first += kTokens) {
    c.blocks.push_back(std::move(Buffer::Allocate(static_cast<size_t>(2 * kTokens * head_dim) * sizeof(float))).value());
    bool positive = false;
    for (float& x : c.blocks.back().as<float>()) x = (positive = !positive) ? 3e38f : -3e38f;
  }
  for (int64_t i = 0; i < positions; ++i) {
    for (int64_t d = 0; d < head_dim; ++d) {
      c.Key(i, d) = keys[static_cast<size_t>(i * head_dim + d)];
      c.Value(i, d) = values[static_cast<size_t>(i * head_dim + d)];
    }
  }
  return c;
}

std::vector<float> Compute(AttentionFunction function, const Case& c, int64_t begin = 0) {
  std::vector<const float*> keys, values;
  for (const Buffer& block : c.blocks) {
    keys.push_back(block.as<float>().data());
    values.push_back(keys.back() + kTokens * c.head_dim);
  }
  const auto size = static_cast<size_t>(c.queries * c.head_dim);
  std::vector<float> y(size + 16, 77.0f);
  function({.q = c.q.data(),
            .queries = c.queries,
            .head_dim = c.head_dim,
            .keys = keys.data(),
            .values = values.data(),
            .begin = begin,
            .positions = c.positions,
            .score_scale = c.score_scale,
            .y = y.data()});
  for (size_t j = size; j < y.size(); ++j) EXPECT_EQ(y[j], 77.0f) << "wrote behind the queries";
  y.resize(size);
  return y;
}

void ExpectEveryVariantEqualsReference(const Case& c, int64_t begin = 0) {
  const std::vector<uint32_t> expected = Bits(Compute(AttentionKernels().front().function, c, begin));
  for (const auto& kernel : RunnableKernels(AttentionKernels())) {
    EXPECT_EQ(Bits(Compute(kernel.function, c, begin)), expected) << kernel.info.name << ": " << c.queries << " queries of "
                                                                  << c.head_dim << ", positions " << begin << " to " << c.positions;
  }
}

TEST(Attention, EveryVariantEqualsTheReferenceAtEveryHeadSize) {
  for (const int64_t head_dim : {1, 8, 15, 16, 17, 32, 64, 80, 96, 100, 128, 256}) {
    for (const int64_t positions : {1, 33, 70}) ExpectEveryVariantEqualsReference(MakeCase(5, head_dim, positions));
  }
}

TEST(Attention, EveryVariantEqualsTheReferenceAtEveryBlockEdge) {
  for (int64_t positions = 1; positions <= 200; ++positions) ExpectEveryVariantEqualsReference(MakeCase(3, 20, positions));
}

TEST(Attention, EveryVariantEqualsTheReferenceAtEveryBeginOfAWindow) {
  for (const int64_t positions : {1, 32, 33, 64, 100}) {
    for (int64_t begin = 0; begin < positions; ++begin) ExpectEveryVariantEqualsReference(MakeCase(3, 20, positions), begin);
  }
}

// A window is a cache that begins with it: the same bits where its first block begins at the same place in a block.
TEST(Attention, PositionsBeforeTheWindowLeaveNoTrace) {
  Case c = MakeCase(3, 48, 150);
  for (const int64_t begin : {5, 32, 70, 149}) {
    Case shifted = MakeCase(3, 48, 150 - begin / kTokens * kTokens);
    shifted.q = c.q;
    for (int64_t i = begin; i < c.positions; ++i) {
      for (int64_t d = 0; d < c.head_dim; ++d) {
        shifted.Key(i - begin / kTokens * kTokens, d) = c.Key(i, d);
        shifted.Value(i - begin / kTokens * kTokens, d) = c.Value(i, d);
      }
    }
    for (int64_t i = 0; i < begin % kTokens; ++i) {
      for (int64_t d = 0; d < c.head_dim; ++d) shifted.Key(i, d) = shifted.Value(i, d) = 1e30f;
    }
    for (const auto& kernel : RunnableKernels(AttentionKernels())) {
      EXPECT_EQ(Bits(Compute(kernel.function, c, begin)), Bits(Compute(kernel.function, shifted, begin % kTokens)))
          << kernel.info.name << " from " << begin;
    }
  }
}

TEST(Attention, TheLastPositionAloneGetsAllTheWeightOfAWindowOfOne) {
  for (const auto& kernel : RunnableKernels(AttentionKernels())) {
    Case c = MakeCase(2, 100, 71);
    const std::vector<float> y = Compute(kernel.function, c, 70);
    for (int64_t j = 0; j < 200; ++j) EXPECT_EQ(y[static_cast<size_t>(j)], c.Value(70, j % 100));
  }
}

TEST(Attention, EveryVariantEqualsTheReferenceForEveryGroupOfQueries) {
  for (const int64_t queries : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 32, 33, 37, 65}) {
    ExpectEveryVariantEqualsReference(MakeCase(queries, 48, 70));
  }
}

// Keys of growing size make scores from flat to one-hot, so that weights underflow and the maximum jumps between blocks.
TEST(Attention, EveryVariantEqualsTheReferenceFromFlatToOneHotScores) {
  for (const float key_scale : {0.0f, 1e-30f, 0.1f, 10.0f, 100.0f, 1e4f, 1e18f}) {
    ExpectEveryVariantEqualsReference(MakeCase(4, 64, 150, key_scale));
  }
}

TEST(Attention, EveryVariantEqualsTheReferenceWithRisingAndFallingMaxima) {
  for (const float slope : {0.5f, -0.5f, 3.0f, -3.0f}) {
    Case c = MakeCase(4, 16, 200, 0.01f);
    for (float& x : c.q) x = std::abs(x);
    for (int64_t i = 0; i < c.positions; ++i) {
      for (int64_t d = 0; d < c.head_dim; ++d) c.Key(i, d) += slope * static_cast<float>(i);
    }
    ExpectEveryVariantEqualsReference(c);
  }
}

/// Softmax attention in f64, and a bound of the error of the f32 result, both for one query.
struct Exact {
  std::vector<double> y;
  double bound;
};

Exact Evaluate(Case& c, int64_t query) {
  const auto head_dim = static_cast<size_t>(c.head_dim);
  std::vector<double> scores;
  double largest_sum = 0, largest_value = 0;
  for (int64_t i = 0; i < c.positions; ++i) {
    double dot = 0, absolute = 0;
    for (int64_t d = 0; d < c.head_dim; ++d) {
      const double product =
          static_cast<double>(c.q[static_cast<size_t>(query * c.head_dim + d)]) * static_cast<double>(c.Key(i, d));
      dot += product;
      absolute += std::abs(product);
      largest_value = std::max(largest_value, static_cast<double>(std::abs(c.Value(i, d))));
    }
    scores.push_back(dot * static_cast<double>(c.score_scale));
    largest_sum = std::max(largest_sum, absolute * static_cast<double>(c.score_scale));
  }
  const double max = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  std::vector<double> y(head_dim, 0.0);
  for (int64_t i = 0; i < c.positions; ++i) {
    const double p = std::exp(scores[static_cast<size_t>(i)] - max);
    total += p;
    for (int64_t d = 0; d < c.head_dim; ++d) y[static_cast<size_t>(d)] += p * static_cast<double>(c.Value(i, d));
  }
  for (double& value : y) value /= total;
  // A score is off by head_dim roundings of the sum of |q k|, one of the scale and one of the subtraction of the maximum; Exp turns
  // that into a relative error and adds 4 roundings. Each block rescales once, with the same errors again. Summing the weighted
  // values adds one rounding per position. Numerator and denominator both carry this; the division adds one.
  const double score_error = (static_cast<double>(c.head_dim) + 3) * largest_sum * kRounding;
  const auto positions = static_cast<double>(c.positions);
  const double blocks = std::ceil(positions / static_cast<double>(kTokens));
  const double relative = (2 * score_error + 4 * kRounding) * (1 + blocks) + (positions + blocks) * kRounding;
  return {std::move(y), (2 * relative + kRounding) * largest_value};
}

TEST(Attention, StaysWithinTheDerivedBoundOfTheExactValue) {
  for (auto [queries, head_dim, positions] : {std::array<int64_t, 3>{4, 128, 100}, {2, 64, 300}, {3, 100, 1}}) {
    Case c = MakeCase(queries, head_dim, positions);
    for (const auto& kernel : RunnableKernels(AttentionKernels())) {
      const std::vector<float> y = Compute(kernel.function, c);
      for (int64_t query = 0; query < queries; ++query) {
        const Exact exact = Evaluate(c, query);
        EXPECT_LT(exact.bound, 0.02);  // the values are normal with variance 1: the bound says something
        double worst = 0;
        for (int64_t d = 0; d < head_dim; ++d) {
          const double error =
              std::abs(static_cast<double>(y[static_cast<size_t>(query * head_dim + d)]) - exact.y[static_cast<size_t>(d)]);
          EXPECT_LE(error, exact.bound) << kernel.info.name;
          worst = std::max(worst, error);
        }
        EXPECT_LT(worst, 2e-6) << kernel.info.name;  // measured 4e-7; errors do not all point one way
      }
    }
  }
}

TEST(Attention, WeightsSumToOneSoAConstantValueComesBack) {
  for (const auto& kernel : RunnableKernels(AttentionKernels())) {
    for (const int64_t positions : {1, 31, 32, 33, 200}) {
      Case c = MakeCase(4, 80, positions, 3.0f);
      for (int64_t i = 0; i < positions; ++i) {
        for (int64_t d = 0; d < c.head_dim; ++d) c.Value(i, d) = static_cast<float>(d) - 7.5f;
      }
      const std::vector<float> y = Compute(kernel.function, c);
      for (int64_t j = 0; j < 4 * 80; ++j) {
        const double value = static_cast<double>(j % 80) - 7.5;
        EXPECT_NEAR(static_cast<double>(y[static_cast<size_t>(j)]), value,
                    2 * static_cast<double>(positions + 8) * kRounding * std::abs(value));
      }
    }
  }
}

TEST(Attention, TheOnlyPositionGetsAllTheWeight) {
  for (const auto& kernel : RunnableKernels(AttentionKernels())) {
    Case c = MakeCase(2, 100, 1);
    const std::vector<float> y = Compute(kernel.function, c);
    for (int64_t j = 0; j < 200; ++j) EXPECT_EQ(y[static_cast<size_t>(j)], c.Value(0, j % 100));
  }
}

TEST(Attention, AQueryGivesTheSameBitsAloneAndInAnyPlaceOfAnyGroup) {
  for (const auto& kernel : RunnableKernels(AttentionKernels())) {
    const Case group = MakeCase(7, 36, 90);
    const std::vector<float> together = Compute(kernel.function, group);
    for (int64_t query = 0; query < 7; ++query) {
      Case alone = MakeCase(1, 36, 90);
      std::copy_n(group.q.begin() + query * 36, 36, alone.q.begin());
      const std::vector<float> y = Compute(kernel.function, alone);
      EXPECT_TRUE(std::equal(y.begin(), y.end(), together.begin() + query * 36)) << kernel.info.name << ' ' << query;
    }
    Case reversed = MakeCase(7, 36, 90);
    for (int64_t query = 0; query < 7; ++query)
      std::copy_n(group.q.begin() + query * 36, 36, reversed.q.begin() + (6 - query) * 36);
    const std::vector<float> backwards = Compute(kernel.function, reversed);
    for (int64_t query = 0; query < 7; ++query) {
      EXPECT_TRUE(
          std::equal(together.begin() + query * 36, together.begin() + (query + 1) * 36, backwards.begin() + (6 - query) * 36));
    }
  }
}

}  // namespace
}  // namespace sterna
