// Which logical processors this process may use, how they make up cores and memory nodes, and where threads run best.
#ifndef STERNA_BASE_CPU_TOPOLOGY_H_
#define STERNA_BASE_CPU_TOPOLOGY_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"

namespace sterna {

/// Where Linux describes devices; another folder in tests.
inline constexpr char kSystemDevices[] = "/sys/devices";

/// Numbers of the logical processors in the affinity mask of the calling thread, rising. {0} where the system does not tell.
std::vector<int> AvailableCpus();

/// Lets the calling thread run on `cpus` only (not empty). False where the system refuses.
bool MoveThisThread(std::span<const int> cpus);

/// One logical processor.
struct CpuPlace {
  int cpu = 0;
  int core = 0;               ///< the lowest processor of its physical core: SMT siblings have the same one
  int node = 0;               ///< memory node
  bool is_efficient = false;  ///< of the slow kind, in a processor that has two
};

/// What DEVICES/system/cpu/cpuN (thread_siblings_list, cpu_capacity), DEVICES/system/node/nodeN/cpulist and DEVICES/cpu_atom/cpus
/// say of `cpus`, in their order. What is missing means: a core of its own, node 0, the fast kind.
std::vector<CpuPlace> ReadCpuPlaces(std::span<const int> cpus, const std::string& devices = kSystemDevices);

/// Physical cores of the fast kind, or of any kind where there is none; at least 1. A step waits for its slowest range, and slow
/// cores read no more of the memory's bandwidth than fast ones leave.
int DefaultThreadCount(std::span<const CpuPlace> places);

/// The processors in the order in which threads take them: one of each fast core, with memory nodes taking turns so that few
/// threads have the bandwidth of all of them, then the slow cores, then further siblings.
std::vector<int> PlacementOrder(std::span<const CpuPlace> places);

/// "0-3,8": {0, 1, 2, 3, 8}, rising, each once, as in `taskset -c`. InvalidArgument for anything else, an empty list, numbers above
/// 65535.
Result<std::vector<int>> ParseCpuList(std::string_view text);
/// "0x10f", "10f": {0, 1, 2, 3, 8}, as in `taskset`. InvalidArgument for anything else and for a mask of no processor.
Result<std::vector<int>> ParseCpuMask(std::string_view text);

/// Completes a wish: threads of 0 become the default for its processors (none named: those of the calling thread), and named ones,
/// or those to pin to, are put into PlacementOrder. InvalidArgument for negative or more than 1024 threads and, with their numbers,
/// for processors that this process may not use.
Result<ThreadPoolOptions> PlaceThreads(const ThreadPoolOptions& wish, const std::string& devices = kSystemDevices);

}  // namespace sterna

#endif  // STERNA_BASE_CPU_TOPOLOGY_H_
