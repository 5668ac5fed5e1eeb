#include "base/checked_math.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace sterna {
namespace {

constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();

TEST(CheckedMath, AgreesWithWideArithmeticOnAllPairsOfBytes) {
  for (int a = -128; a < 128; ++a) {
    for (int b = -128; b < 128; ++b) {
      const auto x = static_cast<int8_t>(a), y = static_cast<int8_t>(b);
      const auto fits = [](int v) { return v >= -128 && v <= 127; };
      EXPECT_EQ(CheckedMul(x, y).has_value(), fits(a * b));
      EXPECT_EQ(CheckedAdd(x, y).has_value(), fits(a + b));
      if (fits(a * b)) {
        EXPECT_EQ(int{*CheckedMul(x, y)}, a * b);
      }
      if (fits(a + b)) {
        EXPECT_EQ(int{*CheckedAdd(x, y)}, a + b);
      }
    }
  }
}

TEST(CheckedMath, StopsAtTheEdgesOfSixtyFourBits) {
  EXPECT_EQ(CheckedAdd(kMax64, int64_t{0}), kMax64);
  EXPECT_FALSE(CheckedAdd(kMax64, int64_t{1}));
  EXPECT_FALSE(CheckedAdd(kMin64, int64_t{-1}));
  EXPECT_FALSE(CheckedMul(kMin64, int64_t{-1}));
  EXPECT_EQ(CheckedMul(uint64_t{1} << 32, (uint64_t{1} << 32) - 1), std::numeric_limits<uint64_t>::max() - (uint64_t{1} << 32) + 1);
  EXPECT_FALSE(CheckedMul(uint64_t{1} << 32, uint64_t{1} << 32));
}

TEST(CheckedMath, CastKeepsTheValueOrGivesNothing) {
  EXPECT_EQ((CheckedCast<int32_t>(int64_t{-7})), -7);
  EXPECT_FALSE((CheckedCast<uint32_t>(int64_t{-7})));
  EXPECT_EQ((CheckedCast<uint8_t>(255)), 255);
  EXPECT_FALSE((CheckedCast<uint8_t>(256)));
  EXPECT_EQ((CheckedCast<int64_t>(static_cast<uint64_t>(kMax64))), kMax64);
  EXPECT_FALSE((CheckedCast<int64_t>(static_cast<uint64_t>(kMax64) + 1)));
}

TEST(CheckedMath, RoundUpIsTheSmallestMultipleNotBelow) {
  for (int64_t value = 0; value <= 70; ++value) {
    for (int64_t multiple = 1; multiple <= 34; ++multiple) {
      const int64_t rounded = RoundUp(value, multiple);
      EXPECT_EQ(rounded % multiple, 0);
      EXPECT_GE(rounded, value);
      EXPECT_LT(rounded, value + multiple);
      EXPECT_EQ(CheckedRoundUp(value, multiple), rounded);
    }
  }
  EXPECT_EQ(CheckedRoundUp(kMax64, int64_t{1}), kMax64);
  EXPECT_EQ(CheckedRoundUp(kMax64 - 63, int64_t{64}), kMax64 - 63);
  EXPECT_FALSE(CheckedRoundUp(kMax64 - 62, int64_t{64}));
}

}  // namespace
}  // namespace sterna
