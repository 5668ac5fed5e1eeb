// What a fork-join costs: back to back, after serial work, and with more running threads than processors.
//   sterna_thread_pool_bench [THREADS]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#include "base/cpu_topology.h"
#include "base/thread_pool.h"

namespace sterna {
namespace {

using Clock = std::chrono::steady_clock;

double MicrosecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

void Work(double microseconds) {
  const Clock::time_point start = Clock::now();
  while (MicrosecondsSince(start) < microseconds) {
  }
}

struct Quantiles {
  double median, p90, p99;
};

Quantiles QuantilesOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() * 9 / 10], values[values.size() * 99 / 100]};
}

/// Times of `jobs` calls of `fork_join`, each after `serial` microseconds of other work.
template <class ForkJoin>
Quantiles Measure(int jobs, double serial, ForkJoin fork_join) {
  for (int i = 0; i < 1000; ++i) fork_join();
  std::vector<double> times;
  for (int i = 0; i < jobs; ++i) {
    if (serial > 0) Work(serial);
    const Clock::time_point start = Clock::now();
    fork_join();
    times.push_back(MicrosecondsSince(start));
  }
  return QuantilesOf(std::move(times));
}

void Print(const char* what, double serial, const Quantiles& q) {
  fmt::print("{:<12} after {:6.0f} us of serial work  {:8.2f} us median  {:8.2f} p90  {:8.2f} p99\n", what, serial, q.median, q.p90,
             q.p99);
}

int Main(int threads) {
  ThreadPool pool(threads);
  fmt::print("{} threads on {} processors; empty jobs\n", pool.threads(), AvailableCpus().size());
  for (const double serial : {0.0, 20.0, 80.0, 1000.0}) {
    const int jobs = serial > 100 ? 2000 : 50000;
    Print("Run", serial, Measure(jobs, serial, [&] { pool.Run([](int) {}); }));
    Print("ParallelFor", serial, Measure(jobs, serial, [&] { pool.ParallelFor(4 * threads, 1, [](int64_t, int64_t, int) {}); }));
  }
  // The shape of a decode step: 200 products of 40 us of work in all, in ranges of 5 us, 5 us of serial work between them.
  const Clock::time_point start = Clock::now();
  constexpr int kJobs = 20000;
  for (int i = 0; i < kJobs; ++i) {
    pool.ParallelFor(8 * threads, 1, [](int64_t, int64_t, int) { Work(5); });
    Work(5);
  }
  fmt::print("decode-like: {:.2f} us per job, 45 without any cost\n", MicrosecondsSince(start) / kJobs);
  const std::clock_t cpu = std::clock();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  fmt::print("idle: {:.3f} ms of processor time in a second\n", 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
  return 0;
}

}  // namespace
}  // namespace sterna

int main(int argc, char** argv) {
  return sterna::Main(argc > 1 ? std::atoi(argv[1]) : sterna::DefaultThreadCount(sterna::ReadCpuPlaces(sterna::AvailableCpus())));
}
