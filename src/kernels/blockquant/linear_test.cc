#include "kernels/blockquant/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "base/half.h"
#include "kernels/blockquant/quantize.h"
#include "kernels/dense/guarded_array.h"
#include "kernels/kernel_testing.h"
#include "kernels/ternary/aligned_array.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

constexpr DType kTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K};

// The fewest columns that are not below `cols` and that rows of this type can have.
int64_t Columns(DType dtype, int64_t cols) {
  const int64_t block = Info(dtype).block_elements;
  return (cols + block - 1) / block * block;
}

enum class Fill {
  kRandom,     // weights around 0.02, quantized activations around 1
  kLargest,    // every code, step and scale at an end of its range
  kSaturate,   // as kLargest, without changes of sign in a block: sums of 4 are as large as they get
  kUnderflow,  // denormal f16 scales, denormal or vanishing products
  kInfinite,   // infinite scales of activations, positive products
};
constexpr Fill kFills[] = {Fill::kRandom, Fill::kLargest, Fill::kSaturate, Fill::kUnderflow};

constexpr int64_t kQ6KGroupScales = 192, kQ6KScale = 208;  // offsets in a block of 256 weights

constexpr uint32_t kUntouched = 0x7fc0beefu;  // a NaN that no kernel writes

// Weights, activations and outputs, each directly in front of a page without access.
class Case {
 public:
  Case(DType dtype, int64_t rows, int64_t cols, int64_t tokens, Fill fill, uint32_t seed)
      : dtype_(dtype),
        rows_(rows),
        cols_(cols),
        blocks_(cols / kQuantBlock),
        q_stride_((cols + 63) / 64 * 64 + 64),
        scale_stride_(blocks_ + 1),
        weights_(rows * RowBytes(dtype, cols)),
        tiles_(BlockTilesBytes(dtype, rows, cols)),
        // Rows are 64-byte aligned: behind an odd number of blocks lie 32 bytes of -128, which must not count.
        q_((tokens - 1) * q_stride_ + (cols + 63) / 64 * 64),
        scales_((tokens - 1) * scale_stride_ + blocks_),
        sums_((tokens - 1) * scale_stride_ + blocks_),
        group_sums_(2 * ((tokens - 1) * scale_stride_ + blocks_)) {
    std::mt19937 random(seed);
    FillWeights(fill, random);
    PackTiles();
    std::fill_n(q_.data(), q_.values().size(), int8_t{-128});
    std::fill_n(scales_.data(), scales_.values().size(), std::numeric_limits<float>::quiet_NaN());
    std::fill_n(sums_.data(), sums_.values().size(), std::numeric_limits<float>::quiet_NaN());
    for (int64_t t = 0; t < tokens; ++t) FillActivations(fill, t, random);
  }

  // Rows begin .. end - 1 for the first `tokens` tokens, as bits.
  std::vector<uint32_t> Run(const Kernel<BlockLinearFunction>& kernel, int64_t begin, int64_t end, int64_t tokens) {
    GuardedArray<float> y((std::max<int64_t>(tokens, 1) - 1) * y_stride() + rows_);
    for (float& value : y.values()) value = std::bit_cast<float>(kUntouched);
    BlockLinearArgs args;
    args.tiles = tiles_.data();
    args.rows = rows_;
    args.cols = cols_;
    args.row_begin = begin;
    args.row_end = end;
    args.q = q_.data();
    args.q_stride = q_stride_;
    args.scales = scales_.data();
    args.sums = dtype_ == DType::kQ4_1 ? sums_.data() : nullptr;
    args.group_sums = group_sums_.data();
    args.scale_stride = scale_stride_;
    args.tokens = tokens;
    args.y = y.data();
    args.y_stride = y_stride();
    kernel.function(args);
    return Bits(y.values());
  }

  int64_t y_stride() const { return rows_ + 3; }

