// Which logical processors this process may use, and how many physical cores they make.
#ifndef STERNA_BASE_CPU_TOPOLOGY_H_
#define STERNA_BASE_CPU_TOPOLOGY_H_

#include <span>
#include <string>
#include <vector>

namespace sterna {

/// Numbers of the logical processors in the affinity mask of the calling thread, rising. {0} where the system does not tell.
std::vector<int> AvailableCpus();

/// Physical cores among `cpus`: processors with the same CPU_DIRECTORY/cpuN/topology/thread_siblings_list are one core. Where one
/// of these files cannot be read, every processor counts. At least 1.
int PhysicalCoreCount(std::span<const int> cpus, const std::string& cpu_directory);

}  // namespace sterna

#endif  // STERNA_BASE_CPU_TOPOLOGY_H_
