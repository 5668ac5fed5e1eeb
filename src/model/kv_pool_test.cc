#include "model/kv_pool.h"

#include <gtest/gtest.h>

#include <set>

#include "backend/cpu/cpu_backend.h"

namespace sterna {
namespace {

constexpr KvShape kShape = {.layers = 1, .kv_heads = 1, .head_dim = 4};

std::shared_ptr<KvPool> MakePool(int64_t max_blocks) {
  auto backend = MakeCpuBackend({.threads = 1, .isa = Isa::kRef});
  EXPECT_TRUE(backend.ok());
  return std::make_shared<KvPool>(*std::move(backend), kShape, max_blocks);
}

TEST(KvPool, BlocksAreAllocatedWhenFirstNeeded) {
  const auto pool = MakePool(10);
  KvSequence sequence(pool);
  EXPECT_EQ(pool->allocated_bytes(), 0);
  EXPECT_TRUE(sequence.Reserve(0).ok());
  EXPECT_EQ(sequence.blocks().blocks.size(), 0u);
  for (const auto& [positions, blocks] : {std::pair<int64_t, size_t>{1, 1}, {31, 1}, {32, 1}, {33, 2}, {64, 2}, {65, 3}}) {
    ASSERT_TRUE(sequence.Reserve(positions).ok());
    EXPECT_EQ(sequence.blocks().blocks.size(), blocks) << positions;
    EXPECT_EQ(pool->allocated_bytes(), static_cast<int64_t>(blocks) * KvBlockBytes(kShape)) << positions;
  }
  ASSERT_TRUE(sequence.Reserve(1).ok()) << "reserving less keeps what is there";
  EXPECT_EQ(sequence.blocks().blocks.size(), 3u);
}

TEST(KvPool, SequencesNeverShareABlock) {
  const auto pool = MakePool(10);
  KvSequence a(pool), b(pool);
  ASSERT_TRUE(a.Reserve(40).ok());
  ASSERT_TRUE(b.Reserve(70).ok());
  ASSERT_TRUE(a.Reserve(90).ok());
  std::set<void*> addresses(a.blocks().blocks.begin(), a.blocks().blocks.end());
  addresses.insert(b.blocks().blocks.begin(), b.blocks().blocks.end());
  EXPECT_EQ(addresses.size(), 6u);
}

TEST(KvPool, GrowingAndShrinkingKeepsTheFirstBlocks) {
  const auto pool = MakePool(10);
  KvSequence sequence(pool);
  ASSERT_TRUE(sequence.Reserve(33).ok());
  const std::vector<void*> before(sequence.blocks().blocks.begin(), sequence.blocks().blocks.end());
  ASSERT_TRUE(sequence.Reserve(200).ok());
  sequence.ShrinkTo(64);
  EXPECT_EQ(std::vector<void*>(sequence.blocks().blocks.begin(), sequence.blocks().blocks.end()), before);
  sequence.ShrinkTo(32);
  EXPECT_EQ(sequence.blocks().blocks.size(), 1u);
  EXPECT_EQ(sequence.blocks().blocks.front(), before.front());
}

TEST(KvPool, ReturnedBlocksAreUsedAgain) {
  const auto pool = MakePool(2);
  std::set<void*> addresses;
  for (int round = 0; round < 5; ++round) {
    KvSequence sequence(pool);
    ASSERT_TRUE(sequence.Reserve(64).ok()) << "round " << round;
    addresses.insert(sequence.blocks().blocks.begin(), sequence.blocks().blocks.end());
  }
  EXPECT_EQ(addresses.size(), 2u);
  EXPECT_EQ(pool->allocated_bytes(), 2 * KvBlockBytes(kShape));
}

TEST(KvPool, AFullPoolIsAnErrorThatChangesNothing) {
  const auto pool = MakePool(3);
  KvSequence first(pool), second(pool);
  ASSERT_TRUE(first.Reserve(32).ok());
  ASSERT_TRUE(second.Reserve(32).ok());
  const Status status = second.Reserve(97);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("3 blocks of 32 positions"), std::string_view::npos) << status.message();
  EXPECT_EQ(second.blocks().blocks.size(), 1u);
  EXPECT_TRUE(first.Reserve(64).ok()) << "the block that the failed call took is free again";
}

TEST(KvPool, ABlockOfOneSequenceServesAnotherAfterwards) {
  const auto pool = MakePool(1);
  KvSequence first(pool), second(pool);
  ASSERT_TRUE(first.Reserve(1).ok());
  EXPECT_FALSE(second.Reserve(1).ok());
  first.ShrinkTo(0);
  EXPECT_TRUE(second.Reserve(1).ok());
}

TEST(KvPool, FreeBlocksGoBackToTheDeviceWhenAsked) {
  const auto pool = MakePool(5);
  EXPECT_EQ(pool->use().fragmentation(), 0);
  EXPECT_EQ(pool->ReleaseFree(), 0);
  const MemoryUse before = ReadMemoryUse(MemoryTag::kKv);
  KvSequence kept(pool);
  ASSERT_TRUE(kept.Reserve(32).ok());
  {
    KvSequence gone(pool);
    ASSERT_TRUE(gone.Reserve(96).ok());
    EXPECT_EQ(pool->use().fragmentation(), 0);
  }
  EXPECT_EQ(pool->use().blocks, 4);
  EXPECT_EQ(pool->use().free_blocks, 3);
  EXPECT_EQ(pool->use().fragmentation(), 0.75);
  EXPECT_EQ(ReadMemoryUse(MemoryTag::kKv).allocations, before.allocations + 4);
  EXPECT_EQ(pool->ReleaseFree(), 3 * KvBlockBytes(kShape));
  EXPECT_EQ(pool->allocated_bytes(), KvBlockBytes(kShape));
  EXPECT_EQ(pool->use().fragmentation(), 0);
  EXPECT_EQ(ReadMemoryUse(MemoryTag::kKv).frees, before.frees + 3);
  KvSequence next(pool);
  EXPECT_TRUE(next.Reserve(128).ok()) << "the budget is whole again";
  EXPECT_FALSE(next.Reserve(129).ok());
}

}  // namespace
}  // namespace sterna