  // y in exact arithmetic, and what its bound is relative to: the sums of the magnitudes of the products and of the offsets.
  struct Exact {
    double value = 0, products = 0, offsets = 0;
  };
  Exact ExactOutput(int64_t row, int64_t token) const {
    Exact exact;
    std::vector<float> w(static_cast<size_t>(rows_ * cols_));
    EXPECT_TRUE(Dequantize(dtype_, {weights_.data(), static_cast<size_t>(rows_ * RowBytes(dtype_, cols_))}, rows_, cols_, w).ok());
    for (int64_t b = 0; b < blocks_; ++b) {
      const std::byte* row_bytes = weights_.data() + row * RowBytes(dtype_, cols_);
      const std::byte* block = row_bytes + b * kQuantBlock / Info(dtype_).block_elements * Info(dtype_).block_bytes;
      const double m = dtype_ == DType::kQ4_1 ? F16At(block + 2) : 0.0;
      const double offset = m == 0 ? 0 : m * sums_[token * scale_stride_ + b];
      exact.value += offset;
      exact.offsets += std::fabs(offset);
      for (int64_t half = 0; half < 2; ++half) {
        double sum = 0;
        for (int64_t c = kQuantBlock * b + 16 * half; c < kQuantBlock * b + 16 * half + 16; ++c) {
          const double d = Step(block, c);
          // Dequantize rounds code * d + m once; the code is the nearest integer.
          const double code = d == 0 ? 0 : std::nearbyint((static_cast<double>(w[static_cast<size_t>(row * cols_ + c)]) - m) / d);
          sum += d * code * scales_[token * scale_stride_ + b] * q_[token * q_stride_ + c];
        }
        exact.value += sum;
        exact.products += std::fabs(sum);
      }
    }
    return exact;
  }

 private:
  // The factor of the code in column c, a column of this block.
  double Step(const std::byte* block, int64_t c) const {
    if (dtype_ != DType::kQ6_K) return F16At(block);
    return F16At(block + kQ6KScale) * static_cast<double>(static_cast<int8_t>(block[kQ6KGroupScales + c % 256 / 16]));
  }
  static float F16At(const std::byte* bytes) {
    uint16_t half;
    std::memcpy(&half, bytes, sizeof(half));
    return F16ToFloat(half);
  }
  static void StoreF16(std::byte* bytes, float value) {
    const uint16_t half = FloatToF16(value);
    std::memcpy(bytes, &half, sizeof(half));
  }
  static float WeightScale(Fill fill, std::mt19937& random) {
    const float sign = (random() & 1) != 0 ? -1.0f : 1.0f;
    if (fill == Fill::kRandom) return 0.001f * static_cast<float>(random() % 20 + 1) * sign;
    if (fill == Fill::kUnderflow) return 0x1p-24f * static_cast<float>(random() % 4) * sign;
    if (fill == Fill::kInfinite) return 1.0f;
    return 65504.0f * sign;
  }

  void FillWeights(Fill fill, std::mt19937& random) {
    const int64_t block_bytes = Info(dtype_).block_bytes;
    const bool is_q8 = dtype_ == DType::kQ8_0;
    // Codes at the ends of their range: -128 and 127, or nibbles 0 and 15.
    const std::byte ends[2] = {is_q8 ? std::byte{0x80} : std::byte{0x00}, is_q8 ? std::byte{0x7f} : std::byte{0xff}};
    for (int64_t first = 0; first < static_cast<int64_t>(weights_.values().size()); first += block_bytes) {
      std::byte* block = weights_.data() + first;
      const size_t end = fill == Fill::kInfinite ? 1 : random() % 2;
      for (int64_t i = 0; i < block_bytes; ++i) {
        if (fill == Fill::kSaturate || fill == Fill::kInfinite) {
          block[i] = ends[end];
        } else {
          block[i] = fill == Fill::kLargest ? ends[random() % 2] : static_cast<std::byte>(random());
        }
      }
      if (dtype_ == DType::kQ6_K) {
        if (fill == Fill::kInfinite || fill == Fill::kUnderflow) std::fill_n(block + kQ6KGroupScales, 16, std::byte{1});
        if (fill == Fill::kLargest || fill == Fill::kSaturate) {
          for (int64_t i = 0; i < 16; ++i) block[kQ6KGroupScales + i] = random() % 2 != 0 ? std::byte{0x80} : std::byte{0x7f};
        }
        StoreF16(block + kQ6KScale, WeightScale(fill, random));
        continue;
      }
      StoreF16(block, WeightScale(fill, random));
      if (dtype_ == DType::kQ4_1) StoreF16(block + 2, WeightScale(fill, random));
    }
  }

