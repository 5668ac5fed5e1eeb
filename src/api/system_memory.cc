#include "api/system_memory.h"

#include <charconv>
#include <limits>

#include "api/system_text.h"

namespace sterna {
namespace {

std::string TextOrNothing(const std::string& path) {
  Result<std::string> text = ReadSystemText(path);
  return text.ok() ? *std::move(text) : std::string();
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

std::string_view BracketedWord(std::string_view text) {
  const size_t open = text.find('[');
  if (open == std::string_view::npos) return {};
  const size_t close = text.find(']', open);
  return close == std::string_view::npos ? std::string_view() : text.substr(open + 1, close - open - 1);
}

SystemMemory ReadSystemMemory() {
  const std::string text = TextOrNothing("/proc/meminfo");
  return {.total_bytes = MemoryField(text, "MemTotal").value_or(0),
          .available_bytes = MemoryField(text, "MemAvailable").value_or(0)};
}

int64_t PeakResidentBytes() {
  return MemoryField(TextOrNothing("/proc/self/status"), "VmHWM").value_or(0);
}

std::string HugePageSetting() {
  const std::string text = TextOrNothing("/sys/kernel/mm/transparent_hugepage/enabled");
  const std::string_view word = BracketedWord(text);
  return word.empty() ? "unknown" : std::string(word);
}

}  // namespace sterna
