// Rotation, the key-value cache and attention, against softmax attention in doubles.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/testing/plan_runner.h"

namespace sterna {
namespace {

using testing::PlanRunner;
using testing::RandomRows;
using testing::Rows;

struct AttentionShape {
  int64_t heads, kv_heads, head_dim;
  int64_t window = 0;
  int64_t q_width() const { return heads * head_dim; }
  int64_t kv_width() const { return kv_heads * head_dim; }
  int64_t width() const { return q_width() + 2 * kv_width(); }
};

constexpr float kScoreScale = 0.3f;
// Softmax over at most 70 positions of numbers near 1, in f32.
constexpr double kTolerance = 2e-5;

std::vector<double> Frequencies(int64_t head_dim) {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < head_dim / 2; ++i) frequencies.push_back(std::pow(100.0, -static_cast<double>(i)));
  return frequencies;
}

/// Rows of `x` are q, k and v of one token. The output is the second layer's attention, so that a mixed-up layer shows.
PlanRunner MakeRunner(const AttentionShape& shape, const Rows& x, const CpuBackendOptions& options) {
  PlanRunner runner(options);
  runner.plan().kv = {.layers = 2, .kv_heads = shape.kv_heads, .head_dim = shape.head_dim};
  const auto table = runner.backend().AddRopeTable(Frequencies(shape.head_dim), 128);
  EXPECT_TRUE(table.ok());
  const SlotView first = runner.Input(x), second = runner.Input(x), out = runner.Float(shape.q_width());
  // Layer 0 caches other numbers than layer 1.
  runner.Add(AddOp{.in = second, .out = first});
  for (int32_t layer = 0; layer < 2; ++layer) {
    const SlotView& slot = layer == 0 ? first : second;
    const SlotView q = PlanRunner::Part(slot, 0, shape.q_width());
    const SlotView k = PlanRunner::Part(slot, shape.q_width(), shape.kv_width());
    const SlotView v = PlanRunner::Part(slot, shape.q_width() + shape.kv_width(), shape.kv_width());
    runner.Add(RopeAppendOp{.layer = layer, .rope_table = *table, .head_dim = shape.head_dim, .q = q, .k = k, .v = v});
    if (layer == 0) continue;
    runner.Add(AttentionOp{.layer = layer,
                           .head_dim = shape.head_dim,
                           .kv_heads = shape.kv_heads,
                           .score_scale = kScoreScale,
                           .q = q,
                           .out = out,
                           .window = shape.window});
  }
  runner.Output(out);
  return runner;
}

/// x rotated by position: pairs are (i, i + head_dim / 2).
std::vector<double> Rotated(std::vector<double> x, int64_t head_dim, int64_t position) {
  const auto dim = static_cast<size_t>(head_dim), half = dim / 2;
  const std::vector<double> frequencies = Frequencies(head_dim);
  for (size_t head = 0; head < x.size() / dim; ++head) {
    for (size_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position) * frequencies[i];
      double& a = x[head * dim + i];
      double& b = x[head * dim + half + i];
      const double rotated = a * std::cos(angle) - b * std::sin(angle);
      b = b * std::cos(angle) + a * std::sin(angle);
      a = rotated;
    }
  }
  return x;
}

std::vector<std::vector<double>> ReferenceAttention(const AttentionShape& shape, const Rows& x) {
  const auto q_width = static_cast<std::ptrdiff_t>(shape.q_width()), kv_width = static_cast<std::ptrdiff_t>(shape.kv_width());
  const auto dim = static_cast<size_t>(shape.head_dim);
  std::vector<std::vector<double>> keys, values, out;
  for (size_t t = 0; t < x.size(); ++t) {
    const auto position = static_cast<int64_t>(t);
    const auto q = Rotated({x[t].begin(), x[t].begin() + q_width}, shape.head_dim, position);
    keys.push_back(Rotated({x[t].begin() + q_width, x[t].begin() + q_width + kv_width}, shape.head_dim, position));
    values.emplace_back(x[t].begin() + q_width + kv_width, x[t].end());
    std::vector<double> y(q.size(), 0.0);
    for (size_t head = 0; head < static_cast<size_t>(shape.heads); ++head) {
      const size_t kv = head / static_cast<size_t>(shape.heads / shape.kv_heads);
      double total = 0;
      const auto window = static_cast<size_t>(shape.window);
      for (size_t p = window > 0 && t + 1 > window ? t + 1 - window : 0; p <= t; ++p) {
        double score = 0;
        for (size_t d = 0; d < dim; ++d) score += q[head * dim + d] * keys[p][kv * dim + d];
        const double weight = std::exp(static_cast<double>(kScoreScale) * score);
        total += weight;
        for (size_t d = 0; d < dim; ++d) y[head * dim + d] += weight * values[p][kv * dim + d];
      }
      for (size_t d = 0; d < dim; ++d) y[head * dim + d] /= total;
    }
    out.push_back(std::move(y));
  }
  return out;
}