  void PackTiles() {
    const int64_t row_bytes = RowBytes(dtype_, cols_), tile_bytes = BlockTile(dtype_, cols_).end;
    for (int64_t row = 0; row < rows_; row += kBlockTileRows) {
      std::vector<const std::byte*> rows;
      for (int64_t r = row; r < std::min(rows_, row + kBlockTileRows); ++r) rows.push_back(weights_.data() + r * row_bytes);
      PackBlockTile(dtype_, rows, cols_, tiles_.data() + row / kBlockTileRows * tile_bytes);
    }
  }

  void FillActivations(Fill fill, int64_t token, std::mt19937& random) {
    int8_t* q = q_.data() + token * q_stride_;
    float* scales = scales_.data() + token * scale_stride_;
    float* sums = sums_.data() + token * scale_stride_;
    int32_t* group_sums = group_sums_.data() + 2 * token * scale_stride_;
    if (fill == Fill::kRandom) {
      const std::vector<float> x = NormalFloats(cols_, random());
      BlockQuantizeKernels().front().function(
          {.x = x.data(), .n = cols_, .q = q, .scales = scales, .sums = sums, .group_sums = group_sums});
      return;
    }
    for (int64_t b = 0; b < blocks_; ++b) {
      const bool positive = fill == Fill::kInfinite || random() % 2 != 0;
      for (int64_t j = 0; j < kQuantBlock; ++j) {
        const bool up = fill == Fill::kSaturate || fill == Fill::kInfinite ? positive : random() % 2 != 0;
        q[kQuantBlock * b + j] = up ? int8_t{127} : int8_t{-127};
      }
      for (int64_t half = 0; half < 2; ++half) {
        group_sums[2 * b + half] = std::accumulate(q + kQuantBlock * b + 16 * half, q + kQuantBlock * b + 16 * half + 16, 0);
      }
      scales[b] = fill == Fill::kUnderflow ? 1e-40f : 65504.0f;
      if (fill == Fill::kInfinite) scales[b] = std::numeric_limits<float>::infinity();
      sums[b] = fill == Fill::kUnderflow ? -1e-40f : 65504.0f;
    }
  }

  DType dtype_;
  int64_t rows_, cols_, blocks_, q_stride_, scale_stride_;
  GuardedArray<std::byte> weights_, tiles_;
  GuardedArray<int8_t> q_;
  GuardedArray<float> scales_, sums_;
  GuardedArray<int32_t> group_sums_;
};

class BlockLinear : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, BlockLinear, testing::ValuesIn(kTypes),
                         [](const auto& info) { return std::string(Name(info.param)); });

