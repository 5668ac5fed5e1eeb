#include "kernels/exp/exp.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sterna {
namespace {

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
  EXPECT_EQ(Exp(-100.0f), 0.0f);
  EXPECT_EQ(Exp(-INFINITY), 0.0f);
  EXPECT_EQ(Exp(1000.0f), Exp(kExpHigh));
  EXPECT_TRUE(std::isfinite(Exp(INFINITY)));
}

}  // namespace
}  // namespace sterna
