// How near the ternary kernels come to what the machine allows: codes read per second against a plain read of memory or, where
// that is lower, against what the multiplying instruction could use; multiply-accumulates per second against that instruction
// alone. Every round measures all lines one after the other, limits included, so that a share compares neighbours in time; the
// table has medians over the rounds.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "base/buffer.h"
#include "bench/int8_peak.h"
#include "kernels/ternary/linear.h"
#include "kernels/ternary/pack.h"
#include "kernels/ternary/quantize.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

constexpr int kRounds = 7;
constexpr int64_t kCols = 2560;
constexpr int64_t kGemmRows = 6912;
constexpr int64_t kGemvRows = 6912 * 90;  // 398 MB of codes: far more than any cache
constexpr int64_t kMaxTokens = 512;

double Seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Processor seconds of the busiest thread. On a quiet machine that is the wall time; on a shared one it leaves out the time in
/// which the threads did not run, though not what others do to caches and memory meanwhile.
double TimeOnThreads(int threads, const std::function<void(int)>& work) {
  std::vector<double> seconds(static_cast<size_t>(threads));
  const auto timed = [&](int thread) {
    const double begin = Seconds(CLOCK_THREAD_CPUTIME_ID);
    work(thread);
    seconds[static_cast<size_t>(thread)] = Seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(timed, i);
  timed(0);
  for (std::thread& other : others) other.join();
  return *std::max_element(seconds.begin(), seconds.end());
}

/// A rate that another line measured, in this line's unit after multiplication.
struct Limit {
  size_t line;
  double factor;
};

/// One line of the table: `measure` returns a rate in units of 1e9 per second.
struct Line {
  std::string name;
  std::string unit;
  std::function<double()> measure;
  std::vector<Limit> limits = {};  ///< the lowest counts; measured earlier in the same round
  int threads = 1;
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
  Buffer codes = MustAllocate(static_cast<size_t>(TernaryMatrixBytes(kGemvRows, kCols)));
  Buffer x = MustAllocate(static_cast<size_t>(kMaxTokens * kCols));
  Buffer y = MustAllocate(static_cast<size_t>(std::max(kGemvRows * 8, kGemmRows* kMaxTokens)) * sizeof(float));
  std::vector<float> row_scales = std::vector<float>(static_cast<size_t>(kGemvRows), 0.5f);
  std::vector<float> x_scales = std::vector<float>(static_cast<size_t>(kMaxTokens), 3.0f);
  std::vector<int32_t> x_sums = std::vector<int32_t>(static_cast<size_t>(kMaxTokens), 0);
  std::vector<Buffer> scratch;

  explicit Workload(int threads) {
    for (std::byte& b : codes.bytes()) b = std::byte{0x55};
    for (std::byte& b : x.bytes()) b = std::byte{1};
    for (int i = 0; i < threads; ++i) scratch.push_back(MustAllocate(TernaryLinearScratchBytes(kCols, kMaxTokens)));
  }

  /// Seconds of one product, its rows split over the threads.
  double Multiply(TernaryLinearFunction function, int64_t rows, int64_t tokens, int threads) {
    return TimeOnThreads(threads, [&](int thread) {
      const auto bound = [&](int64_t part) { return rows / kTernaryTileRows * part / threads * kTernaryTileRows; };
      function({.codes = codes.as<const uint8_t>().data(),
                .row_scales = row_scales.data(),
                .rows = rows,
                .cols = kCols,
                .row_begin = bound(thread),
                .row_end = bound(thread + 1),
                .x = x.as<const int8_t>().data(),
                .x_stride = kCols,
                .x_scales = x_scales.data(),
                .x_sums = x_sums.data(),
                .tokens = tokens,
                .y = y.as<float>().data(),
                .y_stride = rows,
                .scratch = scratch[static_cast<size_t>(thread)].data()});
    });
  }
};

uint64_t ReadAll(std::span<const uint64_t> words) {
  uint64_t sums[8] = {};
  const uint64_t* data = words.data();
  for (size_t i = 0; i + 8 <= words.size(); i += 8) {
    for (size_t j = 0; j < 8; ++j) sums[j] ^= data[i + j];
  }
  uint64_t all = 0;
  for (const uint64_t sum : sums) all ^= sum;
  return all;
}

double ReadRate(const Workload& load, int threads) {
  const std::span<const uint64_t> words = load.codes.as<uint64_t>();
  std::vector<uint64_t> sinks(static_cast<size_t>(threads) * 8);
  const size_t part = words.size() / static_cast<size_t>(threads);
  const double seconds = TimeOnThreads(threads, [&](int thread) {
    const auto i = static_cast<size_t>(thread);
    sinks[i * 8] = ReadAll(words.subspan(part * i, part));
  });
  // The sums must be used, or the reads could be left out; codes of 0x55 give one of two values.
  if (sinks[0] != 0 && sinks[0] != 0x5555555555555555u) std::exit(1);
  return static_cast<double>(words.size_bytes()) / seconds / 1e9;
}

double PeakRate(Int8PeakFunction function, int threads) {
  constexpr int64_t kSteps = 2'000'000;
  std::vector<int32_t> sinks(static_cast<size_t>(threads) * 16);
  int64_t products = 0;
  const double seconds = TimeOnThreads(threads, [&](int thread) {
    const int64_t done = function(kSteps, &sinks[static_cast<size_t>(thread) * 16]);
    if (thread == 0) products = done;
  });
  return static_cast<double>(products) * threads / seconds / 1e9;
}

Int8PeakFunction PeakOf(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512 || isa == Isa::kAvx512Vbmi) return Int8PeakAvx512;
  if (isa != Isa::kRef) return Int8PeakAvx2;
#endif
  return nullptr;
}

