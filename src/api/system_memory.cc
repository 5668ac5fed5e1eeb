#include "api/system_memory.h"

#include "api/system_text.h"
#include "base/memory_pressure.h"

namespace sterna {
namespace {

std::string TextOrNothing(const std::string& path) {
  Result<std::string> text = ReadSystemText(path);
  return text.ok() ? *std::move(text) : std::string();
}

}  // namespace

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
