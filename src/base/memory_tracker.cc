#include "base/memory_tracker.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace sterna {
namespace {

struct alignas(64) Counters {
  std::atomic<int64_t> live{0}, peak{0}, allocations{0}, frees{0}, lifetime_ns{0};
};

struct Map {
  size_t bytes;
  MemoryTag tag;
};

/// The process has one memory, so it has one set of counters.
struct Registry {
  std::array<Counters, kMemoryTags> counters;
  std::mutex mutex;
  std::map<void*, Map> maps;  // guarded by mutex
};

/// Never destroyed: buffers may outlive every other static object.
Registry& GetRegistry() {
  static Registry* const registry = new Registry;
  return *registry;
}

/// Some nanoseconds to read, right to some milliseconds.
int64_t CoarseNow() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int64_t ResidentBytes(void* start, size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  constexpr size_t kPagesAtOnce = 1 << 14;
  std::vector<unsigned char> in_core(kPagesAtOnce);
  int64_t resident = 0;
  for (size_t at = 0; at < bytes; at += kPagesAtOnce * page) {
    const size_t piece = std::min(bytes - at, kPagesAtOnce * page);
    if (mincore(static_cast<std::byte*>(start) + at, piece, in_core.data()) != 0) break;
    const auto pages = static_cast<std::ptrdiff_t>((piece + page - 1) / page);
    resident += std::count_if(in_core.begin(), in_core.begin() + pages, [](unsigned char flags) { return (flags & 1) != 0; });
  }
  return resident * static_cast<int64_t>(page);
}

}  // namespace

std::string_view MemoryTagName(MemoryTag tag) {
  constexpr std::array<std::string_view, kMemoryTags> kNames = {"weights", "activations", "kv", "tokenizer", "other"};
  return kNames[static_cast<size_t>(tag)];
}

MemoryUse ReadMemoryUse(MemoryTag tag) {
  Registry& registry = GetRegistry();
  const Counters& counters = registry.counters[static_cast<size_t>(tag)];
  MemoryUse use;
  use.live_bytes = counters.live.load(std::memory_order_relaxed);
  use.peak_bytes = counters.peak.load(std::memory_order_relaxed);
  use.allocations = counters.allocations.load(std::memory_order_relaxed);
  use.frees = counters.frees.load(std::memory_order_relaxed);
  if (use.frees > 0) {
    use.mean_lifetime_s =
        static_cast<double>(counters.lifetime_ns.load(std::memory_order_relaxed)) * 1e-9 / static_cast<double>(use.frees);
  }
  // Held while the pages are counted, so that nobody unmaps them.
  const std::lock_guard lock(registry.mutex);
  for (const auto& [start, map] : registry.maps) {
    if (map.tag != tag) continue;
    use.mapped_bytes += static_cast<int64_t>(map.bytes);
    use.resident_bytes += ResidentBytes(start, map.bytes);
  }
  return use;
}

TrackedMemory::TrackedMemory(MemoryTag tag, size_t bytes, void* map)
    : bytes_(static_cast<int64_t>(bytes)), born_ns_(CoarseNow()), map_(map), tag_(tag), is_counted_(true) {
  Registry& registry = GetRegistry();
  Counters& counters = registry.counters[static_cast<size_t>(tag)];
  const int64_t live = counters.live.fetch_add(bytes_, std::memory_order_relaxed) + bytes_;
  int64_t peak = counters.peak.load(std::memory_order_relaxed);
  while (live > peak && !counters.peak.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
  counters.allocations.fetch_add(1, std::memory_order_relaxed);
  if (map_ == nullptr) return;
  try {
    const std::lock_guard lock(registry.mutex);
    registry.maps[map_] = {bytes, tag};
  } catch (const std::bad_alloc&) {
    map_ = nullptr;  // counted all the same, but not looked up
  }
}

TrackedMemory::~TrackedMemory() {
  if (!is_counted_) return;
  Registry& registry = GetRegistry();
  Counters& counters = registry.counters[static_cast<size_t>(tag_)];
  counters.live.fetch_sub(bytes_, std::memory_order_relaxed);
  counters.frees.fetch_add(1, std::memory_order_relaxed);
  counters.lifetime_ns.fetch_add(CoarseNow() - born_ns_, std::memory_order_relaxed);
  if (map_ == nullptr) return;
  const std::lock_guard lock(registry.mutex);
  registry.maps.erase(map_);
}

}  // namespace sterna
