#include "api/energy.h"

#include <fmt/format.h>

#include <charconv>

#include "api/system_text.h"

namespace sterna {
namespace {

Result<int64_t> ReadMicrojoules(const std::string& path) {
  STERNA_ASSIGN_OR_RETURN(const std::string text, ReadSystemText(path));
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return Malformed(fmt::format("{}: expected microjoules, found '{}'", path, text));
  return value;
}

}  // namespace

Result<EnergyMeter> EnergyMeter::Open(const std::string& directory) {
  constexpr int kMaxPackages = 64;
  EnergyMeter meter;
  // intel-rapl:N is package N, on processors of AMD too; intel-rapl:N:M are parts of it, which it contains.
  for (int package = 0; package < kMaxPackages; ++package) {
    const std::string zone = fmt::format("{}/intel-rapl:{}", directory, package);
    const auto name = ReadSystemText(zone + "/name");
    if (!name.ok()) break;
    // "psys" is the whole platform and would count the packages twice.
    if (name->substr(0, 7) != "package") continue;
    Counter counter{.path = zone + "/energy_uj", .wraps_at_microjoules = 0, .last_microjoules = 0};
    STERNA_ASSIGN_OR_RETURN(counter.last_microjoules, ReadMicrojoules(counter.path));
    STERNA_ASSIGN_OR_RETURN(counter.wraps_at_microjoules, ReadMicrojoules(zone + "/max_energy_range_uj"));
    meter.counters_.push_back(std::move(counter));
  }
  if (meter.counters_.empty()) return NotFound(fmt::format("this system shows no energy counter (intel-rapl) in {}", directory));
  return meter;
}

Result<double> EnergyMeter::JoulesSinceLast() {
  int64_t microjoules = 0;
  for (Counter& counter : counters_) {
    STERNA_ASSIGN_OR_RETURN(const int64_t now, ReadMicrojoules(counter.path));
    microjoules += now - counter.last_microjoules;
    if (now < counter.last_microjoules) microjoules += counter.wraps_at_microjoules;
    counter.last_microjoules = now;
  }
  return static_cast<double>(microjoules) * 1e-6;
}

}  // namespace sterna
