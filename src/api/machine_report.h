// What `sterna doctor` shows: the machine, the kernels chosen for it, and whether they compute what they should.
#ifndef STERNA_API_MACHINE_REPORT_H_
#define STERNA_API_MACHINE_REPORT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
};

/// `isa`: as LoadOptions::isa. Errors: those of ChooseIsa.
Result<MachineReport> InspectMachine(std::string_view isa);

}  // namespace sterna

#endif  // STERNA_API_MACHINE_REPORT_H_
