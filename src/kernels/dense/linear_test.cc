#include "kernels/dense/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/half.h"
#include "kernels/dense/guarded_array.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

constexpr DType kTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16,  DType::kF64,   DType::kQ8_0, DType::kQ4_0,
                            DType::kQ4_1, DType::kQ6_K, DType::kTQ1_0, DType::kTQ2_0, DType::kI2_S};

enum class Fill {
  kRandom,     // weights around 0.02, activations around 1
  kBits,       // any finite bits as weights and as scales of blocks; activations over many powers of two
  kLargest,    // every weight and scale at its largest magnitude, alternating in sign
  kUnderflow,  // products below half the smallest denormal; in plain types all negative, so that every sum is -0
};
constexpr Fill kFills[] = {Fill::kRandom, Fill::kBits, Fill::kLargest, Fill::kUnderflow};

uint16_t ScaleBits(Fill fill, std::mt19937& random) {
  switch (fill) {
    case Fill::kRandom:
      return FloatToF16(0.001f * static_cast<float>(random() % 20 + 1));
    case Fill::kBits: {
      const auto bits = static_cast<uint16_t>(random());
      return (bits & 0x7c00u) == 0x7c00u ? bits & 0xfbffu : bits;
    }
    case Fill::kLargest:
      return static_cast<uint16_t>(0x7bffu | (random() & 1) << 15);
    default:
      return static_cast<uint16_t>((random() & 3) | (random() & 1) << 15);  // 0, -0 and the smallest denormals
  }
}

float Value(Fill fill, std::mt19937& random) {
  const float sign = (random() & 1) != 0 ? -1.0f : 1.0f;
  switch (fill) {
    case Fill::kRandom:
      return std::normal_distribution<float>(0.0f, 0.02f)(random);
    case Fill::kBits:
      return sign * std::ldexp(1.0f + static_cast<float>(random() % 1024) / 1024.0f, static_cast<int>(random() % 28) - 14);
    case Fill::kLargest:
      return sign * 65504.0f;
    default:
      return 6e-8f;  // 2^-24, the smallest denormal, in F16
  }
}

