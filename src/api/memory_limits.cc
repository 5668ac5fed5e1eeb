#include "api/memory_limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "api/system_text.h"
#include "base/memory_pressure.h"

namespace sterna {
namespace {

std::optional<int64_t> AddressSpaceLeft() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  if (limit.rlim_cur > static_cast<rlim_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  const Result<std::string> status = ReadSystemText("/proc/self/status");
  const int64_t used = status.ok() ? MemoryField(*status, "VmSize").value_or(0) : 0;
  return std::max<int64_t>(0, static_cast<int64_t>(limit.rlim_cur) - used);
}

}  // namespace

std::optional<AvailableMemory> ReadAvailableMemory() {
  std::optional<AvailableMemory> least;
  const MemoryHeadroom headroom = ReadMemoryHeadroom();
  if (headroom.limit_bytes > 0) {
    least = {headroom.available_bytes, headroom.is_control_group ? "the control group's limit" : "free memory"};
  }
  const std::optional<int64_t> addresses = AddressSpaceLeft();
  if (addresses && (!least || *addresses < least->bytes)) least = {*addresses, "the address space limit"};
  return least;
}

}  // namespace sterna
