#include "api/machine_report.h"

#include "backend/cpu/cpu_backend.h"
#include "base/cpu_topology.h"

namespace sterna {

Result<MachineReport> InspectMachine(const MachineOptions& options) {
  MachineReport report;
  STERNA_ASSIGN_OR_RETURN(report.chosen_isa, ChooseIsa(options.isa));
  report.cpu = HostCpuName();
  for (const Isa level : AllIsas()) {
    if (HostCpu().Contains(IsaFeatures(level))) report.supported_isas.push_back(level);
  }
  report.logical_cpus = static_cast<int>(AvailableCpus().size());
  report.physical_cores = DefaultThreadCount(ReadCpuPlaces(AvailableCpus()));
  report.memory = ReadSystemMemory();
  report.huge_pages = HugePageSetting();
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<Backend> backend, MakeCpuBackend({.threads = 1, .isa = report.chosen_isa}));
  report.chosen_kernels = backend->ChosenKernels();
  report.self_test = RunKernelSelfTest();
  const CpuBackendOptions best{
      .threads = 0, .isa = report.chosen_isa, .refused = FindFailingKernels(AllKernelLists(), report.chosen_isa)};
  STERNA_ASSIGN_OR_RETURN(report.layouts, TuneLayouts(best, options.machine_cache, options.layouts));
  return report;
}

}  // namespace sterna
