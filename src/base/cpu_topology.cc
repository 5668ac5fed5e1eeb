#include "base/cpu_topology.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

namespace sterna {
namespace {

/// First bytes of a file of the sysfs kind, whose size is not known beforehand; empty where it cannot be read.
std::string ReadShortFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::array<char, 4096> text;
  const ssize_t got = read(file, text.data(), text.size());
  close(file);
  return got > 0 ? std::string(text.data(), static_cast<size_t>(got)) : std::string();
}

}  // namespace

std::vector<int> AvailableCpus() {
  // The kernel refuses a mask smaller than its own: grow until it fits.
  for (size_t cpus = CPU_SETSIZE; cpus <= size_t{1} << 20; cpus *= 2) {
    std::vector<cpu_set_t> mask(CPU_ALLOC_SIZE(cpus) / sizeof(cpu_set_t));
    const size_t mask_bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, mask_bytes, mask.data()) != 0) {
      if (errno == EINVAL) continue;
      break;
    }
    std::vector<int> found;
    for (size_t cpu = 0; cpu < cpus; ++cpu) {
      if (CPU_ISSET_S(cpu, mask_bytes, mask.data())) found.push_back(static_cast<int>(cpu));
    }
    return found;
  }
  return {0};
}

int PhysicalCoreCount(std::span<const int> cpus, const std::string& cpu_directory) {
  std::set<std::string> cores;
  for (const int cpu : cpus) {
    std::string siblings = ReadShortFile(fmt::format("{}/cpu{}/topology/thread_siblings_list", cpu_directory, cpu));
    if (siblings.empty()) return std::max(1, static_cast<int>(cpus.size()));
    cores.insert(std::move(siblings));
  }
  return std::max(1, static_cast<int>(cores.size()));
}

}  // namespace sterna
