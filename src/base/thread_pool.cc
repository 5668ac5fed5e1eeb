#include "base/thread_pool.h"

#include <algorithm>
#include <cassert>
#include <system_error>

#include "base/cpu_topology.h"

namespace sterna {
namespace {

// A pause takes 10 to 50 ns on current processors: a worker looks for the next job for some tens of microseconds, longer than the
// serial work between two matrix products of a decode step, and much shorter than a pause of a user.
constexpr int kPauses = 1000;
// With more threads than processors, the thread that is waited for may need this one's processor: give it away early.
constexpr int kPausesWhenCrowded = 20;
constexpr int kYields = 20;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Returns the value of `word` once it differs from `old`: spins, then yields, then sleeps.
template <class T>
T AwaitChange(const std::atomic<T>& word, T old, int pauses) {
  T now = word.load(std::memory_order_acquire);
  for (int i = 0; now == old && i < pauses; ++i) {
    Pause();
    now = word.load(std::memory_order_acquire);
  }
  for (int i = 0; now == old && i < kYields; ++i) {
    std::this_thread::yield();
    now = word.load(std::memory_order_acquire);
  }
  while (now == old) {
    word.wait(old, std::memory_order_acquire);
    now = word.load(std::memory_order_acquire);
  }
  return now;
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  pauses_ = threads > static_cast<int>(AvailableCpus().size()) ? kPausesWhenCrowded : kPauses;
  try {
    for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { WorkerLoop(worker); });
  } catch (const std::system_error&) {
    // The system allows no more threads; the ones that started are the team.
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(FunctionRef<void(int worker)> body) {
  assert(body_ == nullptr && "ThreadPool::Run is not reentrant");
  if (workers_.empty()) {
    body(0);
    return;
  }
  body_ = &body;
  unfinished_.store(static_cast<int32_t>(workers_.size()), std::memory_order_relaxed);
  job_.fetch_add(1, std::memory_order_release);
  job_.notify_all();
  body(0);
  int32_t left = unfinished_.load(std::memory_order_acquire);
  while (left != 0) left = AwaitChange(unfinished_, left, pauses_);
  body_ = nullptr;
}

void ThreadPool::ParallelFor(int64_t count, int64_t grain, FunctionRef<void(int64_t begin, int64_t end, int worker)> body) {
  assert(grain > 0);
  if (count <= 0) return;
  const int64_t ranges = (count - 1) / grain + 1;
  const auto run_range = [&](int64_t range, int worker) {
    const int64_t begin = range * grain;
    body(begin, begin + std::min(grain, count - begin), worker);
  };
  if (ranges == 1 || workers_.empty()) {
    for (int64_t range = 0; range < ranges; ++range) run_range(range, 0);
    return;
  }
  alignas(kCacheLine) std::atomic<int64_t> next{0};
  Run([&](int worker) {
    for (int64_t range = next.fetch_add(1, std::memory_order_relaxed); range < ranges;
         range = next.fetch_add(1, std::memory_order_relaxed)) {
      run_range(range, worker);
    }
  });
}

void ThreadPool::WorkerLoop(int worker) {
  uint32_t seen = 0;
  for (;;) {
    seen = AwaitChange(job_, seen, pauses_);
    if (stop_) return;
    (*body_)(worker);
    // Only the caller waits for this counter, and only zero is news to it.
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
  }
}

int DefaultThreadCount() {
  return PhysicalCoreCount(AvailableCpus(), "/sys/devices/system/cpu");
}

}  // namespace sterna
