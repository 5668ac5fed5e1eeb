#include "api/memory_limits.h"

#include <gtest/gtest.h>

namespace sterna {
namespace {

TEST(AvailableMemory, ThisMachineTells) {
  const auto available = ReadAvailableMemory();
  ASSERT_TRUE(available.has_value());
  EXPECT_GT(available->bytes, 0);
  EXPECT_FALSE(available->limited_by.empty());
}

}  // namespace
}  // namespace sterna