double PackRate() {
  constexpr int64_t kRows = 1024;
  std::vector<int8_t> weights(static_cast<size_t>(kRows * kCols), 1);
  std::vector<uint8_t> codes(static_cast<size_t>(TernaryMatrixBytes(kRows, kCols)));
  const double seconds = TimeOnThreads(1, [&](int) {
    for (int i = 0; i < 20; ++i) PackTernaryTiles(weights.data(), kRows, kCols, codes.data());
  });
  return 20.0 * static_cast<double>(kRows * kCols) / seconds / 1e9;
}

double QuantizeRate(QuantizeFunction function) {
  std::vector<float> x(static_cast<size_t>(kCols));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 97) - 48.0f;
  alignas(64) int8_t q[kCols];
  float scale;
  int32_t sum;
  constexpr int kTimes = 2000;
  const double seconds = TimeOnThreads(1, [&](int) {
    for (int i = 0; i < kTimes; ++i) function({.x = x.data(), .n = kCols, .q = q, .scale = &scale, .sum = &sum});
  });
  return static_cast<double>(kTimes * kCols) / seconds / 1e9;
}

std::vector<Line> Lines(Workload& load, int max_threads) {
  std::vector<Line> lines;
  for (int threads = 1; threads <= max_threads; threads *= 2) {
    const auto on = fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
    const size_t read = lines.size();
    const auto add = [&](std::string name, std::string unit, std::function<double()> measure, std::vector<Limit> limits = {}) {
      lines.push_back({fmt::format("{}, {}", name, on), std::move(unit), std::move(measure), std::move(limits), threads});
    };
    add("read of memory", "GB/s", [&load, threads] { return ReadRate(load, threads); });
    for (const auto& kernel : TernaryLinearKernels()) {
      if (kernel.info.isa == Isa::kRef || !HostCpu().Contains(IsaFeatures(kernel.info.isa))) continue;
      const size_t peak = lines.size();
      add(fmt::format("{} products from registers", IsaName(kernel.info.isa)), "GMAC/s",
          [threads, function = PeakOf(kernel.info.isa)] { return PeakRate(function, threads); });
      for (const int64_t tokens : {1, 2, 4, 8}) {
        add(fmt::format("{}, {} token{}", kernel.info.name, tokens, tokens == 1 ? "" : "s"), "GB/s",
            [&load, threads, tokens, function = kernel.function] {
              return static_cast<double>(load.codes.size()) / load.Multiply(function, kGemvRows, tokens, threads) / 1e9;
            },
            {{read, 1.0}, {peak, 0.25 / static_cast<double>(tokens)}});
      }
      for (const int64_t tokens : {int64_t{16}, int64_t{32}, int64_t{64}, kMaxTokens}) {
        add(fmt::format("{}, {} tokens", kernel.info.name, tokens), "GMAC/s",
            [&load, threads, tokens, function = kernel.function] {
              return static_cast<double>(kGemmRows * kCols * tokens) / load.Multiply(function, kGemmRows, tokens, threads) / 1e9;
            },
            {{peak, 1.0}});
      }
    }
  }
  lines.push_back({"packing, 1 thread", "Gweight/s", PackRate});
  for (const auto& kernel : QuantizeKernels()) {
    if (!HostCpu().Contains(IsaFeatures(kernel.info.isa))) continue;
    lines.push_back({fmt::format("{}, 1 thread", kernel.info.name), "Gvalue/s",
                     [function = kernel.function] { return QuantizeRate(function); }});
  }
  return lines;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void PrintTable(const std::vector<Line>& lines) {
  fmt::print("{:58} {:>9} {:>8} {:>8} {:>8} {:>9}\n", "", "", "median", "min", "max", "of limit");
  for (const Line& line : lines) {
    const auto [least, most] = std::minmax_element(line.rates.begin(), line.rates.end());
    std::vector<double> shares;
    for (size_t round = 0; round < line.rates.size() && !line.limits.empty(); ++round) {
      double limit = std::numeric_limits<double>::infinity();
      for (const Limit& l : line.limits) limit = std::min(limit, lines[l.line].rates[round] * l.factor);
      shares.push_back(line.rates[round] / limit);
    }
    const std::string share = shares.empty() ? "" : fmt::format("{:.0f} %", 100 * Median(shares));
    fmt::print("{:58} {:>9} {:8.1f} {:8.1f} {:8.1f} {:>9}\n", line.name, line.unit, Median(line.rates), *least, *most, share);
  }
}

}  // namespace
}  // namespace sterna

int main() {
  using namespace sterna;
  const int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  fmt::print("{}, {} threads; codes {} x {} ({:.0f} MB) for up to 8 tokens, {} x {} for more; {} rounds\n", HostCpuName(), threads,
             kGemvRows, kCols, static_cast<double>(TernaryMatrixBytes(kGemvRows, kCols)) / 1e6, kGemmRows, kCols, kRounds);
  Workload load(threads);
  std::vector<Line> lines = Lines(load, threads);
  double wall_seconds = 0, processor_seconds = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (Line& line : lines) {
      const double wall_begin = Seconds(CLOCK_MONOTONIC), processor_begin = Seconds(CLOCK_PROCESS_CPUTIME_ID);
      line.rates.push_back(line.measure());
      if (line.threads != 1) continue;
      wall_seconds += Seconds(CLOCK_MONOTONIC) - wall_begin;
      processor_seconds += Seconds(CLOCK_PROCESS_CPUTIME_ID) - processor_begin;
    }
  }
  PrintTable(lines);
  fmt::print(
      "A single thread held a processor {:.0f} % of the time. Where that is far below 100, threads seldom ran side by side:\n"
      "then figures of several threads say nothing of the memory and clock they would share.\n",
      100 * processor_seconds / wall_seconds);
  return 0;
}