TEST_P(BlockLinear, EveryVariantEqualsTheReferenceForAnyColumnsAndTokens) {
  constexpr int64_t kRows = 25, kTokens = 33;
  for (const int64_t wanted : {32, 64, 96, 576, 1536}) {
    const int64_t cols = Columns(GetParam(), wanted);
    for (const Fill fill : kFills) {
      Case c(GetParam(), kRows, cols, kTokens, fill, 1);
      const std::vector<uint32_t> expected = c.Run(BlockLinearKernels(GetParam()).front(), 0, kRows, kTokens);
      for (int64_t i = 0; i < kRows * kTokens; ++i) {
        ASSERT_TRUE(std::isfinite(std::bit_cast<float>(expected[static_cast<size_t>(i / kRows * c.y_stride() + i % kRows)])));
      }
      for (const auto& kernel : RunnableKernels(BlockLinearKernels(GetParam()))) {
        for (const int64_t tokens : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 33}) {
          const std::vector<uint32_t> found = c.Run(kernel, 0, tokens == 0 ? 0 : kRows, tokens);
          if (tokens == 0) {
            ASSERT_EQ(found, std::vector<uint32_t>(kRows, kUntouched));
          } else {
            ASSERT_TRUE(std::equal(found.begin(), found.end(), expected.begin()))
                << kernel.info.name << ", " << cols << " columns, " << tokens << " tokens, fill " << static_cast<int>(fill);
          }
        }
      }
    }
  }
}

TEST_P(BlockLinear, AnyRangeOfRowsGivesTheSameBitsAndTouchesNothingElse) {
  constexpr int64_t kRows = 57, kTokens = 5;
  Case c(GetParam(), kRows, Columns(GetParam(), 96), kTokens, Fill::kRandom, 2);
  const std::vector<uint32_t> all = c.Run(BlockLinearKernels(GetParam()).front(), 0, kRows, kTokens);
  for (const auto& kernel : RunnableKernels(BlockLinearKernels(GetParam()))) {
    for (const int64_t begin : {0, 16, 32, 48}) {
      for (const int64_t end : {begin, begin + 16, begin + 32, kRows}) {
        if (end > kRows) continue;
        for (const int64_t tokens : {1, 2, 5}) {
          const std::vector<uint32_t> found = c.Run(kernel, begin, end, tokens);
          for (size_t i = 0; i < found.size(); ++i) {
            const int64_t row = static_cast<int64_t>(i) % c.y_stride();
            ASSERT_EQ(found[i], row >= begin && row < end ? all[i] : kUntouched)
                << kernel.info.name << ", rows " << begin << ".." << end << ", " << tokens << " tokens, at " << i;
          }
        }
      }
    }
  }
}

TEST_P(BlockLinear, AnyNumberOfRowsEqualsTheReference) {
  for (const int64_t rows : {1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 33}) {
    for (const int64_t tokens : {1, 2, 3, 7}) {
      Case c(GetParam(), rows, Columns(GetParam(), 576), tokens, Fill::kRandom, static_cast<uint32_t>(rows));
      const std::vector<uint32_t> expected = c.Run(BlockLinearKernels(GetParam()).front(), 0, rows, tokens);
      for (const auto& kernel : RunnableKernels(BlockLinearKernels(GetParam()))) {
        ASSERT_EQ(c.Run(kernel, 0, rows, tokens), expected) << kernel.info.name << ", " << rows << " rows, " << tokens << " tokens";
      }
    }
  }
}

TEST_P(BlockLinear, InfiniteScalesGiveInfinity) {
  for (const int64_t wanted : {32, 64, 96, 160}) {
    const int64_t cols = Columns(GetParam(), wanted);
    Case c(GetParam(), 5, cols, 5, Fill::kInfinite, 3);
    for (const auto& kernel : RunnableKernels(BlockLinearKernels(GetParam()))) {
      const std::vector<uint32_t> found = c.Run(kernel, 0, 5, 5);
      for (int64_t i = 0; i < 25; ++i) {
        const float y = std::bit_cast<float>(found[static_cast<size_t>(i / 5 * c.y_stride() + i % 5)]);
        ASSERT_EQ(y, std::numeric_limits<float>::infinity()) << kernel.info.name << ", " << cols << " columns";
      }
    }
  }
}

