#include "base/buffer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <utility>

namespace sterna {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST(Buffer, IsAlignedZeroFilledAndPaddedOnBothSidesOfTheMapThreshold) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, kMiB - 1, kMiB, kMiB + 1, 2 * kMiB - 64,
                             2 * kMiB, 5 * kMiB + 3}) {
    auto buffer = Buffer::Allocate(bytes);
    ASSERT_TRUE(buffer.ok()) << bytes;
    EXPECT_EQ(buffer->size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % Buffer::kAlignment, 0u);
    for (size_t i = 0; i < bytes + Buffer::kReadablePadding; ++i) ASSERT_EQ(buffer->data()[i], std::byte{0}) << bytes << ' ' << i;
    for (std::byte& b : buffer->bytes()) b = std::byte{0xff};
  }
}

TEST(Buffer, MovesGiveTheBytesAway) {
  Buffer first = std::move(Buffer::Allocate(100)).value();
  first.data()[7] = std::byte{42};
  const std::byte* const data = first.data();
  Buffer second = std::move(first);
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT: a moved-from buffer is empty by contract
  Buffer third = std::move(Buffer::Allocate(3 * kMiB)).value();
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.data()[7], std::byte{42});
}

TEST(Buffer, TypedViewsLeaveOutAnIncompleteTail) {
  auto buffer = Buffer::Allocate(11);
  EXPECT_EQ(buffer->as<float>().size(), 2u);
  EXPECT_EQ(std::as_const(*buffer).as<uint16_t>().size(), 5u);
}

TEST(Buffer, RefusesImpossibleSizesAndNamesThem) {
  constexpr size_t kMax = std::numeric_limits<size_t>::max();
  for (const size_t bytes : {kMax, kMax - 63, kMax - 2 * kMiB, kMax / 2}) {
    const auto buffer = Buffer::Allocate(bytes);
    ASSERT_FALSE(buffer.ok());
    EXPECT_EQ(buffer.status().code(), StatusCode::kResourceExhausted);
    EXPECT_THAT(buffer.status().message(), ::testing::HasSubstr(std::to_string(bytes)));
  }
}

}  // namespace
}  // namespace sterna