// Weights of any type, activations, outputs and scratch, each directly in front of a page without access.
class Case {
 public:
  Case(DType dtype, int64_t rows, int64_t cols, int64_t tokens, Fill fill, uint32_t seed)
      : dtype_(dtype),
        rows_(rows),
        cols_(cols),
        tokens_(tokens),
        x_stride_((cols + 15) / 16 * 16 + 16),
        weights_(*TensorBytes(dtype, std::vector<int64_t>{rows, cols})),
        x_((tokens - 1) * x_stride_ + (cols + 15) / 16 * 16 + 16),
        scratch_(static_cast<int64_t>(DenseLinearScratchBytes(cols, tokens))) {
    std::mt19937 random(seed);
    FillWeights(fill, random);
    // Behind the columns, x is readable but may hold anything.
    for (float& value : x_.values()) value = std::numeric_limits<float>::quiet_NaN();
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t c = 0; c < cols; ++c) {
        const float scale = fill == Fill::kRandom ? 50.0f : fill == Fill::kUnderflow ? -1e-31f : 1.0f;
        x_[t * x_stride_ + c] = scale * Value(fill, random);
      }
    }
  }

  // Rows begin .. end - 1 for the first `tokens` tokens; everything else in y stays NaN.
  std::vector<uint32_t> Run(const Kernel<DenseLinearFunction>& kernel, int64_t begin, int64_t end, int64_t tokens) {
    const int64_t y_stride = rows_ + 3;
    GuardedArray<float> y((std::max<int64_t>(tokens, 1) - 1) * y_stride + rows_);
    for (float& value : y.values()) value = std::numeric_limits<float>::quiet_NaN();
    for (std::byte& byte : scratch_.values()) byte = std::byte{0xff};  // what an earlier call left
    DenseLinearArgs args;
    args.weights = weights_.data();
    args.row_bytes = RowBytes(dtype_, cols_);
    args.rows = rows_;
    args.cols = cols_;
    args.row_begin = begin;
    args.row_end = end;
    args.x = x_.data();
    args.x_stride = x_stride_;
    args.tokens = tokens;
    args.y = y.data();
    args.y_stride = y_stride;
    args.scratch = scratch_.data();
    kernel.function(args);
    std::vector<uint32_t> bits;
    for (const float value : y.values()) bits.push_back(std::bit_cast<uint32_t>(value));
    return bits;
  }

  std::vector<uint32_t> Run(const Kernel<DenseLinearFunction>& kernel) { return Run(kernel, 0, rows_, tokens_); }

  std::vector<float> Weights() {
    std::vector<float> out(static_cast<size_t>(rows_ * cols_));
    EXPECT_TRUE(Dequantize(dtype_, weights_.values(), rows_, cols_, out).ok());
    return out;
  }
  float x(int64_t token, int64_t col) const { return x_[token * x_stride_ + col]; }

 private:
  void StoreF16(int64_t offset, uint16_t bits) {
    weights_[offset] = static_cast<std::byte>(bits & 0xff);
    weights_[offset + 1] = static_cast<std::byte>(bits >> 8);
  }

  void FillWeights(Fill fill, std::mt19937& random) {
    const int64_t payload = rows_ * RowBytes(dtype_, cols_);
    if (Info(dtype_).block_elements == 1) {
      for (int64_t i = 0; i < rows_ * cols_; ++i) {
        const float value = Value(fill, random);
        if (dtype_ == DType::kF32) std::memcpy(weights_.data() + 4 * i, &value, 4);
        if (dtype_ == DType::kF16) StoreF16(2 * i, FloatToF16(value));
        if (dtype_ == DType::kBF16) StoreF16(2 * i, FloatToBf16(value));
        const double wide = value;
        if (dtype_ == DType::kF64) std::memcpy(weights_.data() + 8 * i, &wide, 8);
      }
      return;
    }
    for (int64_t i = 0; i < payload; ++i) {
      weights_[i] =
          fill == Fill::kLargest ? std::byte{random() % 2 == 0 ? uint8_t{0x00} : uint8_t{0xff}} : static_cast<std::byte>(random());
    }
    const int64_t block_bytes = Info(dtype_).block_bytes;
    for (int64_t block = 0; block < payload / block_bytes; ++block) {
      const int64_t first = block * block_bytes;
      switch (dtype_) {
        case DType::kQ4_1:
          StoreF16(first + 2, ScaleBits(fill, random));
          [[fallthrough]];
        case DType::kQ8_0:
        case DType::kQ4_0:
          StoreF16(first, ScaleBits(fill, random));
          break;
        case DType::kI2_S:
          break;
        default:
          StoreF16(first + block_bytes - 2, ScaleBits(fill, random));
          break;
      }
    }
    const float scale = F16ToFloat(ScaleBits(fill, random));
    if (dtype_ == DType::kI2_S) std::memcpy(weights_.data() + payload, &scale, 4);
  }

  DType dtype_;
  int64_t rows_, cols_, tokens_, x_stride_;
  GuardedArray<std::byte> weights_;
  GuardedArray<float> x_;
  GuardedArray<std::byte> scratch_;
};

// The variants this machine can run, without the reference.
std::vector<Kernel<DenseLinearFunction>> Variants(DType dtype) {
  std::vector<Kernel<DenseLinearFunction>> out;
  for (const auto& kernel : DenseLinearKernels(dtype).subspan(1)) {
    if (HostCpu().Contains(IsaFeatures(kernel.info.isa))) {
      out.push_back(kernel);
    } else {
      ::testing::Test::RecordProperty("skipped", kernel.info.name);
    }
  }
  return out;
}

