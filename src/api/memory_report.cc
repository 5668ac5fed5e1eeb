#include "api/memory_report.h"

#include <malloc.h>

#include <algorithm>

#include "api/system_text.h"

namespace sterna {

int64_t HeapBytes() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
#else
  return 0;
#endif
}

MemoryReport ReadMemoryReport(const KvPoolUse& kv_pool) {
  MemoryReport report;
  report.kv_pool = kv_pool;
  int64_t tagged_heap = 0;
  for (size_t tag = 0; tag < kMemoryTags; ++tag) {
    const MemoryUse use = ReadMemoryUse(static_cast<MemoryTag>(tag));
    report.tags[tag] = use;
    tagged_heap += use.live_bytes - use.mapped_bytes;
    report.tagged_bytes += use.live_bytes - use.mapped_bytes + use.resident_bytes;
  }
  report.headroom = ReadMemoryHeadroom();
  const Result<std::string> status = ReadSystemText("/proc/self/status");
  if (!status.ok()) return report;
  report.resident_bytes = MemoryField(*status, "VmRSS").value_or(0);
  report.peak_resident_bytes = MemoryField(*status, "VmHWM").value_or(0);
  report.file_bytes = MemoryField(*status, "RssFile").value_or(0);
  report.heap_bytes = std::max<int64_t>(0, HeapBytes() - tagged_heap);
  report.rest_bytes = report.resident_bytes - report.tagged_bytes - report.heap_bytes - report.file_bytes;
  return report;
}

}  // namespace sterna
