#include "api/memory_limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "api/system_memory.h"
#include "api/system_text.h"

namespace sterna {
namespace {

/// A number alone on a line. Nothing for "max" and other words.
std::optional<int64_t> Number(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<int64_t> NumberIn(const std::string& path) {
  const Result<std::string> text = ReadSystemText(path);
  return text.ok() ? Number(*text) : std::nullopt;
}

/// The value of "field 123" in a file of such lines; 0 where it is missing.
int64_t FieldIn(const std::string& path, std::string_view field) {
  const Result<std::string> text = ReadSystemText(path);
  if (!text.ok()) return 0;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with(field) && line.substr(field.size(), 1) == " ") return Number(line.substr(field.size() + 1)).value_or(0);
  }
  return 0;
}

struct GroupFiles {
  std::string_view limit, usage, cache_field;
};

std::optional<int64_t> Smaller(std::optional<int64_t> a, std::optional<int64_t> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

/// The least that `group` and its ancestors below `root` leave.
std::optional<int64_t> LeftInGroup(const std::string& root, std::string group, const GroupFiles& files) {
  std::optional<int64_t> left;
  while (true) {
    const std::string folder = root + group + "/";
    const std::optional<int64_t> limit = NumberIn(folder + std::string(files.limit));
    const std::optional<int64_t> usage = NumberIn(folder + std::string(files.usage));
    // Version 1 writes a huge number where there is no limit.
    constexpr int64_t kNoLimit = int64_t{1} << 60;
    if (limit && usage && *limit < kNoLimit) {
      const int64_t held = std::max<int64_t>(0, *usage - FieldIn(folder + "memory.stat", files.cache_field));
      left = Smaller(left, std::max<int64_t>(0, *limit - held));
    }
    const size_t parent = group.find_last_of('/');
    if (parent == std::string::npos) return left;
    group.resize(parent);
  }
}

std::optional<int64_t> AddressSpaceLeft() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  if (limit.rlim_cur > static_cast<rlim_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  const Result<std::string> status = ReadSystemText("/proc/self/status");
  const int64_t used = status.ok() ? MemoryField(*status, "VmSize").value_or(0) : 0;
  return std::max<int64_t>(0, static_cast<int64_t>(limit.rlim_cur) - used);
}

}  // namespace

std::optional<int64_t> ControlGroupMemory(std::string_view groups, const std::string& mount) {
  constexpr GroupFiles kVersion2{"memory.max", "memory.current", "inactive_file"};
  constexpr GroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
  std::optional<int64_t> left;
  while (!groups.empty()) {
    const std::string_view line = groups.substr(0, groups.find('\n'));
    groups.remove_prefix(std::min(line.size() + 1, groups.size()));
    // "0::/path" in version 2, "4:memory:/path" in version 1.
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string path(line.substr(second + 1));
    if (path == "/") path.clear();
    if (controllers.empty()) left = Smaller(left, LeftInGroup(mount, path, kVersion2));
    if (controllers == "memory") left = Smaller(left, LeftInGroup(mount + "/memory", path, kVersion1));
  }
  return left;
}

std::optional<AvailableMemory> ReadAvailableMemory() {
  std::optional<AvailableMemory> least;
  const auto consider = [&](std::optional<int64_t> bytes, std::string_view origin) {
    if (bytes && (!least || *bytes < least->bytes)) least = AvailableMemory{*bytes, std::string(origin)};
  };
  const SystemMemory system = ReadSystemMemory();
  if (system.total_bytes > 0) consider(system.available_bytes, "free memory");
  if (const Result<std::string> groups = ReadSystemText("/proc/self/cgroup"); groups.ok()) {
    consider(ControlGroupMemory(*groups, "/sys/fs/cgroup"), "the control group's limit");
  }
  consider(AddressSpaceLeft(), "the address space limit");
  return least;
}

}  // namespace sterna