// Multiples of the type's block at the edges of blocks, chunks and column blocks; for plain types any number.
std::vector<int64_t> ColsOf(DType dtype) {
  std::vector<int64_t> cols;
  for (const int64_t c : {1, 15, 16, 17, 32, 64, 96, 100, 128, 256, 384, 512, 576, 640, 656, 700, 1280, 1301, 1536}) {
    if (c % Info(dtype).block_elements == 0) cols.push_back(c);
  }
  return cols;
}

class DenseLinear : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, DenseLinear, testing::ValuesIn(kTypes),
                         [](const auto& info) { return std::string(Name(info.param)); });

TEST_P(DenseLinear, EveryVariantEqualsTheReferenceForAnyColumnsAndTokens) {
  constexpr int64_t kRows = 9, kTokens = 33;
  for (const int64_t cols : ColsOf(GetParam())) {
    for (const Fill fill : kFills) {
      Case c(GetParam(), kRows, cols, kTokens, fill, 1);
      const std::vector<uint32_t> expected = c.Run(DenseLinearKernels(GetParam()).front());
      for (int64_t i = 0; i < kRows * kTokens; ++i) {
        ASSERT_TRUE(std::isfinite(std::bit_cast<float>(expected[static_cast<size_t>(i / kRows * (kRows + 3) + i % kRows)])));
      }
      for (const auto& kernel : Variants(GetParam())) {
        for (const int64_t tokens : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 33}) {
          const std::vector<uint32_t> found = c.Run(kernel, 0, kRows, tokens);
          ASSERT_TRUE(std::equal(found.begin(), found.end(), expected.begin()))
              << kernel.info.name << ", " << cols << " columns, " << tokens << " tokens, fill " << static_cast<int>(fill);
        }
      }
    }
  }
}

TEST_P(DenseLinear, AnyRangeOfRowsGivesTheSameBitsAndTouchesNothingElse) {
  constexpr int64_t kRows = 37, kTokens = 5;
  Case c(GetParam(), kRows, 256, kTokens, Fill::kRandom, 2);
  const std::vector<uint32_t> all = c.Run(DenseLinearKernels(GetParam()).front());
  const uint32_t untouched = std::bit_cast<uint32_t>(std::numeric_limits<float>::quiet_NaN());
  for (const auto& kernel : DenseLinearKernels(GetParam())) {
    if (!HostCpu().Contains(IsaFeatures(kernel.info.isa))) continue;
    for (const int64_t begin : {0, 1, 3, 16, 30, 36}) {
      for (const int64_t end : {begin, begin + 1, begin + 2, begin + 3, begin + 4, begin + 7, begin + 17, kRows}) {
        if (end > kRows) continue;
        for (const int64_t tokens : {1, 2, 5}) {
          const std::vector<uint32_t> found = c.Run(kernel, begin, end, tokens);
          for (size_t i = 0; i < found.size(); ++i) {
            const int64_t row = static_cast<int64_t>(i) % (kRows + 3);
            ASSERT_EQ(found[i], row >= begin && row < end ? all[i] : untouched)
                << kernel.info.name << ", rows " << begin << ".." << end << ", " << tokens << " tokens, at " << i;
          }
        }
      }
    }
  }
}

TEST_P(DenseLinear, ManyRowsAndNumbersOfRowsEqualTheReference) {
  for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 33}) {
    Case c(GetParam(), rows, 1280, 7, Fill::kBits, static_cast<uint32_t>(rows));
    const std::vector<uint32_t> expected = c.Run(DenseLinearKernels(GetParam()).front());
    for (const auto& kernel : Variants(GetParam()))
      ASSERT_EQ(c.Run(kernel), expected) << kernel.info.name << ", " << rows << " rows";
  }
}

TEST_P(DenseLinear, NoTokensMeanNoWork) {
  Case c(GetParam(), 5, 256, 1, Fill::kRandom, 5);
  const std::vector<uint32_t> untouched(5, std::bit_cast<uint32_t>(std::numeric_limits<float>::quiet_NaN()));
  for (const auto& kernel : Variants(GetParam())) EXPECT_EQ(c.Run(kernel, 0, 5, 0), untouched) << kernel.info.name;
}

