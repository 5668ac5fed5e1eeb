// Fork-join work on a fixed team of threads: one call hands ranges or a body to the team and returns when the work is done.
#ifndef STERNA_BASE_THREAD_POOL_H_
#define STERNA_BASE_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace sterna {

struct ThreadPoolOptions {
  int threads = 1;         ///< the calling thread included; values below 1 count as 1
  std::vector<int> cpus;   ///< processors that the team may run on; empty: those of the calling thread
  bool is_pinned = false;  ///< worker i runs on cpus[i % cpus.size()] alone
};

/// A fixed team of threads for fork-join work. The calling thread is worker 0.
///
/// Waiting threads spin for some tens of microseconds, then sleep on a futex, so that a team between jobs costs nothing. Spinning
/// is cut short where it did not pay lately, and where the spinning thread lost its processor to somebody else: then there are more
/// running threads than processors, and who spins takes the time of the thread it waits for.
class ThreadPool {
 public:
  /// Starts threads - 1 threads. Where the system refuses to start one, the team stays smaller: threads() says how many there are.
  explicit ThreadPool(int threads) : ThreadPool(ThreadPoolOptions{.threads = threads, .cpus = {}, .is_pinned = false}) {}
  /// The same on chosen processors. Where `cpus` are named, the calling thread moves to them, too, until the pool is destroyed, by
  /// the same thread; placed() says whether the system agreed.
  explicit ThreadPool(const ThreadPoolOptions& options);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// Wakes and joins the threads. No job may be running.
  ~ThreadPool();

  /// Members of the team, the calling thread included.
  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  /// False where the system refused to put a thread where the options say.
  bool placed() const { return is_placed_.load(std::memory_order_relaxed); }

  /// Runs body(worker) once on each worker, 0 <= worker < threads(), and returns when all are done: what the bodies wrote is then
  /// visible to the caller. Needs every thread to get a processor: prefer ParallelFor. Not reentrant; one caller at a time. body
  /// must not throw.
  void Run(FunctionRef<void(int worker)> body);

  /// Splits [0, count) into ranges of `grain` (> 0; the last may be shorter), which the workers claim one by one; calls
  /// body(begin, end, worker) once for each and returns when all are done. A worker that has no processor holds no range: the
  /// others take its part, and only ranges that somebody has begun are waited for. Each worker sees its ranges in rising order. A
  /// single range runs on the caller without waking anyone. Rules as for Run.
  void ParallelFor(int64_t count, int64_t grain, FunctionRef<void(int64_t begin, int64_t end, int worker)> body);

 private:
  using Nanoseconds = int64_t;

  /// How long one thread spins before it sleeps, from how its last waits ended.
  struct SpinBudget {
    Nanoseconds length;
    void Learn(Nanoseconds waited);
  };

  /// What the team works on. Written by the caller while nobody holds a claim, read only by those who do.
  struct Job {
    const FunctionRef<void(int)>* body = nullptr;
    const FunctionRef<void(int64_t, int64_t, int)>* range_body = nullptr;
    int64_t begin = 0, end = 0, grain = 1;
    uint32_t ranges = 0;
  };

  void WorkerLoop(int worker);
  /// Makes the job in job_ visible, and wakes up to `wanted` workers that sleep. Whether there were any.
  bool Post(uint32_t unclaimed, int wanted);
  void RunRanges(int64_t begin, int64_t end, int64_t grain, uint32_t ranges, const FunctionRef<void(int64_t, int64_t, int)>& body);
  /// Claims ranges of the current job until none is left; returns how many.
  uint32_t RunClaimed(int worker);
  void Finish(uint32_t parts);
  void AwaitAllFinished(Nanoseconds longest_spin);
  /// The first value of open_ whose job is not `seen`.
  uint64_t AwaitJob(uint32_t seen, SpinBudget& budget);
  /// Spins until is_over() or the budget is spent, and says whether it is over.
  template <class Condition>
  bool Spin(Nanoseconds start, Nanoseconds length, Condition is_over);
  Nanoseconds SpinLength(Nanoseconds start, const SpinBudget& budget) const;

  static constexpr size_t kCacheLine = 64;

  Job job_;
  bool stop_ = false;       // written before the last job is posted
  int useful_workers_ = 1;  // besides the caller: no more than there are other processors
  bool is_oversubscribed_ = false;
  SpinBudget caller_budget_{};    // of the thread that calls Run and ParallelFor
  std::vector<int> caller_cpus_;  // where the caller may run when the pool is gone; empty: it was not moved
  std::atomic<bool> is_placed_{true};
  // Number of the job (upper half; wraps), kEveryone, and how many ranges nobody has claimed.
  alignas(kCacheLine) std::atomic<uint64_t> open_{0};
  alignas(kCacheLine) std::atomic<uint32_t> unfinished_{0};  // ranges, or workers of Run, that are not done
  alignas(kCacheLine) std::atomic<int32_t> sleepers_{0};
  std::atomic<uint32_t> wake_{0};              // what sleepers wait on; changes when one of them shall look again
  std::atomic<Nanoseconds> crowded_until_{0};  // a spinning thread lost its processor shortly before
  alignas(kCacheLine) std::vector<std::thread> workers_;
};

}  // namespace sterna

#endif  // STERNA_BASE_THREAD_POOL_H_
