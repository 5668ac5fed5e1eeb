// Fork-join work on a fixed team of threads: one call starts a body on every thread and returns when all have finished.
#ifndef STERNA_BASE_THREAD_POOL_H_
#define STERNA_BASE_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace sterna {

/// A fixed team of threads for fork-join work. The calling thread is worker 0. Workers spin briefly for the next job, then sleep on
/// a futex (std::atomic wait), so that a team between jobs costs nothing after some tens of microseconds.
class ThreadPool {
 public:
  /// Starts threads - 1 threads; values below 1 count as 1. Where the system refuses to start one, the team stays smaller:
  /// threads() says how many there are.
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// Wakes and joins the threads. No job may be running.
  ~ThreadPool();

  /// Members of the team, the calling thread included.
  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Runs body(worker) once on each worker, 0 <= worker < threads(), and returns when all are done: what the bodies wrote is then
  /// visible to the caller. Not reentrant; one caller at a time. body must not throw.
  void Run(FunctionRef<void(int worker)> body);

  /// Splits [0, count) into ranges of `grain` (> 0; the last may be shorter), which the workers claim one by one; calls
  /// body(begin, end, worker) once for each and returns when all are done. Each worker sees its ranges in rising order. A single
  /// range runs on the caller without waking anyone. Rules as for Run.
  void ParallelFor(int64_t count, int64_t grain, FunctionRef<void(int64_t begin, int64_t end, int worker)> body);

 private:
  void WorkerLoop(int worker);

  static constexpr size_t kCacheLine = 64;

  // Written by the caller before job_ changes, read by the workers after they saw the change.
  const FunctionRef<void(int)>* body_ = nullptr;
  bool stop_ = false;
  int pauses_ = 0;                                          // spin-loop hints before a waiting thread starts to yield
  alignas(kCacheLine) std::atomic<uint32_t> job_{0};        // number of the current job; wraps
  alignas(kCacheLine) std::atomic<int32_t> unfinished_{0};  // workers other than the caller still inside the current job
  std::vector<std::thread> workers_;
};

/// Threads to use when the user names no number: the physical cores this process may run on (its affinity mask, SMT siblings
/// counted once); at least 1.
int DefaultThreadCount();

}  // namespace sterna

#endif  // STERNA_BASE_THREAD_POOL_H_
