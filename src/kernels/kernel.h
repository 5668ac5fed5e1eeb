// What every list of kernels holds, and how one is chosen from it. Plain data: files with ISA flags include this.
#ifndef STERNA_KERNELS_KERNEL_H_
#define STERNA_KERNELS_KERNEL_H_

#include <span>

#include "base/cpu_features.h"

namespace sterna {

struct KernelInfo {
  const char* name;  ///< family and variant: "ternary_linear_avx512"
  Isa isa;           ///< the level whose features it needs
};

/// One variant of an operation. A family's list goes from slow to fast, starts with the scalar reference, and drives selection,
/// tests, benchmarks and `sterna doctor`.
template <class Function>
struct Kernel {
  KernelInfo info;
  Function function;
};

/// The last variant of `list` that code limited to `limit` may run. The list's first entry, the reference, always qualifies.
template <class Function>
const Kernel<Function>& SelectKernel(std::span<const Kernel<Function>> list, Isa limit) {
  const Kernel<Function>* best = &list.front();
  for (const auto& kernel : list) {
    if (IsaFeatures(limit).Contains(IsaFeatures(kernel.info.isa))) best = &kernel;
  }
  return *best;
}

}  // namespace sterna

#endif  // STERNA_KERNELS_KERNEL_H_
