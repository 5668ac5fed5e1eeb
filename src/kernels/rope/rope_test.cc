#include "kernels/rope/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/kernel_testing.h"

namespace sterna {
namespace {

constexpr int64_t kHeadDims[] = {2, 4, 14, 16, 18, 30, 32, 34, 62, 64, 66, 80, 96, 100, 128, 256};

struct Case {
  int64_t heads, head_dim;
  std::vector<float> x, cos, sin;
};

Case MakeCase(int64_t heads, int64_t head_dim, double position, float scale = 1.0f) {
  Case c{.heads = heads,
         .head_dim = head_dim,
         .x = NormalFloats(heads * head_dim, static_cast<uint64_t>(head_dim), scale),
         .cos = {},
         .sin = {}};
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double angle = position * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    c.cos.push_back(static_cast<float>(std::cos(angle)));
    c.sin.push_back(static_cast<float>(std::sin(angle)));
  }
  return c;
}

std::vector<float> Compute(RopeFunction function, const Case& c) {
  std::vector<float> x = c.x;
  x.resize(x.size() + 16, 77.0f);
  function({.x = x.data(), .heads = c.heads, .head_dim = c.head_dim, .cos = c.cos.data(), .sin = c.sin.data()});
  for (size_t j = c.x.size(); j < x.size(); ++j) EXPECT_EQ(x[j], 77.0f) << "wrote behind the heads";
  x.resize(c.x.size());
  return x;
}

TEST(Rope, EveryVariantEqualsTheReferenceAtEveryHeadSize) {
  for (const auto& kernel : RunnableKernels(RopeKernels())) {
    for (const int64_t head_dim : kHeadDims) {
      for (const int64_t heads : {1, 3, 20}) {
        for (const float scale : {1.0f, 1e18f, 1e-42f}) {
          const Case c = MakeCase(heads, head_dim, 1234, scale);
          EXPECT_EQ(Bits(Compute(kernel.function, c)), Bits(Compute(RopeKernels().front().function, c)))
              << kernel.info.name << ' ' << heads << " x " << head_dim;
        }
      }
    }
  }
}

// One product is rounded, then the fused step rounds once more.
TEST(Rope, StaysWithinOneRoundingOfAProductAndOneOfTheResult) {
  for (const auto& kernel : RunnableKernels(RopeKernels())) {
    const int64_t head_dim = 128, half = 64;
    const Case c = MakeCase(2, head_dim, 777);
    const std::vector<float> y = Compute(kernel.function, c);
    for (int64_t head = 0; head < 2; ++head) {
      for (int64_t i = 0; i < half; ++i) {
        const auto first = static_cast<size_t>(head * head_dim + i), second = first + static_cast<size_t>(half);
        const double a = c.x[first], b = c.x[second];
        const double cos = c.cos[static_cast<size_t>(i)], sin = c.sin[static_cast<size_t>(i)];
        const double x = a * cos - b * sin, z = b * cos + a * sin;
        EXPECT_NEAR(static_cast<double>(y[first]), x, 1.01 * kRounding * (std::abs(a * cos) + std::abs(x)) + 1e-45);
        EXPECT_NEAR(static_cast<double>(y[second]), z, 1.01 * kRounding * (std::abs(b * cos) + std::abs(z)) + 1e-45);
      }
    }
  }
}

TEST(Rope, PositionZeroChangesNothingAndAQuarterTurnSwapsThePairs) {
  for (const auto& kernel : RunnableKernels(RopeKernels())) {
    const Case still = MakeCase(3, 100, 0);
    EXPECT_EQ(Compute(kernel.function, still), still.x);
    Case quarter = MakeCase(1, 100, 0);
    for (float& cos : quarter.cos) cos = 0.0f;
    for (float& sin : quarter.sin) sin = 1.0f;
    const std::vector<float> y = Compute(kernel.function, quarter);
    for (size_t i = 0; i < 50; ++i) {
      EXPECT_EQ(y[i], -quarter.x[i + 50]);
      EXPECT_EQ(y[i + 50], quarter.x[i]);
    }
  }
}

TEST(Rope, TheDotProductOfTwoRotatedVectorsDependsOnTheirDistanceOnly) {
  const RopeFunction rope = RopeKernels().front().function;
  const auto rotated_dot = [&](double query_position, double key_position) {
    Case query = MakeCase(1, 64, query_position), key = MakeCase(1, 64, key_position);
    key.x = NormalFloats(64, 9);
    const std::vector<float> a = Compute(rope, query), b = Compute(rope, key);
    double dot = 0;
    for (size_t i = 0; i < 64; ++i) dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return dot;
  };
  EXPECT_NEAR(rotated_dot(10, 3), rotated_dot(107, 100), 1e-5);
  EXPECT_GT(std::abs(rotated_dot(10, 3) - rotated_dot(10, 4)), 1e-3);
}

}  // namespace
}  // namespace sterna
