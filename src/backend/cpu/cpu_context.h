// What a CPU backend, its programs and their parts share: kernels, threads and weights.
#ifndef STERNA_BACKEND_CPU_CPU_CONTEXT_H_
#define STERNA_BACKEND_CPU_CPU_CONTEXT_H_

#include <memory>
#include <vector>

#include "backend/cpu/cpu_weights.h"
#include "backend/cpu/kernel_set.h"
#include "base/thread_pool.h"

namespace sterna {

/// Outlives the programs.
struct CpuContext {
  KernelSet kernels;
  std::unique_ptr<ThreadPool> pool;
  Arena arena;  // what weights point into
  std::vector<CpuWeight> weights;
};

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CPU_CONTEXT_H_
