// How much memory this process may still take, and what sets that limit.
#ifndef STERNA_API_MEMORY_LIMITS_H_
#define STERNA_API_MEMORY_LIMITS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sterna {

struct AvailableMemory {
  int64_t bytes = 0;
  std::string limited_by;  ///< "free memory", "the control group's limit", "the address space limit"
};

/// The smallest of what the system has free without swapping, what the control groups around this process leave, and the address
/// space limit (`ulimit -v`) leaves. Nothing where the system tells none of them.
std::optional<AvailableMemory> ReadAvailableMemory();

/// What the memory limits of control groups leave. `groups`: text like /proc/self/cgroup; `mount`: where the hierarchies are
/// mounted
/// ("/sys/fs/cgroup"). A group's file cache that the system can take back counts as free. Version 2 (memory.max) and version 1
/// (memory.limit_in_bytes); a group's ancestors limit it too. Nothing where no group has a limit.
std::optional<int64_t> ControlGroupMemory(std::string_view groups, const std::string& mount);

}  // namespace sterna

#endif  // STERNA_API_MEMORY_LIMITS_H_
