#include "kernels/blockquant/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/dense/guarded_array.h"
#include "kernels/kernel_testing.h"

namespace sterna {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Quantized {
  std::vector<int8_t> q;
  std::vector<uint32_t> scales, sums;  // bits
  std::vector<int32_t> group_sums;
  bool operator==(const Quantized&) const = default;

  float scale(size_t block) const { return std::bit_cast<float>(scales[block]); }
  float sum(size_t block) const { return std::bit_cast<float>(sums[block]); }
};

// Inputs and outputs lie directly in front of pages without access.
Quantized Quantize(const Kernel<BlockQuantizeFunction>& kernel, const std::vector<float>& values) {
  const auto n = static_cast<int64_t>(values.size());
  GuardedArray<float> x(n), scales(n / kQuantBlock), sums(n / kQuantBlock);
  GuardedArray<int8_t> q(n);
  GuardedArray<int32_t> group_sums(n / 16);
  std::copy(values.begin(), values.end(), x.data());
  std::fill_n(q.data(), n, int8_t{-128});
  kernel.function(
      {.x = x.data(), .n = n, .q = q.data(), .scales = scales.data(), .sums = sums.data(), .group_sums = group_sums.data()});
  return {std::vector<int8_t>(q.data(), q.data() + n), Bits(scales.values()), Bits(sums.values()),
          std::vector<int32_t>(group_sums.data(), group_sums.data() + n / 16)};
}

// The reference's result, after every variant was found to give the same.
Quantized QuantizeWithAll(const std::vector<float>& x) {
  const Quantized expected = Quantize(BlockQuantizeKernels().front(), x);
  for (const auto& kernel : RunnableKernels(BlockQuantizeKernels())) {
    EXPECT_TRUE(Quantize(kernel, x) == expected) << kernel.info.name << ", " << x.size() << " elements";
  }
  return expected;
}

TEST(BlockQuantize, EveryVariantEqualsTheReferenceOverAllMagnitudes) {
  for (const int64_t n : {0, 32, 64, 96, 576, 1536}) {
    for (int exponent = -149; exponent <= 124; exponent += n == 96 ? 1 : 13) {
      const Quantized result =
          QuantizeWithAll(NormalFloats(n, static_cast<uint64_t>(n + exponent + 200), std::ldexp(1.0f, exponent)));
      for (const int8_t q : result.q) ASSERT_GE(q, -127);
    }
  }
}

TEST(BlockQuantize, FollowsTheFormula) {
  std::vector<float> x(64, 0.0f);
  x[0] = 0.5f, x[1] = -1.0f, x[2] = 0.25f, x[31] = 0.1f;  // block 0: inverse 127
  x[32] = 254.0f, x[63] = -3.0f;                          // block 1: inverse 0.5
  const Quantized result = QuantizeWithAll(x);
  std::vector<int8_t> expected(64, 0);
  expected[0] = 64, expected[1] = -127, expected[2] = 32, expected[31] = 13;  // 63.5 to even, 31.75 up, 12.7 up
  expected[32] = 127, expected[63] = -2;                                      // -1.5 to even
  EXPECT_EQ(result.q, expected);
  EXPECT_EQ(result.scale(0), 129.0f / 16384.0f);  // 1/127 = 1.0000000 1|00... * 2^-7 in f16: 129/128 * 2^-7
  EXPECT_EQ(result.scale(1), 2.0f);
  EXPECT_EQ(result.sum(1), 250.0f);
  EXPECT_EQ(result.group_sums, (std::vector<int32_t>{64 - 127 + 32, 13, 127, -2}));
}

TEST(BlockQuantize, TheSumUsesTheScaleBeforeItsRounding) {
  // d = 0.7 / 127, 32 * 127 steps: their product is 22.4 to f32, and to f16 22.406; the rounded scale would give 22.39 or less.
  const std::vector<float> x(32, 0.7f);
  const Quantized result = QuantizeWithAll(x);
  const float d = 0.7f / 127.0f;
  ASSERT_NE(result.scale(0), d);
  EXPECT_EQ(result.sum(0), 22.40625f);
  EXPECT_GT(std::fabs(result.scale(0) * 4064.0f - 22.40625f), 22.4f * 0x1p-13f);
}

TEST(BlockQuantize, RoundsHalvesToEven) {
  std::vector<float> x;
  for (int i = -126; i < 126; ++i) {
    if (x.size() % 32 == 0) x.push_back(127.0f);  // makes the block's inverse exactly 1
    x.push_back(static_cast<float>(i) + 0.5f);
  }
  x.resize((x.size() + 31) / 32 * 32, 0.0f);
  const Quantized result = QuantizeWithAll(x);
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == 127.0f || x[i] == 0.0f) continue;
    EXPECT_EQ(result.q[i] % 2, 0) << x[i];
    EXPECT_EQ(std::fabs(static_cast<float>(result.q[i]) - x[i]), 0.5f) << x[i];
  }
}

