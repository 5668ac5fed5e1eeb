#include "base/cpu_topology.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <tuple>

#include "base/system_file.h"

namespace sterna {
namespace {

constexpr int kMaxCpu = 65535;

/// -1 for anything but a whole number from 0 to kMaxCpu.
int ParseNumber(std::string_view text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 && number <= kMaxCpu ? number : -1;
}

std::vector<int> CpuListOrNothing(const std::string& path) {
  Result<std::vector<int>> cpus = ParseCpuList(ReadShortFile(path));
  return cpus.ok() ? *std::move(cpus) : std::vector<int>();
}

bool Contains(std::span<const int> rising, int cpu) {
  return std::binary_search(rising.begin(), rising.end(), cpu);
}

/// Node of each processor that a node names.
std::map<int, int> ReadNodes(const std::string& devices) {
  std::map<int, int> node_of;
  // Node numbers may have gaps: `online` lists those that exist.
  for (const int node : CpuListOrNothing(devices + "/system/node/online")) {
    for (const int cpu : CpuListOrNothing(fmt::format("{}/system/node/node{}/cpulist", devices, node))) node_of[cpu] = node;
  }
  return node_of;
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

bool MoveThisThread(std::span<const int> cpus) {
  const auto most = static_cast<size_t>(*std::max_element(cpus.begin(), cpus.end())) + 1;
  std::vector<cpu_set_t> mask(CPU_ALLOC_SIZE(most) / sizeof(cpu_set_t) + 1);
  const size_t mask_bytes = mask.size() * sizeof(cpu_set_t);
  for (const int cpu : cpus) CPU_SET_S(static_cast<size_t>(cpu), mask_bytes, mask.data());
  return sched_setaffinity(0, mask_bytes, mask.data()) == 0;
}

std::vector<CpuPlace> ReadCpuPlaces(std::span<const int> cpus, const std::string& devices) {
  const std::map<int, int> node_of = ReadNodes(devices);
  const std::vector<int> slow = CpuListOrNothing(devices + "/cpu_atom/cpus");
  std::vector<CpuPlace> places;
  std::vector<int> capacities;
  for (const int cpu : cpus) {
    const std::string folder = fmt::format("{}/system/cpu/cpu{}", devices, cpu);
    const std::vector<int> siblings = CpuListOrNothing(folder + "/topology/thread_siblings_list");
    const auto node = node_of.find(cpu);
    places.push_back({.cpu = cpu,
                      .core = siblings.empty() ? cpu : siblings.front(),
                      .node = node == node_of.end() ? 0 : node->second,
                      .is_efficient = Contains(slow, cpu)});
    capacities.push_back(ParseNumber(ReadShortFile(folder + "/cpu_capacity")));
  }
  // Linux scales capacities so that the fastest processor has 1024. Middle cores have some 700 and more, small ones 250 to 450.
  const int most = capacities.empty() ? 0 : *std::max_element(capacities.begin(), capacities.end());
  for (size_t i = 0; i < places.size(); ++i) {
    if (capacities[i] >= 0 && capacities[i] < most / 2) places[i].is_efficient = true;
  }
  return places;
}

int DefaultThreadCount(std::span<const CpuPlace> places) {
  std::map<int, bool> fast;  // by core
  for (const CpuPlace& place : places) fast[place.core] = !place.is_efficient;
  const auto count = std::count_if(fast.begin(), fast.end(), [](const auto& core) { return core.second; });
  return std::max(1, static_cast<int>(count > 0 ? count : static_cast<std::ptrdiff_t>(fast.size())));
}

std::vector<int> PlacementOrder(std::span<const CpuPlace> places) {
  struct Key {
    int sibling;        // number of its core's processors before this one
    bool is_efficient;  // slow cores behind fast ones
    int turn;           // number of its node's cores before this one
    int node, cpu;
    auto order() const { return std::tuple(sibling, is_efficient, turn, node, cpu); }
  };
  std::vector<CpuPlace> sorted(places.begin(), places.end());
  std::sort(sorted.begin(), sorted.end(), [](const CpuPlace& a, const CpuPlace& b) { return a.cpu < b.cpu; });
  std::map<int, int> siblings;
  std::map<std::tuple<int, bool, int>, int> turns;
  std::vector<Key> keys;
  for (const CpuPlace& place : sorted) {
    const int sibling = siblings[place.core]++;
    const int turn = turns[{sibling, place.is_efficient, place.node}]++;
    keys.push_back({.sibling = sibling, .is_efficient = place.is_efficient, .turn = turn, .node = place.node, .cpu = place.cpu});
  }
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) { return a.order() < b.order(); });
  std::vector<int> order;
  for (const Key& key : keys) order.push_back(key.cpu);
  return order;
}

Result<std::vector<int>> ParseCpuList(std::string_view text) {
  std::vector<int> cpus;
  const std::string_view whole = text;
  for (bool is_last = false; !is_last;) {
    const size_t comma = text.find(',');
    is_last = comma == std::string_view::npos;
    const std::string_view piece = text.substr(0, comma);
    if (!is_last) text.remove_prefix(comma + 1);
    const size_t dash = piece.find('-');
    const int first = ParseNumber(piece.substr(0, dash));
    const int last = dash == std::string_view::npos ? first : ParseNumber(piece.substr(dash + 1));
    if (first < 0 || last < first) {
      return InvalidArgument(fmt::format(
          "list of processors '{}': expected numbers from 0 to {} and ranges, like 0-3,8, found '{}'", whole, kMaxCpu, piece));
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (cpus.size() > size_t{kMaxCpu} + 1) return InvalidArgument(fmt::format("list of processors '{}' is too long", whole));
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

Result<std::vector<int>> ParseCpuMask(std::string_view text) {
  const std::string_view whole = text;
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  std::vector<int> cpus;
  constexpr size_t kBitsOfDigit = 4;
  if (text.size() > (size_t{kMaxCpu} + 1) / kBitsOfDigit) return InvalidArgument("the mask of processors is too long");
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view digit = text.substr(text.size() - 1 - i, 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digit.data(), digit.data() + 1, bits, 16);
    if (error != std::errc() || end != digit.data() + 1) {
      return InvalidArgument(
          fmt::format("mask of processors '{}': expected hexadecimal digits, like 0xff, found '{}'", whole, digit));
    }
    for (size_t bit = 0; bit < kBitsOfDigit; ++bit) {
      if ((bits >> bit & 1) != 0) cpus.push_back(static_cast<int>(i * kBitsOfDigit + bit));
    }
  }
  if (cpus.empty()) return InvalidArgument(fmt::format("mask of processors '{}': names no processor", whole));
  return cpus;
}

Result<ThreadPoolOptions> PlaceThreads(const ThreadPoolOptions& wish, const std::string& devices) {
  constexpr int kMaxThreads = 1024;
  if (wish.threads < 0 || wish.threads > kMaxThreads) {
    return InvalidArgument(fmt::format("threads: expected 0 (automatic) to {}, found {}", kMaxThreads, wish.threads));
  }
  const std::vector<int> available = AvailableCpus();
  std::vector<int> missing;
  for (const int cpu : wish.cpus) {
    if (!Contains(available, cpu)) missing.push_back(cpu);
  }
  if (!missing.empty()) {
    return InvalidArgument(fmt::format("processor {}: this process may not use it; it may use {}", fmt::join(missing, ", "),
                                       fmt::join(available, ", ")));
  }
  const std::vector<CpuPlace> places = ReadCpuPlaces(wish.cpus.empty() ? available : wish.cpus, devices);
  ThreadPoolOptions placed = wish;
  if (placed.threads == 0) placed.threads = DefaultThreadCount(places);
  if (!wish.cpus.empty() || wish.is_pinned) placed.cpus = PlacementOrder(places);
  return placed;
}

}  // namespace sterna
