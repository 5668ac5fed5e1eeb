#include "kernels/ternary/linear.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kernels/ternary/aligned_array.h"
#include "kernels/ternary/five_trit_layout.h"
#include "kernels/ternary/layouts.h"
#include "kernels/ternary/linear_avxvnni_evex.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

enum class Fill { kRandom, kPlusByPlus, kPlusByMinus, kMinusByMinus, kAlternating };

constexpr Fill kExtremes[] = {Fill::kPlusByPlus, Fill::kPlusByMinus, Fill::kMinusByMinus, Fill::kAlternating};

int8_t Weight(Fill fill, unsigned random, int64_t row, int64_t col) {
  if (fill == Fill::kRandom) return static_cast<int8_t>(static_cast<int>(random % 3) - 1);
  if (fill == Fill::kAlternating) return (row + col) % 2 == 0 ? 1 : -1;
  return fill == Fill::kMinusByMinus ? -1 : 1;
}

int8_t Activation(Fill fill, unsigned random, int64_t token, int64_t col) {
  if (fill == Fill::kRandom) return static_cast<int8_t>(static_cast<int>(random % 255) - 127);
  if (fill == Fill::kAlternating) return (token + col) % 2 == 0 ? 127 : -127;
  return fill == Fill::kPlusByPlus ? 127 : -127;
}

/// A product with its expected result, computed from the int8 weights and not from their codes.
struct Problem {
  int64_t rows, cols, tokens;
  int64_t x_stride, y_stride;
  std::map<TernaryLayout, AlignedArray<uint8_t>> codes;
  AlignedArray<int8_t> x;
  std::vector<float> row_scales, x_scales;
  std::vector<int32_t> x_sums;
  std::vector<float> expected;  ///< [tokens][rows]

  Problem(int64_t rows_in, int64_t cols_in, int64_t tokens_in, Fill fill)
      : rows(rows_in),
        cols(cols_in),
        tokens(tokens_in),
        x_stride(PaddedActivations(cols) + 64),
        y_stride(rows + 5),
        x((tokens - 1) * x_stride + PaddedActivations(cols)) {
    std::minstd_rand random(static_cast<unsigned>(rows * 1000003 + cols * 1009 + tokens));
    std::vector<int8_t> weights(static_cast<size_t>(rows * cols));
    for (int64_t i = 0; i < rows * cols; ++i) {
      weights[static_cast<size_t>(i)] = Weight(fill, static_cast<unsigned>(random()), i / cols, i % cols);
    }
    for (const TernaryLayoutInfo& layout : TernaryLayouts()) codes.emplace(layout.layout, Pack(layout, weights));
    for (int64_t row = 0; row < rows; ++row) row_scales.push_back(0.01f * static_cast<float>(random() % 1000 + 1));
    for (int64_t token = 0; token < tokens; ++token) {
      int8_t* row = x.data() + token * x_stride;
      int32_t sum = 0;
      for (int64_t col = 0; col < cols; ++col) {
        row[col] = Activation(fill, static_cast<unsigned>(random()), token, col);
        sum += row[col];
      }
      x_sums.push_back(sum);
      x_scales.push_back(0.037f * static_cast<float>(random() % 1000 + 1));
      for (int64_t out = 0; out < rows; ++out) {
        const int8_t* w = weights.data() + out * cols;
        int32_t product = 0;
        for (int64_t col = 0; col < cols; ++col) product += w[col] * row[col];
        const float unscaled = static_cast<float>(product) / x_scales.back();
        expected.push_back(unscaled * row_scales[static_cast<size_t>(out)]);
      }
    }
  }

  AlignedArray<uint8_t> Pack(const TernaryLayoutInfo& layout, const std::vector<int8_t>& weights) const {
    AlignedArray<uint8_t> tiles(TernaryPaddedRows(rows) / kTernaryTileRows * layout.tile_bytes(cols));
    for (int64_t row = 0; row < rows; row += kTernaryTileRows) {
      std::vector<const int8_t*> pointers;
      for (int64_t r = row; r < rows && r < row + kTernaryTileRows; ++r) pointers.push_back(weights.data() + r * cols);
      layout.pack_tile(pointers, cols, tiles.data() + row / kTernaryTileRows * layout.tile_bytes(cols));
    }
    return tiles;
  }

