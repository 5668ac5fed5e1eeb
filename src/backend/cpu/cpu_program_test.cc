// Every kind of operation but attention, against a direct computation of its formula.
#include "backend/cpu/cpu_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "backend/testing/plan_runner.h"

namespace sterna {
namespace {

using testing::PlanRunner;
using testing::RandomRows;
using testing::RandomTernary;
using testing::Rows;

// A few roundings to f32 of the operations checked here; a wrong element differs by far more.
constexpr double kTolerance = 2e-6;

void ExpectNear(const Rows& actual, const std::vector<std::vector<double>>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t t = 0; t < actual.size(); ++t) {
    ASSERT_EQ(actual[t].size(), expected[t].size());
    for (size_t i = 0; i < actual[t].size(); ++i) {
      ASSERT_NEAR(static_cast<double>(actual[t][i]), expected[t][i], kTolerance * (1 + std::abs(expected[t][i])))
          << "token " << t << ", column " << i;
    }
  }
}

std::vector<std::vector<double>> Doubles(const Rows& rows) {
  std::vector<std::vector<double>> out;
  for (const auto& row : rows) out.emplace_back(row.begin(), row.end());
  return out;
}

TEST(CpuProgram, EmbedAndGatherCopyRowsToTheBit) {
  struct Case {
    DType dtype;
    DenseActivations activations;
  };
  constexpr DenseActivations kFloat = DenseActivations::kFloat, kInt8 = DenseActivations::kInt8;
  for (const auto& [dtype, activations] : std::vector<Case>{{DType::kF32, kFloat},
                                                            {DType::kF16, kInt8},
                                                            {DType::kBF16, kFloat},
                                                            {DType::kQ8_0, kFloat},
                                                            {DType::kQ8_0, kInt8},
                                                            {DType::kQ4_0, kInt8},
                                                            {DType::kQ4_1, kFloat},
                                                            {DType::kQ4_1, kInt8}}) {
    PlanRunner runner;
    const Rows rows = RandomRows(5, 64, 1);
    const SlotView out = runner.Float(64);
    runner.Add(EmbedOp{.table = runner.Dense(dtype, rows, activations), .out = out});
    runner.Output(out);
    std::vector<StepToken> step;
    for (const int32_t token : {4, 0, 0, 3}) step.push_back({.token = token, .sequence = 0, .position = 0});
    const Rows all = runner.Run(step);
    const Rows some = runner.Run(step, {0, 3});
    const std::vector<std::byte> bytes = Quantize(dtype, testing::Flat(rows), 5, 64).value();
    std::vector<float> expected(5 * 64);
    ASSERT_TRUE(Dequantize(dtype, bytes, 5, 64, expected).ok());
    const auto row = [&](size_t index) {
      return std::vector<float>(expected.begin() + static_cast<std::ptrdiff_t>(64 * index),
                                expected.begin() + static_cast<std::ptrdiff_t>(64 * index + 64));
    };
    EXPECT_EQ(all, (Rows{row(4), row(0), row(0), row(3)})) << Name(dtype);
    EXPECT_EQ(some, (Rows{row(4), row(3)})) << Name(dtype);
  }
}

TEST(CpuProgram, NormDividesEachGroupByItsRootMeanSquare) {
  constexpr float kEpsilon = 0.01f;
  const Rows x = RandomRows(3, 24, 2);
  for (const int64_t group : {24, 8, 1}) {
    const std::vector<float> weight = RandomRows(1, group, 3).front();
    PlanRunner runner;
    const SlotView in = runner.Input(x), out = runner.Float(24);
    runner.Add(NormOp{.in = in, .weight = runner.Vector(weight), .group = group, .epsilon = kEpsilon, .out = out});
    runner.Output(out);
    auto expected = Doubles(x);
    for (auto& row : expected) {
      for (size_t at = 0; at < row.size(); at += static_cast<size_t>(group)) {
        double squares = 0;
        for (size_t i = at; i < at + static_cast<size_t>(group); ++i) squares += row[i] * row[i];
        const double root = std::sqrt(squares / static_cast<double>(group) + static_cast<double>(kEpsilon));
        for (size_t i = at; i < at + static_cast<size_t>(group); ++i) row[i] *= static_cast<double>(weight[i - at]) / root;
      }
    }
    ExpectNear(runner.RunFirst(3), expected);
  }
}

TEST(CpuProgram, NormWithoutWeightWorksInPlaceOnPartOfASlot) {
  const Rows x = RandomRows(2, 32, 4);
  PlanRunner runner;
  const SlotView slot = runner.Input(x), part = PlanRunner::Part(slot, 16, 8);
  runner.Add(NormOp{.in = part, .weight = kNoWeight, .group = 8, .epsilon = 1e-6f, .out = part});
  runner.Output(slot);
  auto expected = Doubles(x);
  for (auto& row : expected) {
    double squares = 0;
    for (size_t i = 16; i < 24; ++i) squares += row[i] * row[i];
    for (size_t i = 16; i < 24; ++i) row[i] /= std::sqrt(squares / 8 + 1e-6);
  }
  ExpectNear(runner.RunFirst(2), expected);
}

/// (sum of w * q) / s * row scale, with q and s as kernels/ternary/quantize.h defines them: exact but for the roundings it names.
Rows TernaryProducts(const Rows& x, const std::vector<std::vector<int8_t>>& weight, const std::vector<float>& row_scales) {
  Rows out;
  for (const auto& row : x) {
    float largest = 1e-5f;
    for (const float value : row) largest = std::max(largest, std::abs(value));
    const float scale = 127.0f / largest;
    std::vector<float> y;
    for (size_t r = 0; r < weight.size(); ++r) {
      int32_t sum = 0;
      for (size_t c = 0; c < row.size(); ++c) sum += weight[r][c] * static_cast<int32_t>(std::nearbyint(row[c] * scale));
      y.push_back(static_cast<float>(sum) / scale * row_scales[r]);
    }
    out.push_back(std::move(y));
  }
  return out;
}

TEST(CpuProgram, QuantizedTernaryProductsAreExact) {
  for (const int64_t cols : {1, 15, 16, 17, 100}) {
    for (const int64_t rows : {1, 16, 33, 70}) {
      const Rows x = RandomRows(5, cols, 5);
      const auto weight = RandomTernary(rows, cols, 6);
      const std::vector<float> scales = RandomRows(1, rows, 7).front();
      PlanRunner runner({.threads = 2, .isa = Isa::kRef});
      const SlotView in = runner.Input(x), q = runner.Quantized(cols), out = runner.Float(rows);
      runner.Add(QuantizeOp{.in = in, .out = q});
      runner.Add(TernaryLinearOp{.weight = runner.Ternary(weight, scales), .in = q, .out = out});
      runner.Output(out);
      EXPECT_EQ(runner.RunFirst(5), TernaryProducts(x, weight, scales)) << rows << " x " << cols;
    }
  }
}

TEST(CpuProgram, AQuantizedNormIsANormThenAQuantization) {
  const Rows x = RandomRows(4, 48, 8);
  const auto weight = RandomTernary(20, 48, 9);
  const std::vector<float> scales(20, 0.5f), norm = RandomRows(1, 48, 10).front();
  const auto run = [&](bool fused) {
    PlanRunner runner;
    const SlotView in = runner.Input(x), q = runner.Quantized(48), out = runner.Float(20);
    NormOp op{.in = in, .weight = runner.Vector(norm), .group = 48, .epsilon = 1e-5f, .out = q};
    if (!fused) op.out = runner.Float(48);
    runner.Add(op);
    if (!fused) runner.Add(QuantizeOp{.in = op.out, .out = q});
    runner.Add(TernaryLinearOp{.weight = runner.Ternary(weight, scales), .in = q, .out = out});
    runner.Output(out);
    return runner.RunFirst(4);
  };
  EXPECT_EQ(run(true), run(false));
}

TEST(CpuProgram, DenseProductsOfEveryTypeMatchTheDecodedWeights) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    const Rows x = RandomRows(3, 256, 11), weight = RandomRows(19, 256, 12);
    std::vector<float> decoded(19 * 256);
    ASSERT_TRUE(Dequantize(dtype, Quantize(dtype, testing::Flat(weight), 19, 256).value(), 19, 256, decoded).ok());
    PlanRunner runner({.threads = 3, .isa = Isa::kRef});
    const SlotView in = runner.Input(x), out = runner.Float(32);
    // Two products side by side in one slot, as q, k and v are.
    const WeightId id = runner.Dense(dtype, weight);
    runner.Add(DenseLinearOp{.weight = id, .in = in, .out = PlanRunner::Part(out, 13, 19)});
    runner.Output(PlanRunner::Part(out, 13, 19));
    const Rows actual = runner.RunFirst(3);
    ASSERT_EQ(actual.size(), 3u);
    for (size_t t = 0; t < 3; ++t) {
      for (size_t r = 0; r < 19; ++r) {
        double sum = 0, magnitude = 0;
        for (size_t c = 0; c < 256; ++c) {
          const double product = static_cast<double>(decoded[r * 256 + c]) * static_cast<double>(x[t][c]);
          sum += product;
          magnitude += std::abs(product);
        }
        EXPECT_NEAR(static_cast<double>(actual[t][r]), sum, (256.0 / 16 + 5) * 0x1p-24 * magnitude) << Name(dtype);
      }
    }
  }
}

