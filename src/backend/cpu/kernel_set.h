// The kernels a CPU backend runs: one of each family, chosen once for an instruction-set level.
#ifndef STERNA_BACKEND_CPU_KERNEL_SET_H_
#define STERNA_BACKEND_CPU_KERNEL_SET_H_

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu_features.h"
#include "kernels/attention/attention.h"
#include "kernels/blockquant/linear.h"
#include "kernels/blockquant/quantize.h"
#include "kernels/dense/linear.h"
#include "kernels/gate/gate.h"
#include "kernels/norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/screen/screen.h"
#include "kernels/self_test/self_test.h"
#include "kernels/ternary/layouts.h"
#include "kernels/ternary/quantize.h"
#include "tensor/dtype.h"

namespace sterna {

/// Immutable after construction.
struct KernelSet {
  /// Of each family the best kernel for `level` that is not among `refused`.
  explicit KernelSet(Isa level, std::vector<RefusedKernel> refused = {});

  Isa isa;
  std::vector<RefusedKernel> refused;
  Kernel<QuantizeFunction> quantize;
  Kernel<RmsNormFunction> rms_norm;
  Kernel<RopeFunction> rope;
  Kernel<AttentionFunction> attention;
  Kernel<GateFunction> gate;
  Kernel<ScreenFunction> screen;

  Kernel<BlockQuantizeFunction> block_quantize;

  const Kernel<TernaryLinearFunction>& ternary_linear(TernaryLayout layout) const { return Select(LayoutInfo(layout).kernels()); }
  /// `dtype`: one that BlockLinearKernels has a list for.
  const Kernel<BlockLinearFunction>& block_linear(DType dtype) const { return Select(BlockLinearKernels(dtype)); }
  const Kernel<DenseLinearFunction>& dense_linear(DType dtype) const { return Select(DenseLinearKernels(dtype)); }

  /// (family, chosen variant) of every family; dense and block kernels by weight type.
  std::vector<std::pair<std::string, std::string>> Names() const;

 private:
  template <class Function>
  const Kernel<Function>& Select(std::span<const Kernel<Function>> list) const {
    return SelectKernel(list, isa, refused);
  }
};

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_KERNEL_SET_H_