TEST(BlockQuantize, TheLargestMagnitudeCountsWhereverItStands) {
  for (size_t at = 0; at < 64; ++at) {
    std::vector<float> x(64, 0.5f);
    x[at] = -127.0f;
    const Quantized result = QuantizeWithAll(x);
    EXPECT_EQ(result.q[at], -127);
    EXPECT_EQ(result.scale(at / 32), 1.0f);
    EXPECT_EQ(result.sum(at / 32), -127.0f);  // the others round to 0
    EXPECT_EQ(result.q[(at + 32) % 64], 127);
  }
}

TEST(BlockQuantize, ZerosStayZeros) {
  for (const float zero : {0.0f, -0.0f}) {
    const Quantized result = QuantizeWithAll(std::vector<float>(96, zero));
    EXPECT_EQ(result.q, std::vector<int8_t>(96, 0));
    EXPECT_EQ(result.scales, std::vector<uint32_t>(3, 0));
    EXPECT_EQ(result.sums, std::vector<uint32_t>(3, 0));
  }
}

TEST(BlockQuantize, ScalesOutsideOfF16BecomeZeroOrInfinite) {
  EXPECT_EQ(QuantizeWithAll(std::vector<float>(32, 127.0f * 0x1p-26f)).scale(0), 0.0f);
  EXPECT_EQ(QuantizeWithAll(std::vector<float>(32, 127.0f * 0x1p-24f)).scale(0), 0x1p-24f);
  EXPECT_EQ(QuantizeWithAll(std::vector<float>(32, 127.0f * 65519.0f)).scale(0), 65504.0f);
  EXPECT_EQ(QuantizeWithAll(std::vector<float>(32, 127.0f * 65520.0f)).scale(0), kInfinity);
  std::vector<float> tiny(32, 0.0f);
  tiny[1] = 0x1p-149f;  // its inverse is infinite
  EXPECT_EQ(QuantizeWithAll(tiny).scale(0), 0.0f);
}

TEST(BlockQuantize, NanAndInfinityStayInRangeAndEqualInEveryVariant) {
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    for (const size_t at : {size_t{0}, size_t{7}, size_t{16}, size_t{31}}) {
      std::vector<float> x = NormalFloats(64, at);
      x[at] = bad;
      x[40] = kNan;
      for (const int8_t q : QuantizeWithAll(x).q) EXPECT_GE(q, -127);
    }
  }
  QuantizeWithAll(std::vector<float>(32, kNan));
}

TEST(BlockQuantize, ErrorIsHalfAStepAtMost) {
  const std::vector<float> x = NormalFloats(1536, 7);
  const Quantized result = QuantizeWithAll(x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double scale = result.scale(i / 32);
    const double error = std::fabs(static_cast<double>(x[i]) - scale * result.q[i]);
    EXPECT_LE(error, scale * (0.5 + 127 * 0x1p-11 + 0.001)) << i;  // half a step, and the rounding of the scale to f16
  }
}

TEST(BlockQuantize, ListStartsWithTheReference) {
  EXPECT_EQ(BlockQuantizeKernels().front().info.isa, Isa::kRef);
}

}  // namespace
}  // namespace sterna
