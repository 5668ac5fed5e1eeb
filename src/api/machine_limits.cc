#include "api/machine_limits.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>

#include "api/system_memory.h"
#include "base/buffer.h"
#include "base/thread_pool.h"
#include "kernels/probe/probe.h"

namespace sterna {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kAttempts = 7;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// 256 MB, or an eighth of the free memory where that is less.
int64_t ReadBufferBytes() {
  constexpr int64_t kWanted = int64_t{256} << 20;
  constexpr int64_t kLeast = int64_t{1} << 20;
  const int64_t available = ReadSystemMemory().available_bytes;
  const int64_t bytes = available > 0 ? std::clamp(available / 8, kLeast, kWanted) : kWanted;
  return bytes / 64 * 64;
}

Result<double> MeasureRead(ThreadPool& pool, Isa isa, int64_t bytes) {
  STERNA_ASSIGN_OR_RETURN(Buffer buffer, Buffer::Allocate(static_cast<size_t>(bytes)));
  const int64_t lines = bytes / 64;
  const auto share_begin = [&](int worker) { return lines * worker / pool.threads() * 64; };
  // Pages that were never written are all the same page of zeros, which the caches would hold.
  pool.Run([&](int worker) {
    const int64_t begin = share_begin(worker);
    std::memset(buffer.data() + begin, worker + 1, static_cast<size_t>(share_begin(worker + 1) - begin));
  });
  const ReadProbeFunction read = SelectKernel(ReadProbeKernels(), isa).function;
  std::atomic<uint64_t> sum = 0;
  double best_seconds = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto start = Clock::now();
    pool.Run([&](int worker) {
      const int64_t begin = share_begin(worker);
      sum += read({.data = buffer.data() + begin, .bytes = share_begin(worker + 1) - begin});
    });
    const double seconds = SecondsSince(start);
    if (attempt == 0 || seconds < best_seconds) best_seconds = seconds;
  }
  return static_cast<double>(bytes) / std::max(best_seconds, 1e-9) * 1e-9;
}

double MeasureMultiply(ThreadPool& pool, Isa isa) {
  const MultiplyProbeFunction multiply = SelectKernel(MultiplyProbeKernels(), isa).function;
  alignas(64) std::array<uint8_t, 64> codes;
  alignas(64) std::array<int8_t, 64> x;
  codes.fill(2);
  x.fill(127);
  std::atomic<int64_t> products = 0;
  std::atomic<uint32_t> sums = 0;
  const auto run = [&](int64_t rounds) {
    products = 0;
    const auto start = Clock::now();
    pool.Run([&](int) {
      uint32_t sum = 0;
      products += multiply({.codes = codes.data(), .x = x.data(), .rounds = rounds, .sum = &sum});
      sums += sum;
    });
    return SecondsSince(start);
  };
  // Long enough that starting the threads does not count.
  constexpr double kSeconds = 0.02;
  int64_t rounds = 64;
  while (run(rounds) < kSeconds && rounds < (int64_t{1} << 40)) rounds *= 2;
  double best = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double seconds = run(rounds);
    best = std::max(best, static_cast<double>(products.load()) / std::max(seconds, 1e-9) * 1e-9);
  }
  return best;
}

}  // namespace

Result<MachineLimits> MeasureMachineLimits(const ThreadPoolOptions& threads, Isa isa) {
  ThreadPool pool(threads);
  MachineLimits limits{.read_gb_per_s = 0, .int8_gmac_per_s = 0, .read_buffer_bytes = ReadBufferBytes()};
  STERNA_ASSIGN_OR_RETURN(limits.read_gb_per_s, MeasureRead(pool, isa, limits.read_buffer_bytes));
  limits.int8_gmac_per_s = MeasureMultiply(pool, isa);
  return limits;
}

}  // namespace sterna
