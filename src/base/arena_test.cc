#include "base/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace sterna {
namespace {

bool IsAligned(const std::byte* bytes) {
  return reinterpret_cast<uintptr_t>(bytes) % Buffer::kAlignment == 0;
}

TEST(Arena, BlocksAreAlignedZeroedApartAndStayInPlace) {
  Arena arena;
  std::vector<std::span<std::byte>> blocks;
  for (size_t bytes : {1u, 63u, 64u, 65u, 4096u, 0u, 3u << 20}) {
    auto block = arena.Allocate(bytes);
    ASSERT_TRUE(block.ok()) << block.status().message();
    ASSERT_EQ(block->size(), bytes);
    ASSERT_TRUE(IsAligned(block->data()));
    // The padding behind the block may be read, and is zero before the next block is written.
    EXPECT_TRUE(std::all_of(block->data(), block->data() + bytes + Buffer::kReadablePadding,
                            [](std::byte value) { return value == std::byte{0}; }));
    std::memset(block->data(), static_cast<int>(blocks.size()) + 1, bytes);
    blocks.push_back(*block);
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_TRUE(std::all_of(blocks[i].begin(), blocks[i].end(), [&](std::byte value) { return value == std::byte(i + 1); })) << i;
  }
}

TEST(Arena, ABlockLargerThanAChunkGetsAMapOfItsOwn) {
  Arena arena;
  const size_t bytes = (size_t{300} << 20) + 1;  // untouched pages cost no memory
  auto large = arena.Allocate(bytes);
  ASSERT_TRUE(large.ok());
  large->back() = std::byte{7};
  auto small = arena.Allocate(10);
  ASSERT_TRUE(small.ok());
  EXPECT_TRUE(small->data() + 10 <= large->data() || small->data() >= large->data() + bytes);
  EXPECT_EQ(large->back(), std::byte{7});
}

TEST(Arena, CountsWhatItHandsOut) {
  Arena arena;
  EXPECT_EQ(arena.bytes(), 0);
  ASSERT_TRUE(arena.Allocate(1).ok());
  EXPECT_EQ(arena.bytes(), 128);  // 1 + 64 readable, rounded up to 64
}

TEST(Arena, SizesThatNoMachineHasAreErrors) {
  Arena arena;
  for (const size_t bytes : {std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max() - 64, size_t{1} << 60}) {
    const auto block = arena.Allocate(bytes);
    ASSERT_FALSE(block.ok());
    EXPECT_EQ(block.status().code(), StatusCode::kResourceExhausted);
  }
  EXPECT_TRUE(arena.Allocate(64).ok());
}

}  // namespace
}  // namespace sterna