// The contract's bound, for the reference (all others have its bits).
TEST_P(BlockLinear, ErrorStaysWithinTheBoundOfTheContract) {
  constexpr int64_t kRows = 3, kCols = 1536, kTokens = 3;
  Case c(GetParam(), kRows, kCols, kTokens, Fill::kRandom, 4);
  const std::vector<uint32_t> found = c.Run(BlockLinearKernels(GetParam()).front(), 0, kRows, kTokens);
  for (int64_t t = 0; t < kTokens; ++t) {
    for (int64_t r = 0; r < kRows; ++r) {
      const Case::Exact exact = c.ExactOutput(r, t);
      const float y = std::bit_cast<float>(found[static_cast<size_t>(t * c.y_stride() + r)]);
      const bool has_two = GetParam() == DType::kQ6_K || GetParam() == DType::kQ4_1;
      const double additions = static_cast<double>(kCols) / (has_two ? 16 : 32);
      const double bound = (additions + 2) * kRounding * (exact.products + exact.offsets);
      EXPECT_LE(std::fabs(y - exact.value), bound * 1.0001) << "token " << t << ", row " << r;
      EXPECT_GT(exact.products, 0);
    }
  }
}

// What the order of sums decides: 2^-24 is lost beside 1, twice of it is not.
TEST(BlockLinearOrder, BlocksAreAddedInOrder) {
  const auto run = [](const Kernel<BlockLinearFunction>& kernel, const std::vector<float>& products) {
    // One code of 1 in each block, at element 0: the blocks' sums are the scales.
    const auto blocks = static_cast<int64_t>(products.size());
    std::vector<std::byte> row(static_cast<size_t>(34 * blocks));
    GuardedArray<int8_t> q(kQuantBlock * blocks);
    std::vector<int32_t> group_sums(static_cast<size_t>(2 * blocks));
    for (int64_t b = 0; b < blocks; ++b) {
      row[static_cast<size_t>(34 * b + 1)] = std::byte{0x3c};  // 1.0
      row[static_cast<size_t>(34 * b + 2)] = std::byte{1};
      q[kQuantBlock * b] = 1;
      group_sums[static_cast<size_t>(2 * b)] = 1;
    }
    AlignedArray<std::byte> tiles(BlockTilesBytes(DType::kQ8_0, 1, kQuantBlock * blocks));
    const std::byte* const rows[] = {row.data()};
    PackBlockTile(DType::kQ8_0, rows, kQuantBlock * blocks, tiles.data());
    float y = 0;
    BlockLinearArgs args{};
    args.tiles = tiles.data();
    args.rows = args.row_end = 1;
    args.cols = kQuantBlock * blocks;
    args.q = q.data();
    args.q_stride = args.cols;
    args.scales = products.data();
    args.group_sums = group_sums.data();
    args.scale_stride = blocks;
    args.tokens = 1;
    args.y = &y;
    args.y_stride = 1;
    kernel.function(args);
    return y;
  };
  for (const auto& kernel : RunnableKernels(BlockLinearKernels(DType::kQ8_0))) {
    EXPECT_EQ(run(kernel, {1.0f, 0x1p-24f, 0x1p-24f, 0, 0}), 1.0f) << kernel.info.name;
    EXPECT_EQ(run(kernel, {0x1p-24f, 0x1p-24f, 0, 0, 1.0f}), 1.0f + 0x1p-23f) << kernel.info.name;
    EXPECT_EQ(run(kernel, {0x1p-24f, 0, 1.0f, 0, 0x1p-24f}), 1.0f) << kernel.info.name;
  }
}

TEST(BlockLinearList, ServesFourTypesAndNoOthers) {
  for (const DType dtype : kTypes) EXPECT_EQ(BlockLinearKernels(dtype).front().info.isa, Isa::kRef);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kTQ2_0, DType::kI2_S}) {
    EXPECT_TRUE(BlockLinearKernels(dtype).empty());
  }
}

}  // namespace
}  // namespace sterna
