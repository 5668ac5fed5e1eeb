// How much memory this process may still take before the system kills it, and who gives some back before that.
#ifndef STERNA_BASE_MEMORY_PRESSURE_H_
#define STERNA_BASE_MEMORY_PRESSURE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sterna {

struct MemoryHeadroom {
  int64_t limit_bytes = 0;      ///< of the machine or, where it is less, of the control group; 0 where the system does not tell
  int64_t available_bytes = 0;  ///< what can still be taken under that limit
  bool is_control_group = false;
};

/// From ROOT/proc/meminfo and the memory limits of the process's control group and those around it (ROOT/proc/self/cgroup; version
/// 2 in ROOT/sys/fs/cgroup, version 1 in ROOT/sys/fs/cgroup/memory). Pages of files that the group could drop count as available.
MemoryHeadroom ReadMemoryHeadroom(const std::string& root = "");

/// The bytes that `field` has in text like "MemTotal:  24689736 kB", one field a line. Nothing where it is missing or no such
/// number.
std::optional<int64_t> MemoryField(std::string_view text, std::string_view field);

/// Caches register what they can give back; whoever makes memory grow polls. One thread at a time.
class MemoryPressure {
 public:
  struct Options {
    double interval_s = 0.25;  ///< the system is asked at most this often
    std::string root = {};     ///< as of ReadMemoryHeadroom
  };
  MemoryPressure() : MemoryPressure(Options()) {}
  explicit MemoryPressure(Options options) : options_(std::move(options)) {}

  /// `release` gives back what it can and returns how many bytes that was. Returns a number for Remove.
  int64_t Add(std::function<int64_t()> release);
  void Remove(int64_t number);

  /// Where less than LowBytes is left, calls every release function in the order of registration. Returns the bytes given back.
  int64_t Poll();

  /// A twentieth of the limit, at least 32 MiB and at most 512 MiB.
  static int64_t LowBytes(int64_t limit_bytes);

 private:
  Options options_;
  std::vector<std::pair<int64_t, std::function<int64_t()>>> releases_;
  int64_t next_number_ = 0;
  int64_t next_poll_ns_ = 0;
};

}  // namespace sterna

#endif  // STERNA_BASE_MEMORY_PRESSURE_H_