  std::string Name() const { return std::to_string(rows) + "x" + std::to_string(cols) + " by " + std::to_string(tokens); }
};

constexpr float kUntouched = -12345.0f;

/// A product and the layout of the codes it reads.
struct Variant {
  TernaryLinearFunction function;
  TernaryLayout layout;
};

/// y [tokens][y_stride] after computing rows row_begin .. row_end-1 of it.
std::vector<float> Multiply(const Variant& variant, const Problem& p, int64_t row_begin, int64_t row_end, std::vector<float> y) {
  AlignedArray<std::byte> scratch(static_cast<int64_t>(TernaryLinearScratchBytes(p.cols, p.tokens)));
  variant.function({.codes = p.codes.at(variant.layout).data(),
                    .row_scales = p.row_scales.data(),
                    .rows = p.rows,
                    .cols = p.cols,
                    .row_begin = row_begin,
                    .row_end = row_end,
                    .x = p.x.data(),
                    .x_stride = p.x_stride,
                    .x_scales = p.x_scales.data(),
                    .x_sums = p.x_sums.data(),
                    .tokens = p.tokens,
                    .y = y.data(),
                    .y_stride = p.y_stride,
                    .scratch = scratch.data()});
  return y;
}

std::vector<float> Untouched(const Problem& p) {
  return std::vector<float>(static_cast<size_t>((p.tokens - 1) * p.y_stride + p.rows), kUntouched);
}

/// Bit equality inside the range, kUntouched outside it.
void ExpectRows(const Problem& p, const std::vector<float>& y, int64_t row_begin, int64_t row_end) {
  for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
    const int64_t token = i / p.y_stride, row = i % p.y_stride;
    const bool written = row >= row_begin && row < row_end;
    const float expected = written ? p.expected[static_cast<size_t>(token * p.rows + row)] : kUntouched;
    ASSERT_EQ(std::bit_cast<uint32_t>(y[static_cast<size_t>(i)]), std::bit_cast<uint32_t>(expected))
        << p.Name() << ", row " << row << " of token " << token << ": " << y[static_cast<size_t>(i)] << " instead of " << expected;
  }
}

/// Calls `check` with every variant of every layout that this machine can run, and with the AVX-VNNI variant in its AVX-512
/// encoding.
template <class Check>
void ForEachVariant(Check check) {
  for (const TernaryLayoutInfo& layout : TernaryLayouts()) {
    for (const auto& kernel : layout.kernels()) {
      if (!HostCpu().Contains(IsaFeatures(kernel.info.isa))) continue;
      SCOPED_TRACE(kernel.info.name);
      check(Variant{kernel.function, layout.layout});
    }
  }
#if defined(__x86_64__)
  if (HostCpu().Contains(IsaFeatures(Isa::kAvx512))) {
    SCOPED_TRACE("ternary_linear_avxvnni in AVX-512 encoding");
    check(Variant{&TernaryLinearAvxVnniEvex, TernaryLayout::kTwoBit});
  }
#endif
}

void CheckEveryVariant(const Problem& p) {
  ForEachVariant([&](const Variant& variant) { ExpectRows(p, Multiply(variant, p, 0, p.rows, Untouched(p)), 0, p.rows); });
}

