#include "base/thread_pool.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <span>
#include <system_error>

#include "base/cpu_topology.h"

namespace sterna {
namespace {

// The serial work between two matrix products of a decode step takes some tens of microseconds.
constexpr int64_t kLongSpin = 100'000;
// Long enough for a thread that is just about to finish on another processor.
constexpr int64_t kShortSpin = 4'000;
// Waking a sleeping thread takes this much: a wait that was longer than a long spin by no more than this would have been spun
// through.
constexpr int64_t kWakeLatency = 50'000;
// A loop of a few pauses does not take this long, unless the processor does something else meanwhile.
constexpr int64_t kLostProcessor = 300'000;
constexpr int64_t kCrowdedFor = 50'000'000;
constexpr int kPausesPerClock = 16;

// Low half of open_: everybody runs the body once, there are no ranges to claim.
constexpr uint32_t kEveryone = uint32_t{1} << 31;
// A job of more ranges is cut into several.
constexpr int64_t kMaxRanges = int64_t{1} << 30;

uint32_t JobOf(uint64_t open) {
  return static_cast<uint32_t>(open >> 32);
}
uint32_t Unclaimed(uint64_t open) {
  const auto low = static_cast<uint32_t>(open);
  return low == kEveryone ? 0 : low;
}

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void ThreadPool::SpinBudget::Learn(Nanoseconds waited) {
  length = waited <= kLongSpin + kWakeLatency ? kLongSpin : std::max(length / 2, kShortSpin);
}

ThreadPool::ThreadPool(const ThreadPoolOptions& options) : caller_budget_{kLongSpin} {
  const std::vector<int> before = AvailableCpus();
  const std::vector<int>& cpus = options.cpus.empty() ? before : options.cpus;
  const auto processors = static_cast<int>(cpus.size());
  is_oversubscribed_ = options.threads > processors;
  useful_workers_ = std::max(1, std::min(options.threads, processors) - 1);
  const auto place = [this, cpus, is_pinned = options.is_pinned](int worker) {
    const std::span<const int> all = cpus;
    const size_t mine = static_cast<size_t>(worker) % all.size();
    if (!MoveThisThread(is_pinned ? all.subspan(mine, 1) : all)) is_placed_.store(false, std::memory_order_relaxed);
  };
  const bool is_moved = !options.cpus.empty() || options.is_pinned;
  try {
    for (int worker = 1; worker < options.threads; ++worker) {
      workers_.emplace_back([this, worker, place, is_moved] {
        if (is_moved) place(worker);
        WorkerLoop(worker);
      });
    }
  } catch (const std::system_error&) {
    // The system allows no more threads; the ones that started are the team.
  }
  // Last: threads inherit the processors of the one that starts them.
  if (is_moved) {
    caller_cpus_ = before;
    place(0);
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  Post(kEveryone, threads());
  for (std::thread& worker : workers_) worker.join();
  if (!caller_cpus_.empty()) MoveThisThread(caller_cpus_);
}

bool ThreadPool::Post(uint32_t unclaimed, int wanted) {
  // Sequentially consistent with sleepers_: either this thread sees the sleeper, or the sleeper sees the job.
  open_.store((uint64_t{JobOf(open_.load(std::memory_order_relaxed)) + 1} << 32) | unclaimed, std::memory_order_seq_cst);
  const int sleepers = sleepers_.load(std::memory_order_seq_cst);
  if (sleepers == 0) return false;
  wake_.fetch_add(1, std::memory_order_seq_cst);
  if (wanted >= sleepers) {
    wake_.notify_all();
  } else {
    for (int i = 0; i < wanted; ++i) wake_.notify_one();
  }
  return true;
}

void ThreadPool::Run(FunctionRef<void(int worker)> body) {
  assert(unfinished_.load() == 0 && "ThreadPool::Run is not reentrant");
  if (workers_.empty()) {
    body(0);
    return;
  }
  job_.body = &body;
  unfinished_.store(static_cast<uint32_t>(workers_.size()), std::memory_order_relaxed);
  const bool woke = Post(kEveryone, threads());
  body(0);
  // The system often wakes a thread on the waker's own processor, where it starts only when this thread sleeps.
  AwaitAllFinished(woke ? kShortSpin : kLongSpin);
}

void ThreadPool::ParallelFor(int64_t count, int64_t grain, FunctionRef<void(int64_t begin, int64_t end, int worker)> body) {
  assert(grain > 0);
  if (count <= 0) return;
  int64_t ranges = (count - 1) / grain + 1;
  for (int64_t begin = 0; ranges > 0;) {
    const int64_t some = std::min(ranges, kMaxRanges);
    const int64_t end = some == ranges ? count : begin + some * grain;
    RunRanges(begin, end, grain, static_cast<uint32_t>(some), body);
    ranges -= some;
    begin = end;
  }
}

void ThreadPool::RunRanges(int64_t begin, int64_t end, int64_t grain, uint32_t ranges,
                           const FunctionRef<void(int64_t, int64_t, int)>& body) {
  assert(unfinished_.load() == 0 && "ThreadPool::ParallelFor is not reentrant");
  if (ranges == 1 || workers_.empty()) {
    for (uint32_t range = 0; range < ranges; ++range) {
      const int64_t first = begin + range * grain;
      body(first, first + std::min(grain, end - first), 0);
    }
    return;
  }
  job_ = {.body = nullptr, .range_body = &body, .begin = begin, .end = end, .grain = grain, .ranges = ranges};
  unfinished_.store(ranges, std::memory_order_relaxed);
  Post(ranges, static_cast<int>(std::min<int64_t>(ranges - 1, useful_workers_)));
  Finish(RunClaimed(0));
  AwaitAllFinished(kLongSpin);
}

uint32_t ThreadPool::RunClaimed(int worker) {
  uint32_t finished = 0;
  uint64_t open = open_.load(std::memory_order_acquire);
  while (Unclaimed(open) > 0) {
    // Whoever takes a range off the count holds it, whichever job it belongs to, and keeps the caller in that job until it says
    // that it is done.
    if (!open_.compare_exchange_weak(open, open - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    const int64_t first = job_.begin + int64_t{job_.ranges - Unclaimed(open)} * job_.grain;
    (*job_.range_body)(first, first + std::min(job_.grain, job_.end - first), worker);
    ++finished;
    open = open_.load(std::memory_order_acquire);
  }
  return finished;
}

void ThreadPool::Finish(uint32_t parts) {
  if (parts == 0) return;
  // Only the caller waits for this counter, and only zero is news to it.
  if (unfinished_.fetch_sub(parts, std::memory_order_acq_rel) == parts) unfinished_.notify_one();
}

void ThreadPool::AwaitAllFinished(Nanoseconds longest_spin) {
  if (unfinished_.load(std::memory_order_acquire) == 0) return;
  const Nanoseconds start = Now();
  const auto is_over = [this] { return unfinished_.load(std::memory_order_acquire) == 0; };
  if (!Spin(start, std::min(longest_spin, SpinLength(start, caller_budget_)), is_over)) {
    for (uint32_t left = unfinished_.load(std::memory_order_acquire); left != 0;
         left = unfinished_.load(std::memory_order_acquire)) {
      unfinished_.wait(left, std::memory_order_acquire);
    }
  }
  caller_budget_.Learn(Now() - start);
}

uint64_t ThreadPool::AwaitJob(uint32_t seen, SpinBudget& budget) {
  const auto is_over = [this, seen] { return JobOf(open_.load(std::memory_order_acquire)) != seen; };
  if (!is_over()) {
    const Nanoseconds start = Now();
    if (!Spin(start, SpinLength(start, budget), is_over)) {
      while (!is_over()) {
        const uint32_t ticket = wake_.load(std::memory_order_seq_cst);
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        if (JobOf(open_.load(std::memory_order_seq_cst)) == seen) wake_.wait(ticket, std::memory_order_seq_cst);
        sleepers_.fetch_sub(1, std::memory_order_seq_cst);
      }
    }
    budget.Learn(Now() - start);
  }
  return open_.load(std::memory_order_acquire);
}

ThreadPool::Nanoseconds ThreadPool::SpinLength(Nanoseconds start, const SpinBudget& budget) const {
  const bool is_crowded = is_oversubscribed_ || start < crowded_until_.load(std::memory_order_relaxed);
  return is_crowded ? std::min(budget.length, kShortSpin) : budget.length;
}

template <class Condition>
bool ThreadPool::Spin(Nanoseconds start, Nanoseconds length, Condition is_over) {
  Nanoseconds last = start;
  for (;;) {
    for (int i = 0; i < kPausesPerClock; ++i) {
      if (is_over()) return true;
      Pause();
    }
    const Nanoseconds now = Now();
    if (now - last > kLostProcessor) crowded_until_.store(now + kCrowdedFor, std::memory_order_relaxed);
    if (now - start > length) return is_over();
    last = now;
  }
}

void ThreadPool::WorkerLoop(int worker) {
  SpinBudget budget{kLongSpin};
  uint32_t seen = 0;
  for (;;) {
    const uint64_t open = AwaitJob(seen, budget);
    seen = JobOf(open);
    if (static_cast<uint32_t>(open) != kEveryone) {
      Finish(RunClaimed(worker));
      continue;
    }
    if (stop_) return;
    (*job_.body)(worker);
    Finish(1);
  }
}

}  // namespace sterna
