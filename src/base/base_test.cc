#include <gtest/gtest.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/half.h"
#include "base/metadata.h"

namespace sterna {
namespace {
TEST(Half, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const bool is_nan = (half & 0x7c00u) == 0x7c00u && (half & 0x3ffu) != 0;
    if (!is_nan) {
      EXPECT_EQ(FloatToF16(F16ToFloat(half)), half);
    }
  }
}
}  // namespace
}  // namespace sterna
