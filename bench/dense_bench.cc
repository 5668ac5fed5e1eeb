// How near the dense kernels come to what the machine allows: bytes of weights read per second for one token, against a plain read
// of memory, and multiply-adds per second for 128 tokens, against the instruction alone. Every round measures all lines one after
// the other, limits included, so that a share compares neighbours in time; the table has medians over the rounds.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/buffer.h"
#include "bench/fma_peak.h"
#include "kernels/dense/linear.h"

namespace sterna {
namespace {

constexpr int kRounds = 5;
constexpr int64_t kStreamBytes = 240'000'000;  // far more than any cache
constexpr int64_t kTokens = 128;
constexpr int64_t kHidden = 576, kFfn = 1536;  // SmolLM2-135M

/// Processor seconds of the busiest thread. On a quiet machine that is the wall time; on a shared one it leaves out the time in
/// which the threads did not run, though not what others do to caches and memory meanwhile.
double TimeOnThreads(int threads, const std::function<void(int)>& work) {
  std::vector<double> seconds(static_cast<size_t>(threads));
  const auto timed = [&](int thread) {
    timespec begin, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    work(thread);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    seconds[static_cast<size_t>(thread)] =
        static_cast<double>(end.tv_sec - begin.tv_sec) + 1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(timed, i);
  timed(0);
  for (std::thread& other : others) other.join();
  return *std::max_element(seconds.begin(), seconds.end());
}

/// One line of the table: `measure` returns a rate in units of 1e9 per second.
struct Line {
  std::string name;
  std::string unit;
  std::function<double()> measure;
  int limit = -1;  ///< index of the line it is compared with, measured before it in every round
  std::vector<double> rates = {};
};

Buffer MustAllocate(size_t bytes) {
  Result<Buffer> buffer = Buffer::Allocate(bytes);
  if (!buffer.ok()) {
    fmt::print(stderr, "{}\n", buffer.status().message());
    std::exit(1);
  }
  return std::move(*buffer);
}

struct Workload {
  Buffer weights = MustAllocate(kStreamBytes);  // of any type: bytes 0x11 are small finite numbers in all of them
  Buffer x = MustAllocate(kTokens * (kFfn + 16) * sizeof(float));
  Buffer y = MustAllocate(kStreamBytes / 360 * sizeof(float));
  std::vector<Buffer> scratch;

  explicit Workload(int threads) {
    std::ranges::fill(weights.bytes(), std::byte{0x11});
    std::ranges::fill(x.as<float>(), 0.5f);
    for (int i = 0; i < threads; ++i) scratch.push_back(MustAllocate(DenseLinearScratchBytes(kFfn, kTokens)));
  }

  /// Seconds of one product, its rows split over the threads.
  double Multiply(DenseLinearFunction function, DType dtype, int64_t rows, int64_t cols, int64_t tokens, int threads) {
    return TimeOnThreads(threads, [&](int thread) {
      function({.weights = weights.data(),
                .row_bytes = RowBytes(dtype, cols),
                .rows = rows,
                .cols = cols,
                .row_begin = rows * thread / threads,
                .row_end = rows * (thread + 1) / threads,
                .x = x.as<float>().data(),
                .x_stride = cols,
                .tokens = tokens,
                .y = y.as<float>().data(),
                .y_stride = rows,
                .scratch = scratch[static_cast<size_t>(thread)].data()});
    });
  }

  double DecodeRate(DenseLinearFunction function, DType dtype, int64_t cols, int64_t tokens, int threads) {
    const int64_t row_bytes = RowBytes(dtype, cols);
    const int64_t rows = std::min<int64_t>(kStreamBytes / row_bytes, static_cast<int64_t>(y.as<float>().size()) / tokens);
    return static_cast<double>(rows * row_bytes) / Multiply(function, dtype, rows, cols, tokens, threads) / 1e9;
  }

  double PrefillRate(DenseLinearFunction function, DType dtype, int64_t rows, int64_t cols, int threads) {
    constexpr int kTimes = 5;
    double seconds = 0;
    for (int i = 0; i < kTimes; ++i) seconds += Multiply(function, dtype, rows, cols, kTokens, threads);
    return 2.0 * kTimes * static_cast<double>(rows * cols * kTokens) / seconds / 1e9;
  }

  double ReadRate(int threads) {
    const auto words = weights.as<const uint64_t>();
    std::vector<uint64_t> sinks(static_cast<size_t>(threads) * 8);
    const size_t part = words.size() / static_cast<size_t>(threads) / 8 * 8;
    const double seconds = TimeOnThreads(threads, [&](int thread) {
      uint64_t sums[8] = {};
      const uint64_t* data = words.data() + part * static_cast<size_t>(thread);
      for (size_t i = 0; i < part; i += 8) {
        __builtin_prefetch(data + i + 512);
        for (size_t j = 0; j < 8; ++j) sums[j] += data[i + j];
      }
      for (const uint64_t sum : sums) sinks[static_cast<size_t>(thread) * 8] += sum;
    });
    if (sinks[0] == 1) std::exit(1);  // the sums must be used, or the reads could be left out
    return static_cast<double>(part * 8 * static_cast<size_t>(threads)) / seconds / 1e9;
  }
};

double PeakRate(FmaPeakFunction function, int threads) {
  constexpr int64_t kSteps = 2'000'000;
  std::vector<float> sinks(static_cast<size_t>(threads) * 16);
  int64_t products = 0;
  const double seconds = TimeOnThreads(threads, [&](int thread) {
    const int64_t done = function(kSteps, &sinks[static_cast<size_t>(thread) * 16]);
    if (thread == 0) products = done;
  });
  return 2.0 * static_cast<double>(products) * threads / seconds / 1e9;
}

FmaPeakFunction PeakOf(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return FmaPeakAvx512;
  if (isa == Isa::kAvx2) return FmaPeakAvx2;
#endif
  return nullptr;
}

std::vector<Line> Lines(Workload& load, int max_threads) {
  std::vector<Line> lines;
  for (int threads = 1; threads <= max_threads; threads *= 2) {
    const auto on = fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
    const int read = static_cast<int>(lines.size());
    lines.push_back({fmt::format("read of memory, {}", on), "GB/s", [&load, threads] { return load.ReadRate(threads); }});
    for (const Isa isa : {Isa::kAvx2, Isa::kAvx512}) {
      if (!HostCpu().Contains(IsaFeatures(isa))) continue;
      for (const DType dtype : {DType::kQ4_1, DType::kQ8_0, DType::kQ6_K, DType::kF16}) {
        const auto& kernel = SelectKernel(DenseLinearKernels(dtype), isa);
        const int64_t cols = dtype == DType::kQ6_K ? kFfn : kHidden;
        for (const int64_t tokens : {1, 4}) {
          if (tokens > 1 && dtype != DType::kQ4_1) continue;
          lines.push_back(
              {fmt::format("{}, {} columns, {} token{}, {}", kernel.info.name, cols, tokens, tokens == 1 ? "" : "s", on), "GB/s",
               [&load, function = kernel.function, dtype, cols, tokens, threads] {
                 return load.DecodeRate(function, dtype, cols, tokens, threads);
               },
               read});
        }
      }
      const int peak = static_cast<int>(lines.size());
      lines.push_back({fmt::format("{} multiply-adds alone, {}", IsaName(isa), on), "GFLOP/s",
                       [threads, function = PeakOf(isa)] { return PeakRate(function, threads); }});
      for (const DType dtype : {DType::kQ4_1, DType::kF32}) {
        for (const auto& [rows, cols] : {std::pair{kFfn, kHidden}, std::pair{kHidden, kFfn}}) {
          const auto& kernel = SelectKernel(DenseLinearKernels(dtype), isa);
          lines.push_back({fmt::format("{}, {} x {}, {} tokens, {}", kernel.info.name, rows, cols, kTokens, on), "GFLOP/s",
                           [&load, function = kernel.function, dtype, r = rows, c = cols, threads] {
                             return load.PrefillRate(function, dtype, r, c, threads);
                           },
                           peak});
        }
      }
    }
  }
  return lines;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void PrintTable(const std::vector<Line>& lines) {
  fmt::print("{:62} {:>9} {:>8} {:>8} {:>8} {:>9}\n", "", "", "median", "min", "max", "of limit");
  for (const Line& line : lines) {
    const auto [least, most] = std::minmax_element(line.rates.begin(), line.rates.end());
    std::string share;
    if (line.limit >= 0) {
      std::vector<double> shares;
      const std::vector<double>& limits = lines[static_cast<size_t>(line.limit)].rates;
      for (size_t i = 0; i < line.rates.size(); ++i) shares.push_back(line.rates[i] / limits[i]);
      share = fmt::format("{:.0f} %", 100 * Median(shares));
    }
    fmt::print("{:62} {:>9} {:8.1f} {:8.1f} {:8.1f} {:>9}\n", line.name, line.unit, Median(line.rates), *least, *most, share);
  }
}

}  // namespace
}  // namespace sterna

int main() {
  using namespace sterna;
  const int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  fmt::print("{}, {} threads; {} MB of weights for few tokens; {} rounds\n", HostCpuName(), threads, kStreamBytes / 1'000'000,
             kRounds);
  Workload load(threads);
  std::vector<Line> lines = Lines(load, threads);
  for (int round = 0; round < kRounds; ++round) {
    for (Line& line : lines) line.rates.push_back(line.measure());
  }
  PrintTable(lines);
  return 0;
}
