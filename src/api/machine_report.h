// What `sterna doctor` shows: the machine, the kernels chosen for it, and whether they compute what they should.
#ifndef STERNA_API_MACHINE_REPORT_H_
#define STERNA_API_MACHINE_REPORT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/layout_tuning.h"
#include "api/system_memory.h"
#include "base/cpu_features.h"
#include "base/status.h"
#include "kernels/self_test/self_test.h"

namespace sterna {

struct MachineReport {
  std::string cpu;
  std::vector<Isa> supported_isas;
  Isa chosen_isa = Isa::kRef;
  int logical_cpus = 1;    ///< that this process may use
  int physical_cores = 1;  ///< among them: the default number of threads
  SystemMemory memory;
  std::string huge_pages;
  std::vector<std::pair<std::string, std::string>> chosen_kernels;  ///< family, variant
  std::vector<SelfTestResult> self_test;
  LayoutTuning layouts;  ///< for the default number of threads; without measurements where none were made yet
};

struct MachineOptions {
  std::string isa = {};            ///< as LoadOptions::isa
  std::string machine_cache = {};  ///< as LoadOptions::machine_cache
  TuneMode layouts = TuneMode::kReadOnly;
};

/// Errors: those of ChooseIsa, and of TuneLayouts.
Result<MachineReport> InspectMachine(const MachineOptions& options);

}  // namespace sterna

#endif  // STERNA_API_MACHINE_REPORT_H_
