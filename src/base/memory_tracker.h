// What this process uses memory for: counts by tag, and how much of it lies in RAM.
#ifndef STERNA_BASE_MEMORY_TRACKER_H_
#define STERNA_BASE_MEMORY_TRACKER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace sterna {

enum class MemoryTag : uint8_t { kWeights, kActivations, kKv, kTokenizer, kOther };
inline constexpr size_t kMemoryTags = 5;
/// "weights", "activations", "kv", "tokenizer", "other".
std::string_view MemoryTagName(MemoryTag tag);

/// What one tag has taken since the process started.
struct MemoryUse {
  int64_t live_bytes = 0;
  int64_t peak_bytes = 0;      ///< most that lived at once
  int64_t allocations = 0;     ///< made so far
  int64_t frees = 0;           ///< of these
  double mean_lifetime_s = 0;  ///< of what was freed, to some milliseconds
  int64_t mapped_bytes = 0;    ///< of live_bytes, what has maps of its own; the rest lies in the heap
  int64_t resident_bytes = 0;  ///< of mapped_bytes, what lies in RAM: pages that nobody has written do not
};

/// Thread-safe. Walks the tag's maps: some milliseconds for gigabytes.
MemoryUse ReadMemoryUse(MemoryTag tag);

/// Counts bytes under a tag from its construction to its end, in whichever thread that comes. The counters are the process's, as
/// its memory is: one relaxed atomic addition for each of them, about 20 ns for a whole life.
class TrackedMemory {
 public:
  TrackedMemory() = default;
  /// `map`: where the bytes have an anonymous map of their own, its page-aligned start, so that what lies in RAM can be looked up.
  TrackedMemory(MemoryTag tag, size_t bytes, void* map = nullptr);
  TrackedMemory(TrackedMemory&& other) noexcept { Swap(other); }
  TrackedMemory& operator=(TrackedMemory&& other) noexcept {
    Swap(other);
    return *this;
  }
  ~TrackedMemory();

 private:
  void Swap(TrackedMemory& other) {
    std::swap(bytes_, other.bytes_);
    std::swap(born_ns_, other.born_ns_);
    std::swap(map_, other.map_);
    std::swap(tag_, other.tag_);
    std::swap(is_counted_, other.is_counted_);
  }

  int64_t bytes_ = 0;
  int64_t born_ns_ = 0;
  void* map_ = nullptr;
  MemoryTag tag_ = MemoryTag::kOther;
  bool is_counted_ = false;
};

}  // namespace sterna

#endif  // STERNA_BASE_MEMORY_TRACKER_H_
