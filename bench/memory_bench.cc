// What counting memory by tag costs: allocations of buffers with it, and the counting alone.
//   sterna_memory_bench
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "base/buffer.h"
#include "base/memory_tracker.h"
#include "base/rng.h"

namespace sterna {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr int kRounds = 9;

/// Median seconds of one call.
template <class Body>
double Median(Body body) {
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    const Clock::time_point start = Clock::now();
    body();
    times.push_back(SecondsSince(start));
  }
  std::sort(times.begin(), times.end());
  return times[kRounds / 2];
}

/// Sizes from `least` to `most` bytes, their logarithms even.
std::vector<size_t> Sizes(double least, double most) {
  RngStream rng{.key = 7, .stream = 0, .counter = 0};
  std::vector<size_t> sizes(20000);
  for (size_t& size : sizes) size = static_cast<size_t>(least * std::pow(most / least, rng.NextUniform()));
  return sizes;
}

void Compare(const char* what, double least, double most) {
  const std::vector<size_t> sizes = Sizes(least, most);
  // 64 live at a time, freed in another order than made.
  constexpr size_t kLive = 64;
  const double with = Median([&] {
    std::vector<Buffer> live(kLive);
    for (size_t i = 0; i < sizes.size(); ++i) live[i * 37 % kLive] = std::move(Buffer::Allocate(sizes[i])).value();
  });
  const double counting = Median([&] {
    std::vector<TrackedMemory> live(kLive);
    for (size_t i = 0; i < sizes.size(); ++i) live[i * 37 % kLive] = TrackedMemory(MemoryTag::kOther, sizes[i]);
  });
  const auto count = static_cast<double>(sizes.size());
  fmt::print("{:<22} {:>9.1f} ns each, of these {:>5.1f} ns for counting: {:>5.1f} % on top\n", what, with / count * 1e9,
             counting / count * 1e9, 100 * counting / (with - counting));
}

}  // namespace
}  // namespace sterna

int main() {
  sterna::Compare("64 B to 1 MiB", 64, 1 << 20);
  sterna::Compare("64 B to 4 KiB", 64, 4096);
  sterna::Compare("4 KiB to 1 MiB", 4096, 1 << 20);
  return 0;
}
