#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace sterna {
namespace {

TEST(ThreadPool, RunsTheBodyOnceOnEveryWorkerAndOnDistinctThreads) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    std::vector<int> calls(static_cast<size_t>(threads), 0);
    std::vector<std::thread::id> ids(static_cast<size_t>(threads));
    pool.Run([&](int worker) {
      ++calls[static_cast<size_t>(worker)];
      ids[static_cast<size_t>(worker)] = std::this_thread::get_id();
    });
    EXPECT_EQ(calls, std::vector<int>(static_cast<size_t>(threads), 1));
    EXPECT_EQ(std::set<std::thread::id>(ids.begin(), ids.end()).size(), static_cast<size_t>(threads));
    EXPECT_EQ(ids[0], std::this_thread::get_id());
  }
}

TEST(ThreadPool, CountsBelowOneMeanTheCallerAlone) {
  for (const int threads : {0, -3}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), 1);
    int calls = 0;
    pool.Run([&](int worker) { calls += worker + 1; });
    EXPECT_EQ(calls, 1);
  }
}

// Plain, unsynchronized memory is handed from the caller to the workers and back in every job: ThreadSanitizer reports a race if
// Run lacks an edge in either direction, and a lost wake-up hangs the test.
TEST(ThreadPool, EveryJobSeesTheWritesBeforeItAndItsOwnAreSeenAfterIt) {
  for (const int threads : {2, 5}) {
    ThreadPool pool(threads);
    std::vector<int64_t> slots(static_cast<size_t>(threads) * 16, 0);
    int64_t input = 0;
    for (int64_t job = 1; job <= 3000; ++job) {
      input = job;
      pool.Run([&](int worker) { slots[static_cast<size_t>(worker) * 16] += input; });
      for (int worker = 0; worker < threads; ++worker) ASSERT_EQ(slots[static_cast<size_t>(worker) * 16], job * (job + 1) / 2);
    }
  }
}

TEST(ThreadPool, JobsAfterAPauseWakeSleepingWorkers) {
  ThreadPool pool(3);
  std::atomic<int> calls = 0;
  for (int job = 0; job < 20; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // workers give up spinning and sleep
    pool.Run([&](int worker) {
      // The caller ends first and has to sleep until the others are done.
      if (worker > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      calls.fetch_add(1);
    });
    ASSERT_EQ(calls.load(), 3 * (job + 1));
  }
}

TEST(ThreadPool, ParallelForCoversEveryIndexOnceInRangesOfTheGrain) {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (const int64_t count : {0, 1, 2, 7, 8, 9, 100, 1001}) {
      for (const int64_t grain : {1, 3, 8, 1000, 5000}) {
        std::vector<int> visits(static_cast<size_t>(count), 0);
        std::vector<int64_t> last_begin(static_cast<size_t>(threads), -1);
        pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end, int worker) {
          EXPECT_EQ(begin % grain, 0);
          EXPECT_EQ(end, std::min(begin + grain, count));
          EXPECT_GT(begin, std::exchange(last_begin[static_cast<size_t>(worker)], begin));
          for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
        });
        EXPECT_EQ(visits, std::vector<int>(static_cast<size_t>(count), 1)) << count << ' ' << grain << ' ' << threads;
      }
    }
  }
}

TEST(ThreadPool, ParallelForDoesNotOverflowAtTheEndOfTheNumberRange) {
  ThreadPool pool(2);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  std::atomic<uint64_t> covered = 0;
  std::atomic<int> ranges = 0;
  pool.ParallelFor(kMax, kMax / 3, [&](int64_t begin, int64_t end, int) {
    covered += static_cast<uint64_t>(end - begin);
    ++ranges;
  });
  EXPECT_EQ(covered.load(), static_cast<uint64_t>(kMax));
  EXPECT_EQ(ranges.load(), 4);  // kMax = 3 * (kMax / 3) + 1
}

// Alternates jobs of very different length on more threads than processors, with pools that come and go.
TEST(ThreadPool, HammerWithMoreThreadsThanProcessors) {
  for (int round = 0; round < 10; ++round) {
    ThreadPool pool(1 + round % 9);
    std::vector<int64_t> sums(9 * 16, 0);
    int64_t expected = 0;
    for (int64_t job = 0; job < 200; ++job) {
      const int64_t count = job % 37;
      pool.ParallelFor(count, 1 + job % 5, [&](int64_t begin, int64_t end, int worker) {
        for (int64_t i = begin; i < end; ++i) sums[static_cast<size_t>(worker) * 16] += i + job;
      });
      for (int64_t i = 0; i < count; ++i) expected += i + job;
    }
    int64_t total = 0;
    for (const int64_t sum : sums) total += sum;
    EXPECT_EQ(total, expected);
  }
}

TEST(ThreadPool, IsDestroyedWhileItsWorkersSleepOrSpin) {
  for (int round = 0; round < 50; ++round) {
    ThreadPool pool(4);
    if (round % 2 == 0) pool.Run([](int) {});
    if (round % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(ThreadPool, TheDefaultIsAtLeastOneThreadAndAtMostTheProcessorsOfTheMask) {
  EXPECT_GE(DefaultThreadCount(), 1);
  EXPECT_LE(DefaultThreadCount(), static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

}  // namespace
}  // namespace sterna
