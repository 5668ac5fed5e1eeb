#include "api/memory_report.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "base/buffer.h"

namespace sterna {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// Sanitizers bring allocators of their own, which the C library's figures do not know.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasOwnAllocator = true;
#else
constexpr bool kHasOwnAllocator = false;
#endif

TEST(MemoryReport, ItsPartsAreTheResidentMemory) {
  if (kHasOwnAllocator) GTEST_SKIP() << "a sanitizer's allocator hides the heap";
  // An emulator's own memory counts as this process's.
  const int64_t rest_before = ReadMemoryReport({}).rest_bytes;
  Buffer weights = Buffer::Allocate(static_cast<size_t>(96 * kMiB), MemoryTag::kWeights).value();
  std::memset(weights.data(), 1, weights.size() / 2);
  const Buffer small = Buffer::Allocate(static_cast<size_t>(kMiB / 2), MemoryTag::kActivations).value();
  const MemoryReport report = ReadMemoryReport({});
  EXPECT_EQ(report.tagged_bytes + report.heap_bytes + report.file_bytes + report.rest_bytes, report.resident_bytes);
  EXPECT_GE(report.tagged_bytes, 48 * kMiB);
  EXPECT_LT(report.tagged_bytes, 60 * kMiB) << "half of the buffer was never written";
  // What no count explains stays nearly what it was.
  EXPECT_LT(std::abs(report.rest_bytes - rest_before), 8 * kMiB);
  EXPECT_GE(report.peak_resident_bytes, report.resident_bytes);
}

TEST(MemoryReport, FollowsAFreedBuffer) {
  const auto weights = [] { return ReadMemoryReport({}).tags[static_cast<size_t>(MemoryTag::kWeights)]; };
  const MemoryUse before = weights();
  {
    Buffer buffer = Buffer::Allocate(static_cast<size_t>(8 * kMiB), MemoryTag::kWeights).value();
    EXPECT_GE(weights().live_bytes, before.live_bytes + 8 * kMiB);
  }
  EXPECT_EQ(weights().live_bytes, before.live_bytes);
  EXPECT_GE(weights().peak_bytes, before.live_bytes + 8 * kMiB);
}

TEST(MemoryReport, CarriesThePoolOfTheCache) {
  const MemoryReport report = ReadMemoryReport({.blocks = 4, .free_blocks = 1, .block_bytes = 10});
  EXPECT_EQ(report.kv_pool.blocks, 4);
  EXPECT_EQ(report.kv_pool.fragmentation(), 0.25);
}

}  // namespace
}  // namespace sterna