class CpuAttention : public ::testing::TestWithParam<AttentionShape> {};

TEST_P(CpuAttention, MatchesSoftmaxAttentionAcrossCacheBlocks) {
  constexpr int64_t kTokens = 66;  // positions 31, 32, 33, 64 and 65 among them
  const Rows x = RandomRows(kTokens, GetParam().width(), 1);
  const auto expected = ReferenceAttention(GetParam(), x);
  PlanRunner runner = MakeRunner(GetParam(), x, {.threads = 1, .isa = Isa::kRef});
  const Rows actual = runner.RunFirst(kTokens);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t t = 0; t < actual.size(); ++t) {
    for (size_t i = 0; i < actual[t].size(); ++i) {
      ASSERT_NEAR(static_cast<double>(actual[t][i]), expected[t][i], kTolerance) << "position " << t << ", column " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, CpuAttention,
                         ::testing::Values(AttentionShape{1, 1, 2}, AttentionShape{4, 2, 8}, AttentionShape{6, 2, 20},
                                           AttentionShape{4, 4, 16}, AttentionShape{4, 2, 8, 1}, AttentionShape{4, 2, 8, 32},
                                           AttentionShape{4, 2, 8, 33}, AttentionShape{6, 2, 20, 40}),
                         [](const auto& info) {
                           return std::to_string(info.param.heads) + "HeadsOn" + std::to_string(info.param.kv_heads) + "Of" +
                                  std::to_string(info.param.head_dim) +
                                  (info.param.window > 0 ? "Window" + std::to_string(info.param.window) : "");
                         });

TEST(CpuCache, StepsThatEndAtBlockEdgesGiveTheSameBits) {
  const AttentionShape shape{4, 2, 8};
  constexpr int64_t kTokens = 70;
  const Rows x = RandomRows(kTokens, shape.width(), 2);
  const Rows whole = MakeRunner(shape, x, {.threads = 1, .isa = Isa::kRef}).RunFirst(kTokens);
  const std::vector<StepToken> tokens = PlanRunner::FirstTokens(kTokens);
  for (const std::ptrdiff_t cut : {1, 31, 32, 33, 63, 64, 65}) {
    PlanRunner runner = MakeRunner(shape, x, {.threads = 1, .isa = Isa::kRef});
    Rows rows = runner.Run({tokens.begin(), tokens.begin() + cut});
    const Rows rest = runner.Run({tokens.begin() + cut, tokens.end()});
    rows.insert(rows.end(), rest.begin(), rest.end());
    EXPECT_EQ(rows, whole) << "cut before position " << cut;
  }
}

TEST(CpuCache, APositionWrittenAgainForgetsWhatWasThere) {
  const AttentionShape shape{2, 1, 4};
  const Rows x = RandomRows(8, shape.width(), 3);
  PlanRunner runner = MakeRunner(shape, x, {.threads = 1, .isa = Isa::kRef});
  const Rows first = runner.RunFirst(4);
  runner.Run({{.token = 6, .sequence = 0, .position = 2}, {.token = 7, .sequence = 0, .position = 3}});
  const Rows again = runner.Run({{.token = 2, .sequence = 0, .position = 2}, {.token = 3, .sequence = 0, .position = 3}});
  EXPECT_EQ(again, (Rows{first[2], first[3]}));
}

TEST(CpuCache, ABlockHoldsKeysAndValuesOfAllLayersAndHeads) {
  EXPECT_EQ(KvBlockBytes({.layers = 3, .kv_heads = 5, .head_dim = 7}), 3 * 5 * 2 * 32 * 7 * 4);
}

}  // namespace
}  // namespace sterna