TEST(CpuProgram, GateMultipliesTheActivatedGateByUp) {
  const Rows x = RandomRows(4, 2 * 37, 13);
  for (const Activation activation : {Activation::kSilu, Activation::kReluSquared, Activation::kGeluTanh}) {
    PlanRunner runner;
    const SlotView in = runner.Input(x), out = runner.Float(37);
    runner.Add(
        GateOp{.activation = activation, .gate = PlanRunner::Part(in, 0, 37), .up = PlanRunner::Part(in, 37, 37), .out = out});
    runner.Output(out);
    std::vector<std::vector<double>> expected;
    for (const auto& row : Doubles(x)) {
      std::vector<double> y;
      for (size_t i = 0; i < 37; ++i) {
        const double g = row[i], relu = std::max(g, 0.0);
        const double gelu = g / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (g + 0.044715 * g * g * g)));
        const double activated = activation == Activation::kSilu          ? g / (1 + std::exp(-g))
                                 : activation == Activation::kReluSquared ? relu * relu
                                                                          : gelu;
        y.push_back(activated * row[37 + i]);
      }
      expected.push_back(std::move(y));
    }
    ExpectNear(runner.RunFirst(4), expected);
  }
}

TEST(CpuProgram, AddAddsIntoItsOutput) {
  const Rows a = RandomRows(3, 21, 14), b = RandomRows(3, 21, 15);
  PlanRunner runner;
  const SlotView in = runner.Input(a), out = runner.Input(b);
  runner.Add(AddOp{.in = in, .out = out});
  runner.Output(out);
  Rows expected = b;
  for (size_t t = 0; t < 3; ++t) {
    for (size_t i = 0; i < 21; ++i) expected[t][i] += a[t][i];
  }
  EXPECT_EQ(runner.RunFirst(3), expected);
}

