#include "base/memory_tracker.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/buffer.h"

namespace sterna {
namespace {

constexpr MemoryTag kTag = MemoryTag::kTokenizer;  // no buffer of these tests' program but theirs has it

TEST(MemoryTracker, CountsLivePeakAndAllocations) {
  const MemoryUse before = ReadMemoryUse(kTag);
  {
    const TrackedMemory first(kTag, 1000);
    {
      const TrackedMemory second(kTag, 500);
      EXPECT_EQ(ReadMemoryUse(kTag).live_bytes, before.live_bytes + 1500);
    }
    const MemoryUse now = ReadMemoryUse(kTag);
    EXPECT_EQ(now.live_bytes, before.live_bytes + 1000);
    EXPECT_GE(now.peak_bytes, before.live_bytes + 1500);
    EXPECT_EQ(now.allocations, before.allocations + 2);
    EXPECT_EQ(now.frees, before.frees + 1);
  }
  EXPECT_EQ(ReadMemoryUse(kTag).live_bytes, before.live_bytes);
}

TEST(MemoryTracker, AMoveCountsNothingTwice) {
  const MemoryUse before = ReadMemoryUse(kTag);
  {
    TrackedMemory first(kTag, 100);
    TrackedMemory second = std::move(first);
    first = std::move(second);
    TrackedMemory third;
    third = std::move(first);
    EXPECT_EQ(ReadMemoryUse(kTag).live_bytes, before.live_bytes + 100);
  }
  const MemoryUse after = ReadMemoryUse(kTag);
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  EXPECT_EQ(after.allocations, before.allocations + 1);
  EXPECT_EQ(after.frees, before.frees + 1);
}

TEST(MemoryTracker, LifetimesAreOfWhatWasFreed) {
  {
    const TrackedMemory memory(MemoryTag::kWeights, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  }
  EXPECT_GT(ReadMemoryUse(MemoryTag::kWeights).mean_lifetime_s,
            0.02 / static_cast<double>(ReadMemoryUse(MemoryTag::kWeights).frees));
}

TEST(MemoryTracker, ThreadsLoseNoCount) {
  const MemoryUse before = ReadMemoryUse(kTag);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 20000; ++round) const TrackedMemory memory(kTag, 8);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const MemoryUse after = ReadMemoryUse(kTag);
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  EXPECT_EQ(after.allocations, before.allocations + 80000);
  EXPECT_EQ(after.frees, before.frees + 80000);
}

TEST(MemoryTracker, BuffersCountUnderTheirTagAndOnlyWrittenPagesAreResident) {
  constexpr size_t kBytes = size_t{16} << 20;
  const MemoryUse before = ReadMemoryUse(kTag);
  {
    Buffer large = Buffer::Allocate(kBytes, kTag).value();
    Buffer small = Buffer::Allocate(1000, kTag).value();
    const MemoryUse untouched = ReadMemoryUse(kTag);
    EXPECT_GE(untouched.live_bytes, before.live_bytes + static_cast<int64_t>(kBytes) + 1000);
    EXPECT_GE(untouched.mapped_bytes, before.mapped_bytes + static_cast<int64_t>(kBytes));
    EXPECT_LT(untouched.resident_bytes, before.resident_bytes + static_cast<int64_t>(kBytes) / 4);
    std::memset(large.data(), 1, kBytes);
    EXPECT_GE(ReadMemoryUse(kTag).resident_bytes, before.resident_bytes + static_cast<int64_t>(kBytes));
  }
  const MemoryUse after = ReadMemoryUse(kTag);
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  EXPECT_EQ(after.mapped_bytes, before.mapped_bytes);
  EXPECT_EQ(after.resident_bytes, before.resident_bytes);
}

TEST(MemoryTracker, AnArenaCountsItsChunks) {
  const MemoryUse before = ReadMemoryUse(kTag);
  {
    Arena arena(kTag);
    ASSERT_TRUE(arena.Allocate(100).ok());
    EXPECT_GE(ReadMemoryUse(kTag).live_bytes, before.live_bytes + 100);
  }
  EXPECT_EQ(ReadMemoryUse(kTag).live_bytes, before.live_bytes);
}

}  // namespace
}  // namespace sterna
