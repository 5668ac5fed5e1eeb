#include "kernels/ternary/quantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/ternary/aligned_array.h"
#include "kernels/ternary/tile_layout.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

struct Quantized {
  std::vector<int8_t> q;
  uint32_t scale_bits;
  int32_t sum;
  bool operator==(const Quantized&) const = default;
};

Quantized QuantizeWith(QuantizeFunction function, const std::vector<float>& x) {
  const auto n = static_cast<int64_t>(x.size());
  AlignedArray<int8_t> q(PaddedActivations(n));
  std::fill_n(q.data(), q.size(), int8_t{99});
  float scale = -1;
  int32_t sum = -1;
  function({.x = x.data(), .n = n, .q = q.data(), .scale = &scale, .sum = &sum});
  return {std::vector<int8_t>(q.data(), q.data() + q.size()), std::bit_cast<uint32_t>(scale), sum};
}

/// Calls `check` with every variant this machine can run.
template <class Check>
void ForEachVariant(Check check) {
  for (const auto& kernel : QuantizeKernels()) {
    if (!HostCpu().Contains(IsaFeatures(kernel.info.isa))) continue;
    SCOPED_TRACE(kernel.info.name);
    check(kernel.function);
  }
}

std::vector<float> RandomInput(int64_t n, float magnitude, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, magnitude);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = normal(random);
  return x;
}

TEST(TernaryQuantize, FollowsTheFormulaInEveryVariant) {
  const std::vector<float> x = {0.5f, -1.0f, 0.25f, 0.0f, -0.0f, 0.1f};
  ForEachVariant([&](QuantizeFunction function) {
    const Quantized result = QuantizeWith(function, x);
    EXPECT_EQ(std::bit_cast<float>(result.scale_bits), 127.0f);
    const std::vector<int8_t> expected = {64, -127, 32, 0, 0, 13};  // 63.5 rounds to even, 31.75 up, 12.7 up
    EXPECT_EQ(std::vector<int8_t>(result.q.begin(), result.q.begin() + 6), expected);
    EXPECT_EQ(result.sum, 64 - 127 + 32 + 13);
    EXPECT_TRUE(std::all_of(result.q.begin() + 6, result.q.end(), [](int8_t q) { return q == 0; }));
  });
}

TEST(TernaryQuantize, RoundsHalvesToEven) {
  std::vector<float> x = {127.0f};  // makes the scale exactly 1
  for (int i = -126; i < 126; ++i) x.push_back(static_cast<float>(i) + 0.5f);
  ForEachVariant([&](QuantizeFunction function) {
    const Quantized result = QuantizeWith(function, x);
    for (size_t i = 1; i < x.size(); ++i) EXPECT_EQ(result.q[i] % 2, 0) << x[i];
    for (size_t i = 1; i < x.size(); ++i) EXPECT_EQ(std::abs(static_cast<float>(result.q[i]) - x[i]), 0.5f) << x[i];
  });
}

TEST(TernaryQuantize, EveryVariantEqualsReferenceAtEveryLength) {
  std::vector<int64_t> lengths(200);
  std::iota(lengths.begin(), lengths.end(), 1);
  for (int64_t n : {255, 256, 257, 640, 2560, 6912}) lengths.push_back(n);
  for (const int64_t n : lengths) {
    for (const float magnitude : {1e-30f, 1e-6f, 1.0f, 3e37f}) {
      const std::vector<float> x = RandomInput(n, magnitude, static_cast<unsigned>(n));
      const Quantized expected = QuantizeWith(QuantizeRef, x);
      EXPECT_EQ(std::accumulate(expected.q.begin(), expected.q.end(), 0), expected.sum);
      ForEachVariant([&](QuantizeFunction function) { EXPECT_EQ(QuantizeWith(function, x), expected) << n << " x " << magnitude; });
    }
  }
}

TEST(TernaryQuantize, TheLargestMagnitudeCountsWhereverItStands) {
  for (const int64_t n : {1, 7, 16, 33, 64, 100, 127}) {
    for (int64_t at = 0; at < n; ++at) {
      std::vector<float> x(static_cast<size_t>(n), 0.125f);
      x[static_cast<size_t>(at)] = -2.0f;
      ForEachVariant([&](QuantizeFunction function) {
        const Quantized result = QuantizeWith(function, x);
        EXPECT_EQ(result.q[static_cast<size_t>(at)], -127);
        EXPECT_EQ(std::bit_cast<float>(result.scale_bits), 63.5f);
      });
    }
  }
}

TEST(TernaryQuantize, ZerosStayZerosWithTheSmallestScale) {
  ForEachVariant([&](QuantizeFunction function) {
    const Quantized result = QuantizeWith(function, std::vector<float>(70, 0.0f));
    EXPECT_EQ(std::bit_cast<float>(result.scale_bits), 127.0f / 1e-5f);
    EXPECT_EQ(result.sum, 0);
    EXPECT_EQ(result.q, std::vector<int8_t>(128, 0));
  });
}

TEST(TernaryQuantize, NanAndInfinityStayInRangeAndEqualInEveryVariant) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    for (const size_t at : {size_t{0}, size_t{15}, size_t{40}, size_t{99}}) {
      std::vector<float> x = RandomInput(100, 1.0f, 5);
      x[at] = bad;
      x[50] = kNan;
      const Quantized expected = QuantizeWith(QuantizeRef, x);
      for (const int8_t q : expected.q) EXPECT_GE(q, -127);
      ForEachVariant([&](QuantizeFunction function) { EXPECT_EQ(QuantizeWith(function, x), expected) << bad << " at " << at; });
    }
  }
}

TEST(TernaryQuantize, EachLevelSelectsItsOwnFunction) {
  const auto selected = [](Isa isa) { return SelectKernel(QuantizeKernels(), isa).function; };
  EXPECT_EQ(selected(Isa::kRef), &QuantizeRef);
#if defined(__x86_64__)
  EXPECT_EQ(selected(Isa::kAvx2), &QuantizeAvx2);
  EXPECT_EQ(selected(Isa::kAvxVnni), &QuantizeAvx2);
  EXPECT_EQ(selected(Isa::kAvx512), &QuantizeAvx512);
#elif defined(__aarch64__)
  EXPECT_EQ(selected(Isa::kNeon), &QuantizeNeon);
  EXPECT_EQ(selected(Isa::kNeonI8mm), &QuantizeNeon);
#endif
}

}  // namespace
}  // namespace sterna
