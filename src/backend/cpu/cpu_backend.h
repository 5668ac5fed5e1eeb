// The processor as a backend: weights repacked for the chosen kernels, programs run by a thread pool.
#ifndef STERNA_BACKEND_CPU_CPU_BACKEND_H_
#define STERNA_BACKEND_CPU_CPU_BACKEND_H_

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/layout_choice.h"
#include "base/cpu_features.h"

namespace sterna {

struct CpuBackendOptions {
  int threads = 0;                                             ///< 0: one per physical core
  Isa isa = Isa::kRef;                                         ///< a level this machine can run (ChooseIsa)
  LayoutChoice layouts = AllInLayout(TernaryLayout::kTwoBit);  ///< of ternary matrices
  std::vector<RefusedKernel> refused = {};                     ///< kernels that are not to be used (FindFailingKernels)
  std::vector<int> cpus = {};  ///< processors for the threads, the one that loads and runs the model included; empty: all
  bool is_pinned = false;      ///< each thread on one of them
};

/// Errors: those of PlaceThreads (base/cpu_topology.h).
Result<std::shared_ptr<Backend>> MakeCpuBackend(const CpuBackendOptions& options);

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CPU_BACKEND_H_
