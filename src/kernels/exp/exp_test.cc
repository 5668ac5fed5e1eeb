#include "kernels/exp/exp.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/cpu_features.h"
#include "kernels/exp/exp_probe.h"

namespace sterna {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Exp, StaysWithinTwoUnitsInTheLastPlace) {
  double worst = 0;
  for (double x = kExpLow; x < 88.0; x += 0.000917) {
    const auto input = static_cast<float>(x);
    const double exact = std::exp(static_cast<double>(input));
    const double unit = std::ldexp(1.0, std::ilogb(exact) - 23);
    worst = std::max(worst, std::abs(static_cast<double>(Exp(input)) - exact) / unit);
  }
  EXPECT_LT(worst, 2.0);
  EXPECT_GT(worst, 0.5);  // a correctly rounded result would be at most 0.5: the measure itself works
}

TEST(Exp, IsExactAtZeroAndDefinedAtTheEnds) {
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Exp(-0.0f), 1.0f);
  EXPECT_EQ(Exp(-100.0f), 0.0f);
  EXPECT_EQ(Exp(-kInfinity), 0.0f);
  EXPECT_GE(Exp(kExpLow), std::numeric_limits<float>::min());
  EXPECT_EQ(Exp(std::nextafter(kExpLow, -kInfinity)), 0.0f);
  EXPECT_EQ(Exp(1000.0f), Exp(kExpHigh));
  EXPECT_EQ(Exp(kInfinity), Exp(kExpHigh));
  EXPECT_TRUE(std::isfinite(Exp(kExpHigh)));
}

TEST(Exp, KeepsANanAndMakesItQuiet) {
  for (const uint32_t bits : {0x7fc00000u, 0xffc12345u, 0x7f800001u, 0xff812345u}) {
    EXPECT_EQ(std::bit_cast<uint32_t>(Exp(std::bit_cast<float>(bits))), bits | 0x00400000u);
  }
}

#if defined(__x86_64__) || defined(__aarch64__)

/// Every 1021st bit pattern (zeros, denormals, infinities and NaNs of both signs among them), and a dense neighbourhood of each
/// place where the computation changes.
std::vector<float> Inputs() {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 1021) x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  std::vector<float> edges = {kExpLow, kExpHigh, 0.0f, -0.0f, kInfinity, -kInfinity, std::bit_cast<float>(0x7fc00000u)};
  for (int n = -127; n <= 128; ++n) {
    edges.push_back(static_cast<float>(n * 0.6931471805599453));          // r = 0
    edges.push_back(static_cast<float>((n + 0.5) * 0.6931471805599453));  // n changes
  }
  for (const float edge : edges) {
    for (uint32_t step = 0; step < 200; ++step) x.push_back(std::bit_cast<float>(std::bit_cast<uint32_t>(edge) + step - 100));
  }
  while (x.size() % 16 != 0) x.push_back(1.0f);
  return x;
}

void ExpectSameAsScalar(void (*exp_all)(const float*, int64_t, float*) noexcept) {
  const std::vector<float> x = Inputs();
  std::vector<float> y(x.size());
  exp_all(x.data(), static_cast<int64_t>(x.size()), y.data());
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(Exp(x[i])))
        << "x has the bits " << std::hex << std::bit_cast<uint32_t>(x[i]);
  }
}

#endif

#if defined(__aarch64__)

TEST(Exp, NeonEqualsTheScalarFormBitForBit) {
  ExpectSameAsScalar(ExpAllNeon);
}

#elif defined(__x86_64__)

TEST(Exp, Avx2EqualsTheScalarFormBitForBit) {
  if (!HostCpu().Contains(IsaFeatures(Isa::kAvx2))) GTEST_SKIP() << "this processor has no AVX2";
  ExpectSameAsScalar(ExpAllAvx2);
}

TEST(Exp, Avx512EqualsTheScalarFormBitForBit) {
  if (!HostCpu().Contains(IsaFeatures(Isa::kAvx512))) GTEST_SKIP() << "this processor has no AVX-512";
  ExpectSameAsScalar(ExpAllAvx512);
}

#endif

}  // namespace
}  // namespace sterna