// The contract's bound, for the reference (all others have its bits): (cols / 16 + 5) * 2^-24 * sum |w x|.
TEST_P(DenseLinear, ErrorStaysWithinTheBoundOfTheContract) {
  constexpr int64_t kRows = 8, kCols = 1536, kTokens = 3;
  for (const Fill fill : {Fill::kRandom, Fill::kBits}) {
    Case c(GetParam(), kRows, kCols, kTokens, fill, 4);
    const std::vector<float> weights = c.Weights();
    const std::vector<uint32_t> found = c.Run(DenseLinearKernels(GetParam()).front());
    for (int64_t t = 0; t < kTokens; ++t) {
      for (int64_t r = 0; r < kRows; ++r) {
        double sum = 0, magnitude = 0;
        for (int64_t col = 0; col < kCols; ++col) {
          const double product = static_cast<double>(weights[static_cast<size_t>(r * kCols + col)]) * c.x(t, col);
          sum += product;
          magnitude += std::fabs(product);
        }
        const float y = std::bit_cast<float>(found[static_cast<size_t>(t * (kRows + 3) + r)]);
        EXPECT_LE(std::fabs(y - sum), (kCols / 16 + 5) * 0x1p-24 * magnitude * 1.0001) << "token " << t << ", row " << r;
        EXPECT_GT(magnitude, 0);
      }
    }
  }
}

// What the order of sums decides: 1 + 2^-24 in one lane is lost, in two lanes it is not.
TEST(DenseLinearOrder, SumsSixteenLanesThenHalves) {
  const auto run = [](const std::vector<float>& x) {
    GuardedArray<float> w(static_cast<int64_t>(x.size())), xs(static_cast<int64_t>(x.size()) + 16);
    for (float& value : w.values()) value = 1.0f;
    std::copy(x.begin(), x.end(), xs.data());
    GuardedArray<std::byte> scratch(static_cast<int64_t>(DenseLinearScratchBytes(static_cast<int64_t>(x.size()), 1)));
    float y = 0;
    const auto cols = static_cast<int64_t>(x.size());
    const DenseLinearArgs args{.weights = reinterpret_cast<const std::byte*>(w.data()),
                               .row_bytes = 4 * cols,
                               .rows = 1,
                               .cols = cols,
                               .row_begin = 0,
                               .row_end = 1,
                               .x = xs.data(),
                               .x_stride = cols,
                               .tokens = 1,
                               .y = &y,
                               .y_stride = 1,
                               .scratch = scratch.data()};
    DenseLinearKernels(DType::kF32).front().function(args);
    return y;
  };
  std::vector<float> x(64, 0.0f);
  x[0] = 1.0f;
  x[16] = x[32] = 0x1p-24f;  // the same lane, after the 1: each rounds to the even 1
  EXPECT_EQ(run(x), 1.0f);
  x[16] = x[32] = 0;
  x[1] = x[17] = 0x1p-24f;  // a lane of its own: 2^-23 survives
  EXPECT_EQ(run(x), 1.0f + 0x1p-23f);
  x[1] = x[17] = 0;
  x[8] = x[4] = 0x1p-24f;  // 0 + 8 is added before 0 + 4: both are lost
  EXPECT_EQ(run(x), 1.0f);
  x[8] = 0;
  x[12] = 0x1p-24f;  // 4 + 12 meet first: kept
  EXPECT_EQ(run(x), 1.0f + 0x1p-23f);
}

TEST(DenseLinearList, StartsWithTheReferenceAndNamesAreUnique) {
  std::vector<std::string> names;
  for (const DType dtype : kTypes) {
    const auto list = DenseLinearKernels(dtype);
    ASSERT_FALSE(list.empty());
    EXPECT_EQ(list.front().info.isa, Isa::kRef);
    for (const auto& kernel : list) names.push_back(kernel.info.name);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_TRUE(DenseLinearKernels(DType::kI32).empty());
}

}  // namespace
}  // namespace sterna
