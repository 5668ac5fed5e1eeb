// Every variant against the reference, to the bit, and what encoding promises.
#include "kernels/screen/variants.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "kernels/dense/guarded_array.h"
#include "kernels/kernel_testing.h"

namespace sterna {
namespace {

/// Rows and inputs in memory that ends where the contract says.
class Screened {
 public:
  Screened(int64_t rows, int64_t cols, int64_t tokens, uint64_t seed, float spread)
      : rows_(rows), cols_(cols), bytes_(rows * ScreenRowBytes(cols) + kScreenPadding) {
    for (int64_t r = 0; r < rows; ++r) {
      std::vector<float> row = NormalFloats(cols, seed + static_cast<uint64_t>(r));
      // Groups of very different size.
      for (int64_t c = 0; c < cols; ++c) row[static_cast<size_t>(c)] *= std::exp(spread * static_cast<float>(c / 32 % 5 - 2));
      EXPECT_TRUE(EncodeScreenRow(row, bytes_.data() + r * ScreenRowBytes(cols)));
    }
    for (int64_t t = 0; t < tokens; ++t) {
      const std::vector<float> x = NormalFloats(cols, seed + 1000 + static_cast<uint64_t>(t), 3.0f);
      memory_.push_back(std::make_unique<GuardedArray<std::byte>>(static_cast<int64_t>((ScreenInputBytes(cols) + 63) / 64 * 64)));
      inputs_.push_back(ScreenInputAt(memory_.back()->data(), cols));
      EXPECT_TRUE(PrepareScreenInput(x.data(), cols, &inputs_.back()));
    }
  }

  std::vector<uint32_t> Run(ScreenFunction function, std::vector<int64_t> cuts) const {
    const int64_t stride = rows_ + 3;
    const auto size = static_cast<size_t>(stride) * inputs_.size();
    std::vector<float> lower(size, 7.0f), upper(size, 7.0f);
    cuts.push_back(rows_);
    int64_t begin = 0;
    for (const int64_t end : cuts) {
      function({.rows = bytes_.data(),
                .cols = cols_,
                .row_begin = begin,
                .row_end = end,
                .inputs = inputs_.data(),
                .tokens = static_cast<int64_t>(inputs_.size()),
                .lower = lower.data(),
                .upper = upper.data(),
                .stride = stride});
      begin = end;
    }
    lower.insert(lower.end(), upper.begin(), upper.end());
    return Bits(lower);
  }

 private:
  int64_t rows_, cols_;
  GuardedArray<std::byte> bytes_;
  std::vector<std::unique_ptr<GuardedArray<std::byte>>> memory_;
  std::vector<ScreenInput> inputs_;
};

TEST(Screen, EveryVariantEqualsTheReferenceAtEveryTileEdge) {
  for (const int64_t cols : {1, 31, 32, 33, 64, 65, 160, 256, 257, 512, 513, 576, 1088, 2560}) {
    for (const int64_t rows : {1, 2, 3, 4, 5, 9}) {
      const Screened screened(rows, cols, /*tokens=*/3, /*seed=*/static_cast<uint64_t>(cols * 100 + rows), 0.7f);
      const std::vector<uint32_t> expected = screened.Run(ScreenRef, {});
      for (const auto& kernel : RunnableKernels(ScreenKernels())) {
        EXPECT_EQ(screened.Run(kernel.function, {}), expected) << kernel.info.name << " " << rows << " x " << cols;
        if (rows > 3) {
          EXPECT_EQ(screened.Run(kernel.function, {1, 3}), expected) << kernel.info.name << " " << rows << " x " << cols;
        }
      }
    }
  }
}

TEST(Screen, ExtremeCodesAndActivationsOverflowNowhere) {
  constexpr int64_t kCols = 1088, kRows = 6;
  GuardedArray<std::byte> bytes(kRows * ScreenRowBytes(kCols) + kScreenPadding);
  for (int64_t r = 0; r < kRows; ++r) {
    std::vector<float> row(kCols);
    for (int64_t c = 0; c < kCols; ++c) row[static_cast<size_t>(c)] = (r == 0 || (r > 1 && c % r == 0) ? 31.0f : -32.0f) * 0x1p30f;
    ASSERT_TRUE(EncodeScreenRow(row, bytes.data() + r * ScreenRowBytes(kCols)));
  }
  for (const int kind : {0, 1, 2}) {
    std::vector<float> x(kCols);
    for (int64_t c = 0; c < kCols; ++c) x[static_cast<size_t>(c)] = (kind == 0 || (kind == 2 && c % 2 == 0)) ? 0x1p50f : -0x1p50f;
    GuardedArray<std::byte> memory(static_cast<int64_t>((ScreenInputBytes(kCols) + 63) / 64 * 64));
    ScreenInput input = ScreenInputAt(memory.data(), kCols);
    ASSERT_TRUE(PrepareScreenInput(x.data(), kCols, &input));
    std::vector<std::vector<uint32_t>> outputs;
    for (const auto& kernel : RunnableKernels(ScreenKernels())) {
      std::vector<float> bounds(2 * kRows);
      kernel.function({.rows = bytes.data(),
                       .cols = kCols,
                       .row_begin = 0,
                       .row_end = kRows,
                       .inputs = &input,
                       .tokens = 1,
                       .lower = bounds.data(),
                       .upper = bounds.data() + kRows,
                       .stride = kRows});
      for (const float bound : bounds) EXPECT_TRUE(std::isfinite(bound));
      outputs.push_back(Bits(bounds));
      EXPECT_EQ(outputs.back(), outputs.front()) << kernel.info.name;
    }
  }
}

TEST(Screen, WhatNoBoundCoversIsRefused) {
  constexpr int64_t kCols = 70;
  const auto infinity = std::numeric_limits<float>::infinity();
  GuardedArray<std::byte> bytes(ScreenRowBytes(kCols));
  GuardedArray<std::byte> memory(static_cast<int64_t>((ScreenInputBytes(kCols) + 63) / 64 * 64));
  ScreenInput input = ScreenInputAt(memory.data(), kCols);
  std::vector<float> values = NormalFloats(kCols, 3);
  EXPECT_TRUE(EncodeScreenRow(values, bytes.data()));
  EXPECT_TRUE(PrepareScreenInput(values.data(), kCols, &input));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 0x1.000002p50f, -0x1.8p50f}) {
    for (const size_t at : {size_t{0}, size_t{33}, size_t{kCols - 1}}) {
      std::vector<float> changed = values;
      changed[at] = bad;
      EXPECT_FALSE(EncodeScreenRow(changed, bytes.data())) << bad;
      EXPECT_FALSE(PrepareScreenInput(changed.data(), kCols, &input)) << bad;
    }
  }
}

TEST(Screen, ARowTakesAboutFourTenthsOfItsHalfPrecisionBytes) {
  EXPECT_EQ(ScreenRowBytes(576), 480);
  EXPECT_EQ(ScreenRowBytes(2560), 2092);
  EXPECT_LT(static_cast<double>(ScreenRowBytes(2560)) / (2 * 2560), 0.41);
}

}  // namespace
}  // namespace sterna
