#include "base/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sterna {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool IsNanF16(uint16_t half) {
  return (half & 0x7c00u) == 0x7c00u && (half & 0x3ffu) != 0;
}
bool IsNanBf16(uint16_t bits) {
  return (bits & 0x7f80u) == 0x7f80u && (bits & 0x7fu) != 0;
}

/// The value of a half by its definition.
double ExactF16(uint16_t half) {
  const double sign = half & 0x8000u ? -1.0 : 1.0;
  const int exponent = (half >> 10) & 0x1f;
  const double mantissa = half & 0x3ffu;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Half, EveryHalfHasItsDefinedValueAndSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (IsNanF16(half)) {
      EXPECT_TRUE(std::isnan(F16ToFloat(half)));
      EXPECT_TRUE(IsNanF16(FloatToF16(F16ToFloat(half))));
      continue;
    }
    if ((half & 0x7c00u) != 0x7c00u) {
      EXPECT_EQ(static_cast<double>(F16ToFloat(half)), ExactF16(half));
    }
    EXPECT_EQ(FloatToF16(F16ToFloat(half)), half);
  }
}

// Between two neighbouring halves lie the midpoint, which goes to the even one, and its f32 neighbours, which go to the nearer one.
TEST(Half, RoundsToNearestWithTiesToEvenBetweenAllNeighbours) {
  for (uint32_t bits = 0; bits < 0x7bffu; ++bits) {
    const auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
    const auto middle = static_cast<float>((ExactF16(low) + ExactF16(high)) / 2);  // exact: one bit more than a half
    ASSERT_EQ(FloatToF16(middle), low % 2 == 0 ? low : high) << bits;
    ASSERT_EQ(FloatToF16(std::nextafter(middle, 0.0f)), low) << bits;
    ASSERT_EQ(FloatToF16(std::nextafter(middle, kInfinity)), high) << bits;
    ASSERT_EQ(FloatToF16(-middle), (low % 2 == 0 ? low : high) | 0x8000) << bits;
  }
}

TEST(Half, OverflowAndUnderflowFollowIeee) {
  EXPECT_EQ(FloatToF16(65504.0f), 0x7bff);
  EXPECT_EQ(FloatToF16(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(FloatToF16(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToF16(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(FloatToF16(-kInfinity), 0xfc00);
  EXPECT_EQ(FloatToF16(0x1p-25f), 0);  // half of the smallest: a tie that goes to zero
  EXPECT_EQ(FloatToF16(std::nextafter(0x1p-25f, 1.0f)), 1);
  EXPECT_EQ(FloatToF16(-std::numeric_limits<float>::denorm_min()), 0x8000);
  EXPECT_EQ(FloatToF16(-0.0f), 0x8000);
}

TEST(Bf16, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value = static_cast<uint16_t>(bits);
    if (IsNanBf16(value)) {
      EXPECT_TRUE(std::isnan(Bf16ToFloat(value)));
      EXPECT_TRUE(IsNanBf16(FloatToBf16(Bf16ToFloat(value))));
    } else {
      EXPECT_EQ(FloatToBf16(Bf16ToFloat(value)), value);
    }
  }
}

TEST(Bf16, RoundsToNearestWithTiesToEvenBetweenAllNeighbours) {
  for (uint32_t bits = 0; bits < 0x7f80u; ++bits) {
    const auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
    const float middle = std::bit_cast<float>(bits << 16 | 0x8000u);
    const uint16_t even = low % 2 == 0 ? low : high;  // between the largest and infinity: 0x7f80, as IEEE overflow wants
    ASSERT_EQ(FloatToBf16(middle), even) << bits;
    ASSERT_EQ(FloatToBf16(std::nextafter(middle, 0.0f)), low) << bits;
    ASSERT_EQ(FloatToBf16(std::nextafter(middle, kInfinity)), high) << bits;
    ASSERT_EQ(FloatToBf16(-middle), even | 0x8000) << bits;
  }
}

TEST(Bf16, NanWithALowPayloadDoesNotBecomeInfinity) {
  EXPECT_TRUE(IsNanBf16(FloatToBf16(std::bit_cast<float>(0x7f800001u))));
  EXPECT_TRUE(IsNanF16(FloatToF16(std::bit_cast<float>(0xff800001u))));
}

}  // namespace
}  // namespace sterna
