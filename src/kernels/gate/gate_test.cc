#include "kernels/gate/gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include "kernels/kernel_testing.h"

namespace sterna {
namespace {

constexpr int64_t kSizes[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 576, 2560, 6912};
constexpr Activation kActivations[] = {Activation::kSilu, Activation::kReluSquared, Activation::kGeluTanh};

std::vector<float> Compute(GateFunction function, Activation activation, const std::vector<float>& gate,
                           const std::vector<float>& up) {
  std::vector<float> y(gate.size() + 16, 77.0f);
  function({.activation = activation, .gate = gate.data(), .up = up.data(), .n = static_cast<int64_t>(gate.size()), .y = y.data()});
  for (size_t j = gate.size(); j < y.size(); ++j) EXPECT_EQ(y[j], 77.0f) << "wrote behind the row";
  y.resize(gate.size());
  return y;
}

TEST(Gate, EveryVariantEqualsTheReferenceAtEverySizeAndMagnitude) {
  for (const auto& kernel : RunnableKernels(GateKernels())) {
    for (const Activation activation : kActivations) {
      for (const int64_t n : kSizes) {
        for (const float scale : {1.0f, 20.0f, 1e4f, 1e18f, 1e-42f, 0.0f}) {
          const std::vector<float> gate = NormalFloats(n, static_cast<uint64_t>(n), scale), up = NormalFloats(n, 3);
          EXPECT_EQ(Bits(Compute(kernel.function, activation, gate, up)),
                    Bits(Compute(GateKernels().front().function, activation, gate, up)))
              << kernel.info.name << " n=" << n << " scale=" << scale;
        }
      }
    }
  }
}

TEST(Gate, EveryVariantEqualsTheReferenceAtSpecialValues) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kTiny = std::numeric_limits<float>::denorm_min();
  std::vector<float> gate = {0.0f,          -0.0f,          kTiny,     -kTiny,     kMax,      -kMax,
                             kInfinity,     -kInfinity,     87.33654f, -87.33654f, 88.02969f, -88.02969f,
                             1.8446743e19f, -1.8446743e19f, 1e-20f,    -1e-20f,    88.5f};
  const std::vector<float> up(gate.size(), 1.5f);
  for (const auto& kernel : RunnableKernels(GateKernels())) {
    for (const Activation activation : kActivations) {
      EXPECT_EQ(Bits(Compute(kernel.function, activation, gate, up)),
                Bits(Compute(GateKernels().front().function, activation, gate, up)))
          << kernel.info.name;
    }
  }
}

TEST(Gate, WorksInPlaceOfEitherInput) {
  for (const auto& kernel : RunnableKernels(GateKernels())) {
    for (const Activation activation : kActivations) {
      const std::vector<float> gate = NormalFloats(1003, 1), up = NormalFloats(1003, 2);
      const std::vector<float> expected = Compute(kernel.function, activation, gate, up);
      std::vector<float> y = gate;
      kernel.function({activation, y.data(), up.data(), 1003, y.data()});
      EXPECT_EQ(y, expected) << kernel.info.name;
      y = up;
      kernel.function({activation, gate.data(), y.data(), 1003, y.data()});
      EXPECT_EQ(y, expected) << kernel.info.name;
    }
  }
}

// Exp is within 2 units in the last place, at most 4 roundings; the sum, the quotient and the product round once each.
TEST(Gate, SiluStaysWithinSevenRoundingsOfTheExactValue) {
  std::vector<float> gate, up;
  for (double g = -87.0; g < 87.0; g += 0.0137)
    gate.push_back(static_cast<float>(g)), up.push_back(static_cast<float>(1 + g / 100));
  for (const auto& kernel : RunnableKernels(GateKernels())) {
    const std::vector<float> y = Compute(kernel.function, Activation::kSilu, gate, up);
    for (size_t j = 0; j < gate.size(); ++j) {
      const double g = gate[j];
      const double exact = g / (1 + std::exp(-g)) * static_cast<double>(up[j]);
      ASSERT_NEAR(static_cast<double>(y[j]), exact, 7.01 * kRounding * std::abs(exact)) << kernel.info.name << ' ' << g;
    }
  }
}

// z carries seven roundings: its two constants, three products, the sum (its terms have one sign) and the product with the scale.
// The exponential turns them into 7 |z| roundings of the result, on top of the seven of SiLU.
TEST(Gate, GeluStaysWithinTheDerivedBoundOfTheExactValue) {
  std::vector<float> gate, up;
  for (double g = -9.0; g < 87.0; g += 0.0037) gate.push_back(static_cast<float>(g)), up.push_back(static_cast<float>(1 + g / 100));
  for (const auto& kernel : RunnableKernels(GateKernels())) {
    const std::vector<float> y = Compute(kernel.function, Activation::kGeluTanh, gate, up);
    for (size_t j = 0; j < gate.size(); ++j) {
      const double g = gate[j], half_z = std::sqrt(2 / std::numbers::pi) * (g + 0.044715 * g * g * g);
      const double exact = g / 2 * (1 + std::tanh(half_z)) * static_cast<double>(up[j]);
      // 1 + tanh cancels in f64 too, for g < 0: the logistic form does not.
      const double logistic = g / (1 + std::exp(-2 * half_z)) * static_cast<double>(up[j]);
      if (g > -3) {
        ASSERT_NEAR(logistic, exact, 1e-12 * std::abs(exact));
      }
      const double roundings = 7.01 + 14.01 * std::abs(half_z);
      ASSERT_NEAR(static_cast<double>(y[j]), logistic, roundings * kRounding * std::abs(logistic)) << kernel.info.name << ' ' << g;
    }
  }
}

TEST(Gate, ReluSquaredIsZeroBelowZeroAndWithinTwoRoundingsAbove) {
  const std::vector<float> gate = NormalFloats(5000, 11, 30.0f), up = NormalFloats(5000, 12);
  for (const auto& kernel : RunnableKernels(GateKernels())) {
    const std::vector<float> y = Compute(kernel.function, Activation::kReluSquared, gate, up);
    for (size_t j = 0; j < gate.size(); ++j) {
      const double g = std::max(0.0, static_cast<double>(gate[j])), exact = g * g * static_cast<double>(up[j]);
      ASSERT_NEAR(static_cast<double>(y[j]), exact, 2.01 * kRounding * std::abs(exact)) << kernel.info.name;
    }
  }
}

TEST(Gate, ReluSquaredStaysFiniteUpToTheRootOfTheLargestFloat) {
  for (const auto& kernel : RunnableKernels(GateKernels())) {
    const std::vector<float> y =
        Compute(kernel.function, Activation::kReluSquared, {1e4f, 1e18f, 1.8446743e19f}, {1.0f, 1.0f, 1.0f});
    EXPECT_EQ(y, (std::vector<float>{1e4f * 1e4f, 1e18f * 1e18f, 1.8446743e19f * 1.8446743e19f}));
    EXPECT_TRUE(std::isfinite(y[2]));
  }
}

}  // namespace
}  // namespace sterna