TEST(CpuProgram, ABiasIsAddedToEveryRowOfItsColumns) {
  const Rows x = RandomRows(3, 37, 18);
  const std::vector<float> bias = RandomRows(1, 20, 19).front();
  PlanRunner runner;
  const SlotView slot = runner.Input(x);
  runner.Add(AddBiasOp{.bias = runner.Vector(bias), .out = PlanRunner::Part(slot, 5, 20)});
  runner.Output(slot);
  Rows expected = x;
  for (auto& row : expected) {
    for (size_t i = 0; i < 20; ++i) row[5 + i] += bias[i];
  }
  EXPECT_EQ(runner.RunFirst(3), expected);
}

TEST(CpuProgram, EmbeddedRowsAreScaled) {
  const Rows x = RandomRows(4, 21, 20);
  PlanRunner runner;
  const SlotView out = runner.Float(21);
  runner.Add(EmbedOp{.table = runner.Dense(DType::kF32, x), .out = out, .scale = 5.5f});
  runner.Output(out);
  Rows expected = x;
  for (auto& row : expected) {
    for (float& value : row) value *= 5.5f;
  }
  EXPECT_EQ(runner.RunFirst(4), expected);
}

TEST(CpuProgram, StepsAboveTheLimitsAreRefusedAndTheNextOneRuns) {
  PlanRunner runner;
  const Rows x = RandomRows(8, 16, 16);
  runner.Output(runner.Input(x));
  auto program = runner.backend().Compile(std::make_shared<const Plan>(runner.plan()), {.max_tokens = 4, .max_selected = 2});
  ASSERT_TRUE(program.ok()) << program.status().message();
  const std::vector<StepToken> tokens = PlanRunner::FirstTokens(5);
  const std::vector<int32_t> selected = {0, 1, 2};
  const auto run = [&](size_t token_count, size_t selected_count) {
    return (*program)->Run(
        {.tokens = std::span(tokens).first(token_count), .sequences = {}, .selected = std::span(selected).first(selected_count)});
  };
  for (const auto& result : {run(5, 1), run(4, 3)}) {
    EXPECT_EQ(result.status().code(), StatusCode::kInternal);
    EXPECT_NE(result.status().message().find("limits of 4 and 2"), std::string_view::npos) << result.status().message();
  }
  const auto result = run(4, 2);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(std::vector<float>(result->begin(), result->end()), testing::Flat({x[0], x[1]}));
  EXPECT_TRUE(run(0, 0).ok());
}

TEST(CpuProgram, BuffersGrowWithTheLimits) {
  PlanRunner runner;
  runner.Output(runner.Input(RandomRows(2, 16, 17)));
  const auto plan = std::make_shared<const Plan>(runner.plan());
  const auto small = runner.backend().Compile(plan, {.max_tokens = 1, .max_selected = 1});
  const auto large = runner.backend().Compile(plan, {.max_tokens = 101, .max_selected = 1});
  ASSERT_TRUE(small.ok() && large.ok());
  EXPECT_EQ((*large)->activation_bytes() - (*small)->activation_bytes(), 100 * 16 * static_cast<int64_t>(sizeof(float)));
}

}  // namespace
}  // namespace sterna
