// `sterna doctor`: the machine, the kernels chosen for it, and a known-answer test of every kernel.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "api/machine_report.h"
#include "cli/command.h"

namespace sterna {
namespace {

std::vector<std::string_view> IsaNames(const std::vector<Isa>& isas) {
  std::vector<std::string_view> names;
  for (const Isa isa : isas) names.push_back(IsaName(isa));
  return names;
}

std::string ToText(const MachineReport& report) {
  const LayoutChoice layouts = FastestLayouts(report.layouts.measurements);
  std::string out;
  constexpr double kGib = 1024.0 * 1024 * 1024;
  out += fmt::format("processor        {}\n", report.cpu);
  out += fmt::format("instructions     {} (this processor has: {}; STERNA_ISA chooses another)\n", IsaName(report.chosen_isa),
                     fmt::join(IsaNames(report.supported_isas), ", "));
  out +=
      fmt::format("threads          {} (physical cores, of {} logical processors)\n", report.physical_cores, report.logical_cpus);
  out += fmt::format("memory           {:.1f} GiB, {:.1f} GiB available\n", static_cast<double>(report.memory.total_bytes) / kGib,
                     static_cast<double>(report.memory.available_bytes) / kGib);
  out += fmt::format("huge pages       {}\n", report.huge_pages);
  out += "\nchosen kernels\n";
  for (const auto& chosen : report.chosen_kernels) out += fmt::format("  {:<25} {}\n", chosen.first, chosen.second);
  out += "\nternary layouts, 10^9 weights a second of one decoded token, for rows of\n";
  for (const LayoutMeasurement& one : report.layouts.measurements) {
    const bool is_chosen = layouts[LayoutClass(one.cols)] == one.layout;
    out += fmt::format("  {:>5} {:<12} {:8.1f}{}\n", one.cols, LayoutInfo(one.layout).name, one.gweights_per_s,
                       is_chosen ? "  chosen" : "");
  }
  if (report.layouts.measurements.empty()) {
    out += report.layouts.file.empty() ? "  none: two_bit\n" : "  not measured yet: the first large model, or --measure, does\n";
  }
  out += "\nself-test\n";
  for (const SelfTestResult& result : report.self_test) {
    out += fmt::format("  {:<25} {:<28} {}\n", result.family, result.name, SelfTestStatusName(result.status));
  }
  return out;
}

std::string ToJson(const MachineReport& report) {
  const LayoutChoice chosen_layouts = FastestLayouts(report.layouts.measurements);
  nlohmann::ordered_json layouts = nlohmann::ordered_json::array();
  for (const LayoutMeasurement& one : report.layouts.measurements) {
    layouts.push_back({{"cols", one.cols},
                       {"layout", LayoutInfo(one.layout).name},
                       {"gweights_per_s", one.gweights_per_s},
                       {"is_chosen", chosen_layouts[LayoutClass(one.cols)] == one.layout}});
  }
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  for (const auto& chosen : report.chosen_kernels) kernels.push_back({{"family", chosen.first}, {"name", chosen.second}});
  nlohmann::ordered_json self_test = nlohmann::ordered_json::array();
  for (const SelfTestResult& result : report.self_test) {
    self_test.push_back({{"family", result.family},
                         {"name", result.name},
                         {"isa", IsaName(result.isa)},
                         {"status", SelfTestStatusName(result.status)}});
  }
  const nlohmann::ordered_json out = {{"machine",
                                       {{"cpu", report.cpu},
                                        {"isa", IsaName(report.chosen_isa)},
                                        {"isas", IsaNames(report.supported_isas)},
                                        {"threads", report.physical_cores},
                                        {"logical_cpus", report.logical_cpus},
                                        {"memory_bytes", report.memory.total_bytes},
                                        {"available_bytes", report.memory.available_bytes},
                                        {"huge_pages", report.huge_pages}}},
                                      {"kernels", std::move(kernels)},
                                      {"layouts", std::move(layouts)},
                                      {"self_test", std::move(self_test)}};
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

struct DoctorFlags {
  bool json = false;
  bool measure = false;
};

Status RunDoctor(const DoctorFlags& flags) {
  const char* isa = std::getenv("STERNA_ISA");
  STERNA_ASSIGN_OR_RETURN(const MachineReport report,
                          InspectMachine({.isa = isa == nullptr ? "" : isa,
                                          .machine_cache = MachineCacheFolder(),
                                          .layouts = flags.measure ? TuneMode::kAlways : TuneMode::kReadOnly}));
  STERNA_RETURN_IF_ERROR(WriteOutput(flags.json ? ToJson(report) : ToText(report)));
  std::vector<std::string_view> failed;
  for (const SelfTestResult& result : report.self_test) {
    if (result.status == SelfTestStatus::kFailed) failed.push_back(result.name);
  }
  if (failed.empty()) return Status::Ok();
  return Internal(
      fmt::format("{} of {} kernels failed the self-test: {}", failed.size(), report.self_test.size(), fmt::join(failed, ", ")));
}

}  // namespace

void AddDoctor(CLI::App& app, Action* action) {
  auto flags = std::make_shared<DoctorFlags>();
  CLI::App* command =
      app.add_subcommand("doctor", "Show the machine and the chosen kernels, and test every kernel this machine can run");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->add_flag("--measure", flags->measure,
                    "Measure the layouts of ternary weights again, and keep what is found for later runs");
  command->callback([flags, action] { *action = [flags] { return RunDoctor(*flags); }; });
}

}  // namespace sterna
