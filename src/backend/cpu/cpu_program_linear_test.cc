// Products with int8 blocks: equal to the reference kernels, and never of an input that has changed since it was quantized.
#include <gtest/gtest.h>

#include "backend/testing/plan_runner.h"
#include "base/checked_math.h"
#include "kernels/blockquant/linear.h"
#include "kernels/blockquant/quantize.h"

namespace sterna {
namespace {

using testing::PlanRunner;
using testing::RandomRows;
using testing::Rows;

constexpr DenseActivations kInt8 = DenseActivations::kInt8;

/// BlockQuantize, then BlockLinear, by the scalar references.
Rows BlockProducts(DType dtype, const Rows& x, const Rows& weight) {
  const auto rows = static_cast<int64_t>(weight.size()), cols = static_cast<int64_t>(weight.front().size());
  const auto tokens = static_cast<int64_t>(x.size());
  const std::vector<std::byte> bytes = Quantize(dtype, testing::Flat(weight), rows, cols).value();
  Buffer q = Buffer::Allocate(static_cast<size_t>(cols)).value();
  std::vector<float> scales(static_cast<size_t>(cols / kQuantBlock)), sums(scales.size());
  std::vector<int32_t> group_sums(2 * scales.size());
  Buffer tiles = Buffer::Allocate(static_cast<size_t>(BlockTilesBytes(dtype, rows, cols))).value();
  for (int64_t row = 0; row < rows; row += kBlockTileRows) {
    std::vector<const std::byte*> of_tile;
    for (int64_t r = row; r < std::min(rows, row + kBlockTileRows); ++r)
      of_tile.push_back(bytes.data() + r * RowBytes(dtype, cols));
    PackBlockTile(dtype, of_tile, cols, tiles.data() + row / kBlockTileRows * BlockTile(dtype, cols).end);
  }
  Rows out;
  for (int64_t t = 0; t < tokens; ++t) {
    BlockQuantizeKernels().front().function({.x = x[static_cast<size_t>(t)].data(),
                                             .n = cols,
                                             .q = q.as<int8_t>().data(),
                                             .scales = scales.data(),
                                             .sums = sums.data(),
                                             .group_sums = group_sums.data()});
    std::vector<float> y(weight.size());
    BlockLinearKernels(dtype).front().function({.tiles = tiles.data(),
                                                .rows = rows,
                                                .cols = cols,
                                                .row_begin = 0,
                                                .row_end = rows,
                                                .q = q.as<int8_t>().data(),
                                                .q_stride = RoundUp(cols, int64_t{64}),
                                                .scales = scales.data(),
                                                .sums = sums.data(),
                                                .group_sums = group_sums.data(),
                                                .scale_stride = cols / kQuantBlock,
                                                .tokens = 1,
                                                .y = y.data(),
                                                .y_stride = rows});
    out.push_back(std::move(y));
  }
  return out;
}

DenseLinearOp Product(WeightId weight, const SlotView& in, const SlotView& out) {
  return {.weight = weight, .in = in, .out = out};
}

class CpuBlockProduct : public ::testing::TestWithParam<DType> {};

TEST_P(CpuBlockProduct, ProductsOfOneInputEqualTheReferenceKernels) {
  const int64_t cols = 3 * Info(GetParam()).block_elements;
  const Rows x = RandomRows(5, cols, 1), q = RandomRows(40, cols, 2), k = RandomRows(9, cols, 3), v = RandomRows(9, cols, 4);
  PlanRunner runner({.threads = 3, .isa = Isa::kRef});
  const SlotView in = runner.Input(x), out = runner.Float(58);
  runner.Add(Product(runner.Dense(GetParam(), q, kInt8), in, PlanRunner::Part(out, 0, 40)));
  runner.Add(Product(runner.Dense(GetParam(), k, kInt8), in, PlanRunner::Part(out, 40, 9)));
  runner.Add(Product(runner.Dense(GetParam(), v, kInt8), in, PlanRunner::Part(out, 49, 9)));
  runner.Output(out);
  Rows stacked = q;
  stacked.insert(stacked.end(), k.begin(), k.end());
  stacked.insert(stacked.end(), v.begin(), v.end());
  EXPECT_EQ(runner.RunFirst(5), BlockProducts(GetParam(), x, stacked));
}

TEST_P(CpuBlockProduct, ProductsOfDifferentPartsOfOneSlotReadTheirOwnPart) {
  const int64_t half = Info(GetParam()).block_elements;
  const Rows x = RandomRows(3, 2 * half, 5), weight = RandomRows(8, half, 6);
  PlanRunner runner;
  const SlotView in = runner.Input(x), out = runner.Float(16);
  const WeightId id = runner.Dense(GetParam(), weight, kInt8);
  runner.Add(Product(id, PlanRunner::Part(in, 0, half), PlanRunner::Part(out, 0, 8)));
  runner.Add(Product(id, PlanRunner::Part(in, half, half), PlanRunner::Part(out, 8, 8)));
  runner.Output(out);
  Rows left, right;
  for (const auto& row : x) {
    left.emplace_back(row.begin(), row.begin() + half);
    right.emplace_back(row.begin() + half, row.end());
  }
  Rows expected = BlockProducts(GetParam(), left, weight);
  const Rows behind = BlockProducts(GetParam(), right, weight);
  for (size_t t = 0; t < 3; ++t) expected[t].insert(expected[t].end(), behind[t].begin(), behind[t].end());
  EXPECT_EQ(runner.RunFirst(3), expected);
}

INSTANTIATE_TEST_SUITE_P(, CpuBlockProduct, ::testing::Values(DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K),
                         [](const auto& info) { return std::string(Name(info.param)); });

TEST(CpuBlockInput, TypesWithoutSuchKernelsSeeTheFloats) {
  const Rows x = RandomRows(2, 32, 7), weight = RandomRows(8, 32, 8);
  const auto run = [&](DenseActivations activations) {
    PlanRunner runner;
    const SlotView in = runner.Input(x), out = runner.Float(8);
    runner.Add(Product(runner.Dense(DType::kF16, weight, activations), in, out));
    runner.Output(out);
    return runner.RunFirst(2);
  };
  EXPECT_EQ(run(kInt8), run(DenseActivations::kFloat));
}

/// x is multiplied, then changed by `change`, then multiplied again: the second product must be of the changed x.
template <class Change>
void ExpectFreshInput(Change change) {
  const Rows x = RandomRows(3, 32, 9), y = RandomRows(3, 32, 10), weight = RandomRows(8, 32, 11);
  PlanRunner runner;
  const SlotView in = runner.Input(x), other = runner.Input(y), unused = runner.Float(8), out = runner.Float(8);
  const WeightId id = runner.Dense(DType::kQ8_0, weight, kInt8);
  runner.Add(Product(id, in, unused));
  const Rows changed = change(runner, in, other, x, y);
  runner.Add(Product(id, in, out));
  runner.Output(out);
  EXPECT_EQ(runner.RunFirst(3), BlockProducts(DType::kQ8_0, changed, weight));
}

TEST(CpuBlockInput, AnInputChangedByAnotherOperationIsQuantizedAgain) {
  ExpectFreshInput([](PlanRunner& runner, const SlotView& in, const SlotView& other, Rows x, const Rows& y) {
    runner.Add(AddOp{.in = other, .out = in});
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
    }
    return x;
  });
}

TEST(CpuBlockInput, AnInputChangedByAFloatProductIsQuantizedAgain) {
  ExpectFreshInput([](PlanRunner& runner, const SlotView& in, const SlotView& other, const Rows& x, const Rows& y) {
    Rows twice(32, std::vector<float>(32, 0.0f));
    for (size_t i = 0; i < 32; ++i) twice[i][i] = 2;
    runner.Add(Product(runner.Dense(DType::kF32, twice), other, in));
    Rows doubled = y;
    for (auto& row : doubled) {
      for (float& value : row) value *= 2;
    }
    EXPECT_NE(doubled, x);
    return doubled;
  });
}

TEST(CpuBlockInput, TheInputOfAnEarlierStepIsNotReused) {
  const Rows x = RandomRows(4, 32, 12), weight = RandomRows(8, 32, 13);
  PlanRunner runner;
  const SlotView in = runner.Input(x), out = runner.plan().AddSlot(Slot::Kind::kFloat, 8);
  runner.Add(Product(runner.Dense(DType::kQ8_0, weight, kInt8), in, out));
  runner.Output(out);
  const Rows expected = BlockProducts(DType::kQ8_0, x, weight);
  for (int32_t token = 0; token < 4; ++token) {
    EXPECT_EQ(runner.Run({{.token = token, .sequence = 0, .position = 0}}), Rows{expected[static_cast<size_t>(token)]});
  }
}

}  // namespace
}  // namespace sterna
