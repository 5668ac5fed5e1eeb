// Where this process's memory goes, from the tagged counts to what the system counts as resident.
#ifndef STERNA_API_MEMORY_REPORT_H_
#define STERNA_API_MEMORY_REPORT_H_

#include <array>
#include <cstdint>

#include "base/memory_pressure.h"
#include "base/memory_tracker.h"
#include "model/kv_pool.h"

namespace sterna {

struct MemoryReport {
  std::array<MemoryUse, kMemoryTags> tags;  ///< by MemoryTag
  KvPoolUse kv_pool;
  // What the system counts as resident is the sum of these four. All 0 where the system does not tell.
  int64_t tagged_bytes = 0;    ///< of all tags: pages of maps that lie in RAM, and what lies in the heap
  int64_t heap_bytes = 0;      ///< the heap in use beyond that
  int64_t file_bytes = 0;      ///< pages of mapped files: the model's, where they were not let go, the program's, libraries'
  int64_t rest_bytes = 0;      ///< stacks, static data, free pieces of the heap, what the counts above get wrong (may be negative)
  int64_t resident_bytes = 0;  ///< VmRSS
  int64_t peak_resident_bytes = 0;  ///< VmHWM
  MemoryHeadroom headroom;
};

/// Some milliseconds for gigabytes; not for a hot path.
MemoryReport ReadMemoryReport(const KvPoolUse& kv_pool);

/// Bytes of the heap in use. 0 where the C library does not tell.
int64_t HeapBytes();

}  // namespace sterna

#endif  // STERNA_API_MEMORY_REPORT_H_
