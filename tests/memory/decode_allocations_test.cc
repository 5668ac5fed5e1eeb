// A decode step takes nothing from the heap: this program counts what malloc and operator new are asked for.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "api/loaded_model.h"
#include "engine/sampler.h"
#include "engine/session.h"

namespace {

std::atomic<bool> g_counting = false;
std::atomic<int64_t> g_allocations = 0;

[[maybe_unused]] void Count() {  // sanitizers have a malloc of their own
  if (g_counting.load(std::memory_order_relaxed)) g_allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define STERNA_COUNTS_ALLOCATIONS 1

// What the C library's own functions are called beneath; operator new ends in malloc. mmap is not seen: what uses it, buffers of
// 1 MiB and more, also counts in MemoryUse::allocations.
extern "C" {
void* __libc_malloc(size_t);            // NOLINT
void* __libc_calloc(size_t, size_t);    // NOLINT
void* __libc_realloc(void*, size_t);    // NOLINT
void* __libc_memalign(size_t, size_t);  // NOLINT

void* malloc(size_t bytes) {
  Count();
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  Count();
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, size_t bytes) {
  Count();
  return __libc_realloc(block, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  Count();
  return __libc_memalign(alignment, bytes);
}
}
#endif

namespace sterna {
namespace {

int64_t BufferAllocations() {
  int64_t sum = 0;
  for (size_t tag = 0; tag < kMemoryTags; ++tag) sum += ReadMemoryUse(static_cast<MemoryTag>(tag)).allocations;
  return sum;
}

struct Counts {
  int64_t heap, buffers;
};

/// Allocations while `body` runs.
template <class Body>
Counts CountAllocations(Body body) {
  const int64_t buffers = BufferAllocations();
  g_allocations = 0;
  g_counting = true;
  body();
  g_counting = false;
  return {g_allocations.load(), BufferAllocations() - buffers};
}

/// Samples and appends `steps` tokens.
void Decode(Session& session, Sampler& sampler, std::vector<float>& logits, int steps) {
  for (int step = 0; step < steps; ++step) {
    const Result<int32_t> token = sampler.Sample(logits, session.tokens());
    if (!token.ok()) std::abort();
    const int32_t id = *token;
    const auto next = session.Append({&id, 1});
    if (!next.ok()) std::abort();
    std::copy(next->begin(), next->end(), logits.begin());
  }
}

class DecodeAllocations : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
#if !defined(STERNA_COUNTS_ALLOCATIONS)
    GTEST_SKIP() << "a sanitizer's allocator, or a C library whose functions cannot be replaced";
#endif
  }
};

TEST_P(DecodeAllocations, AreNoneAfterTheFirstSteps) {
  Result<LoadedModel> loaded = MakeShapedModel("tiny", GetParam(), {.threads = 2, .isa = "", .max_context = 256});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  SamplerOptions penalties;
  penalties.temperature = 0.8F;
  penalties.repeat_penalty = 1.1F;
  penalties.presence_penalty = 0.1F;
  for (const SamplerOptions& options : {SamplerOptions{.temperature = 0}, SamplerOptions(), penalties}) {
    const std::unique_ptr<Session> session =
        std::move(Session::Create(loaded->model, {.pressure = std::make_shared<MemoryPressure>()})).value();
    Sampler sampler(options);
    const std::vector<int32_t> prompt = {1, 2, 3, 4, 5};
    const auto first = session->Append(prompt);
    ASSERT_TRUE(first.ok());
    std::vector<float> logits(first->begin(), first->end());
    Decode(*session, sampler, logits, 100);  // the cache's blocks and the vectors reach their size
    session->Rewind(5);
    Decode(*session, sampler, logits, 3);
    const Counts counts = CountAllocations([&] { Decode(*session, sampler, logits, 80); });
    EXPECT_EQ(counts.heap, 0);
    EXPECT_EQ(counts.buffers, 0);
  }
}

TEST_P(DecodeAllocations, TheCountSeesThem) {
  const Counts counts = CountAllocations([] {
    const std::vector<int> heap(100, 1);
    const Result<Buffer> buffer = Buffer::Allocate(size_t{2} << 20);
    EXPECT_TRUE(buffer.ok());
    EXPECT_EQ(heap.back(), 1);
  });
  EXPECT_GE(counts.heap, 1);
  EXPECT_EQ(counts.buffers, 1);
}

INSTANTIATE_TEST_SUITE_P(Heads, DecodeAllocations, ::testing::Values("F16", "Q6_K"));

}  // namespace
}  // namespace sterna
