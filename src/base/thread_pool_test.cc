#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/cpu_topology.h"

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

/// Processor time of the whole process.
std::chrono::nanoseconds ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST(ThreadPool, AnIdlePoolSleeps) {
  ThreadPool pool(4);
  pool.Run([](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto before = ProcessorTime();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  // Three threads that spin would take 400 ms or more; sanitizers have threads of their own.
  EXPECT_LT(ProcessorTime() - before, std::chrono::milliseconds(40));
}

TEST(ThreadPool, AWorkerThatIsStuckHoldsOneRangeAndTheCallerDoesTheOthers) {
  ThreadPool pool(2);
  std::atomic<bool> caller_did_the_last = false, gave_up = false;
  std::vector<int> owner(8, -1);
  pool.ParallelFor(8, 1, [&](int64_t begin, int64_t, int worker) {
    owner[static_cast<size_t>(begin)] = worker;
    if (begin == 7) caller_did_the_last = true;
    if (worker == 0) return;
    // The first range that the worker claims ends only when all others are claimed.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!caller_did_the_last && !gave_up) {
      std::this_thread::yield();
      if (std::chrono::steady_clock::now() > deadline) gave_up = true;
    }
  });
  EXPECT_FALSE(gave_up);
  EXPECT_EQ(std::count(owner.begin(), owner.end(), -1), 0);
  EXPECT_LE(std::count(owner.begin(), owner.end(), 1), 1);
}

TEST(ThreadPool, PinnedWorkersRunOnTheirProcessorsAndTheCallerReturnsToItsOwn) {
  const std::vector<int> before = AvailableCpus();
  for (const bool is_pinned : {false, true}) {
    {
      ThreadPool pool({.threads = 3, .cpus = {before.back(), before.front()}, .is_pinned = is_pinned});
      std::vector<std::vector<int>> seen(3);
      pool.Run([&](int worker) { seen[static_cast<size_t>(worker)] = AvailableCpus(); });
      EXPECT_TRUE(pool.placed());
      for (size_t worker = 0; worker < seen.size(); ++worker) {
        std::vector<int> wanted = {before.front(), before.back()};
        if (is_pinned) wanted = {worker % 2 == 0 ? before.back() : before.front()};
        wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
        EXPECT_EQ(seen[worker], wanted) << worker;
      }
    }
    EXPECT_EQ(AvailableCpus(), before);
  }
}

TEST(ThreadPool, ProcessorsThatDoNotExistLeaveAWorkingPool) {
  ThreadPool pool({.threads = 2, .cpus = {60000}, .is_pinned = true});
  std::atomic<int> calls = 0;
  pool.Run([&](int) { ++calls; });
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(pool.placed());
}

}  // namespace
}  // namespace sterna
