// How much memory this process may still take, and what sets that limit.
#ifndef STERNA_API_MEMORY_LIMITS_H_
#define STERNA_API_MEMORY_LIMITS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace sterna {

struct AvailableMemory {
  int64_t bytes = 0;
  std::string limited_by;  ///< "free memory", "the control group's limit", "the address space limit"
};

/// The smallest of what the system has free without swapping, what the control groups around this process leave, and the address
/// space limit (`ulimit -v`) leaves. Nothing where the system tells none of them.
std::optional<AvailableMemory> ReadAvailableMemory();

}  // namespace sterna

#endif  // STERNA_API_MEMORY_LIMITS_H_
