// Memory of the machine and of this process, as the operating system reports it.
#ifndef STERNA_API_SYSTEM_MEMORY_H_
#define STERNA_API_SYSTEM_MEMORY_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sterna {

struct SystemMemory {
  int64_t total_bytes = 0;      ///< 0 where the system does not tell
  int64_t available_bytes = 0;  ///< what programs can still take without swapping
};
SystemMemory ReadSystemMemory();

/// The most memory this process has held at once since it started. 0 where the system does not tell.
int64_t PeakResidentBytes();

/// The system's setting of transparent huge pages: "always", "madvise", "never", or "unknown".
std::string HugePageSetting();

/// The word in brackets of "always [madvise] never". Empty where there is none.
std::string_view BracketedWord(std::string_view text);

}  // namespace sterna

#endif  // STERNA_API_SYSTEM_MEMORY_H_
