#include "kernels/norm/rms_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/kernel_testing.h"

namespace sterna {
namespace {

constexpr int64_t kSizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 31, 32, 33, 100, 576, 2560, 6912};
constexpr int64_t kGuard = 16;  // floats behind x and y

struct Case {
  int64_t n;
  std::vector<float> x;  // with kGuard NaNs behind: a variant that lets them into the sum fails
  std::vector<float> weight;
  bool has_weight;
  float epsilon = 1e-5f;
};

Case MakeCase(int64_t n, float scale, bool has_weight) {
  Case c{.n = n,
         .x = NormalFloats(n, static_cast<uint64_t>(n), scale),
         .weight = NormalFloats(n, static_cast<uint64_t>(n) + 100),
         .has_weight = has_weight};
  c.x.resize(c.x.size() + kGuard, std::numeric_limits<float>::quiet_NaN());
  return c;
}

std::vector<float> Compute(RmsNormFunction function, const Case& c) {
  std::vector<float> y(c.x.size(), 77.0f);
  function({.x = c.x.data(), .weight = c.has_weight ? c.weight.data() : nullptr, .n = c.n, .epsilon = c.epsilon, .y = y.data()});
  return y;
}

TEST(RmsNorm, EveryVariantEqualsTheReferenceAtEverySizeAndMagnitude) {
  for (const auto& kernel : RunnableKernels(RmsNormKernels())) {
    for (const int64_t n : kSizes) {
      for (const float scale : {1.0f, 1e-3f, 1e4f, 1e18f, 1e-42f, 0.0f}) {
        for (const bool has_weight : {false, true}) {
          const Case c = MakeCase(n, scale, has_weight);
          EXPECT_EQ(Bits(Compute(kernel.function, c)), Bits(Compute(RmsNormKernels().front().function, c)))
              << kernel.info.name << " n=" << n << " scale=" << scale;
        }
      }
    }
  }
}

TEST(RmsNorm, WritesNothingBehindTheRowAndWorksInPlace) {
  for (const auto& kernel : RunnableKernels(RmsNormKernels())) {
    for (const int64_t n : kSizes) {
      Case c = MakeCase(n, 1.0f, true);
      const std::vector<float> y = Compute(kernel.function, c);
      for (int64_t j = n; j < n + kGuard; ++j) ASSERT_EQ(y[static_cast<size_t>(j)], 77.0f) << kernel.info.name << ' ' << n;
      kernel.function({.x = c.x.data(), .weight = c.weight.data(), .n = n, .epsilon = c.epsilon, .y = c.x.data()});
      for (int64_t j = 0; j < n; ++j) ASSERT_EQ(c.x[static_cast<size_t>(j)], y[static_cast<size_t>(j)]) << kernel.info.name;
    }
  }
}

// The sum of squares has a relative error of about n * 2^-53, so r is rounded once and both products once: 3 roundings.
TEST(RmsNorm, StaysWithinThreeRoundingsOfTheExactValue) {
  for (const auto& kernel : RunnableKernels(RmsNormKernels())) {
    for (const int64_t n : {int64_t{1}, int64_t{33}, int64_t{2560}}) {
      for (const float scale : {1.0f, 1e-3f, 1e18f}) {
        const Case c = MakeCase(n, scale, true);
        long double squares = 0;
        for (int64_t j = 0; j < n; ++j)
          squares += static_cast<long double>(c.x[static_cast<size_t>(j)]) * c.x[static_cast<size_t>(j)];
        const long double rms = std::sqrt(squares / static_cast<long double>(n) + static_cast<long double>(c.epsilon));
        const std::vector<float> y = Compute(kernel.function, c);
        for (size_t j = 0; j < static_cast<size_t>(n); ++j) {
          const auto exact = static_cast<double>(static_cast<long double>(c.x[j]) / rms * static_cast<long double>(c.weight[j]));
          EXPECT_NEAR(static_cast<double>(y[j]), exact, 3.01 * kRounding * std::abs(exact)) << kernel.info.name;
        }
      }
    }
  }
}

TEST(RmsNorm, ZerosStayZerosAndTheResultHasUnitMeanSquare) {
  for (const auto& kernel : RunnableKernels(RmsNormKernels())) {
    Case zeros = MakeCase(100, 0.0f, true);
    for (size_t j = 0; j < 100; ++j) EXPECT_EQ(Compute(kernel.function, zeros)[j], 0.0f);
    const Case c = MakeCase(2560, 50.0f, false);
    const std::vector<float> y = Compute(kernel.function, c);
    double squares = 0;
    for (size_t j = 0; j < 2560; ++j) squares += static_cast<double>(y[j]) * static_cast<double>(y[j]);
    EXPECT_NEAR(squares / 2560, 1.0, 1e-6) << kernel.info.name;
  }
}

}  // namespace
}  // namespace sterna
