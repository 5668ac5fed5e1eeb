#include "base/memory_pressure.h"

#include <malloc.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>

#include "base/system_file.h"

namespace sterna {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

/// kUnlimited for "max", for version 1's huge number, and for what is no number.
int64_t LimitIn(const std::string& path) {
  const std::string text = ReadShortFile(path);
  int64_t value = kUnlimited;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? value : kUnlimited;
}

/// The value of a line "field 123"; 0 where there is none.
int64_t StatField(std::string_view text, std::string_view field) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(field) || line.substr(field.size(), 1) != " ") continue;
    int64_t value = 0;
    std::from_chars(line.data() + field.size() + 1, line.data() + line.size(), value);
    return std::max<int64_t>(value, 0);
  }
  return 0;
}

struct GroupFiles {
  std::string_view limit, usage, inactive;
};
constexpr GroupFiles kVersion1 = {"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file"};
constexpr GroupFiles kVersion2 = {"/memory.max", "/memory.current", "inactive_file"};

/// Narrows `headroom` by the group at `mount` + `group` and by those around it.
void ApplyGroups(const std::string& mount, std::string group, const GroupFiles& files, MemoryHeadroom* headroom) {
  for (;;) {
    const std::string folder = mount + group;
    const int64_t limit = LimitIn(folder + std::string(files.limit));
    const int64_t usage = LimitIn(folder + std::string(files.usage));
    if (limit < kUnlimited && usage < kUnlimited) {
      const int64_t droppable = StatField(ReadShortFile(folder + "/memory.stat"), files.inactive);
      const int64_t available = std::max<int64_t>(0, limit - std::max<int64_t>(0, usage - droppable));
      if (limit < headroom->limit_bytes || headroom->limit_bytes == 0) {
        headroom->limit_bytes = limit;
        headroom->is_control_group = true;
      }
      headroom->available_bytes = std::min(headroom->available_bytes, available);
    }
    if (group.empty()) return;
    group.erase(group.rfind('/'));
  }
}

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::optional<int64_t> MemoryField(std::string_view text, std::string_view field) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.substr(0, field.size()) != field || line.substr(field.size(), 1) != ":") continue;
    line.remove_prefix(field.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    int64_t kibibytes = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), kibibytes);
    if (error != std::errc() || std::string_view(rest, static_cast<size_t>(line.data() + line.size() - rest)) != " kB")
      return std::nullopt;
    if (kibibytes < 0 || kibibytes > std::numeric_limits<int64_t>::max() / 1024) return std::nullopt;
    return kibibytes * 1024;
  }
  return std::nullopt;
}

MemoryHeadroom ReadMemoryHeadroom(const std::string& root) {
  const std::string machine = ReadShortFile(root + "/proc/meminfo");
  const auto available = MemoryField(machine, "MemAvailable");
  MemoryHeadroom headroom{.limit_bytes = MemoryField(machine, "MemTotal").value_or(0),
                          .available_bytes = available.value_or(kUnlimited),
                          .is_control_group = false};
  // Lines "4:memory:/group" (version 1) and "0::/group" (version 2).
  const std::string groups = ReadShortFile(root + "/proc/self/cgroup");
  std::string_view rest = groups;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string group(line.substr(second + 1));
    if (!group.starts_with('/')) continue;
    if (group == "/") group.clear();
    if (controllers.empty()) ApplyGroups(root + "/sys/fs/cgroup", group, kVersion2, &headroom);
    if (controllers == "memory") ApplyGroups(root + "/sys/fs/cgroup/memory", group, kVersion1, &headroom);
  }
  if (headroom.available_bytes == kUnlimited) headroom = {};
  return headroom;
}

int64_t MemoryPressure::LowBytes(int64_t limit_bytes) {
  constexpr int64_t kMebibyte = int64_t{1} << 20;
  return std::clamp(limit_bytes / 20, 32 * kMebibyte, 512 * kMebibyte);
}

int64_t MemoryPressure::Add(std::function<int64_t()> release) {
  releases_.emplace_back(next_number_, std::move(release));
  return next_number_++;
}

void MemoryPressure::Remove(int64_t number) {
  std::erase_if(releases_, [number](const auto& release) { return release.first == number; });
}

int64_t MemoryPressure::Poll() {
  const int64_t now = Now();
  if (now < next_poll_ns_) return 0;
  next_poll_ns_ = now + static_cast<int64_t>(options_.interval_s * 1e9);
  const MemoryHeadroom headroom = ReadMemoryHeadroom(options_.root);
  if (headroom.limit_bytes == 0 || headroom.available_bytes >= LowBytes(headroom.limit_bytes)) return 0;
  int64_t released = 0;
  for (const auto& release : releases_) released += release.second();
#if defined(__GLIBC__)
  if (released > 0) malloc_trim(0);  // what was freed goes back to the system, not to the heap
#endif
  return released;
}

}  // namespace sterna