TEST(TernaryLinear, EveryVariantIsExactAtEveryTileEdge) {
  for (int64_t rows : {1, 15, 16, 17, 31, 32, 33, 48, 64, 100}) {
    for (int64_t cols : {1, 15, 16, 17, 19, 20, 21, 59, 60, 61, 64, 100, 128, 255, 256, 257}) {
      for (int64_t tokens : {1, 2, 3, 4, 5, 33, 45}) CheckEveryVariant(Problem(rows, cols, tokens, Fill::kRandom));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(TernaryLinear, EveryVariantIsExactForEveryGroupingOfTokens) {
  for (int64_t tokens = 1; tokens <= 66; ++tokens) {
    for (int64_t rows : {16, 33, 64}) CheckEveryVariant(Problem(rows, 80, tokens, Fill::kRandom));
    if (HasFatalFailure()) return;
  }
  for (int64_t tokens : {191, 192, 193, 200, 385}) CheckEveryVariant(Problem(50, 36, tokens, Fill::kRandom));
}

TEST(TernaryLinear, EveryVariantIsExactForTheShapesOfModels) {
  for (int64_t cols : {640, 2560, 6912}) {
    for (int64_t tokens : {1, 2, 7, 12, 32, 64}) CheckEveryVariant(Problem(40, cols, tokens, Fill::kRandom));
  }
}

TEST(TernaryLinear, SumsHoldTheExtremesAroundEveryWideningBound) {
  for (int64_t lines : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65}) {
    for (int64_t tokens : {1, 2, 3, 4, 5, 9, 33, 36}) {
      for (Fill fill : kExtremes) {
        CheckEveryVariant(Problem(48, lines * kTernaryLineCols, tokens, fill));
        CheckEveryVariant(Problem(16, lines * kFiveTritLineCols, tokens, fill));
      }
      if (HasFatalFailure()) return;
    }
  }
}

TEST(TernaryLinear, RowRangesGiveTheWholeAndLeaveTheRestUntouched) {
  const int64_t bounds[] = {0, 16, 64, 80, 100};
  for (int64_t tokens : {1, 4, 6, 32, 40}) {
    const Problem p(100, 200, tokens, Fill::kRandom);
    ForEachVariant([&](const Variant& variant) {
      std::vector<float> y = Untouched(p);
      for (size_t i = 0; i + 1 < std::size(bounds); ++i) {
        ExpectRows(p, Multiply(variant, p, bounds[i], bounds[i + 1], Untouched(p)), bounds[i], bounds[i + 1]);
        y = Multiply(variant, p, bounds[i], bounds[i + 1], std::move(y));
      }
      ExpectRows(p, y, 0, p.rows);
      ExpectRows(p, Multiply(variant, p, 16, 16, Untouched(p)), 16, 16);
    });
  }
}

TEST(TernaryLinear, TheLongestRowsStayBelowTheBoundOfInt32) {
  for (int64_t tokens : {1, 2, 5}) {
    const Problem p(3, int64_t{1} << 22, tokens, Fill::kPlusByPlus);
    CheckEveryVariant(p);
    ASSERT_EQ(p.x_sums[0], 127 << 22);
  }
}

TEST(TernaryLinear, ScratchIsNeededForManyTokensOnlyAndStopsGrowing) {
  EXPECT_EQ(TernaryLinearScratchBytes(2560, 1), 0u);
  EXPECT_EQ(TernaryLinearScratchBytes(2560, 32), 0u);
  EXPECT_EQ(TernaryLinearScratchBytes(2550, 33), 2560u * (32 + 33));
  EXPECT_EQ(TernaryLinearScratchBytes(17, 33), 64u * 2 * 8 + 33 * 32);
  EXPECT_EQ(TernaryLinearScratchBytes(20 * 7 + 1, 33), 64u * 2 * 40 + 33 * 144);  // eight lines of five groups, nine of four
  EXPECT_EQ(TernaryLinearScratchBytes(2560, 100000), 2560u * (32 + 192));
}

TEST(TernaryLinear, EachLevelSelectsItsOwnFunction) {
  const auto selected = [](Isa isa) { return SelectKernel(TernaryLinearKernels(), isa).function; };
  EXPECT_EQ(selected(Isa::kRef), &TernaryLinearRef);
#if defined(__x86_64__)
  EXPECT_EQ(selected(Isa::kAvx2), &TernaryLinearAvx2);
  EXPECT_EQ(selected(Isa::kAvxVnni), &TernaryLinearAvxVnni);
  EXPECT_EQ(selected(Isa::kAvx512), &TernaryLinearAvx512);
  EXPECT_EQ(selected(Isa::kAvx512Vbmi), &TernaryLinearAvx512);
  EXPECT_EQ(SelectKernel(FiveTritLinearKernels(), Isa::kAvx512).function, &FiveTritLinearRef);
  EXPECT_EQ(SelectKernel(FiveTritLinearKernels(), Isa::kAvx512Vbmi).function, &FiveTritLinearAvx512Vbmi);
#elif defined(__aarch64__)
  EXPECT_EQ(selected(Isa::kNeon), &TernaryLinearNeon);
  EXPECT_EQ(selected(Isa::kNeonDotprod), &TernaryLinearNeonDotprod);
  EXPECT_EQ(selected(Isa::kNeonI8mm), &TernaryLinearNeonI8mm);
#endif
}

}  // namespace
}  // namespace sterna
