// The kernels a CPU backend runs: one of each family, chosen once for an instruction-set level.
#ifndef STERNA_BACKEND_CPU_KERNEL_SET_H_
#define STERNA_BACKEND_CPU_KERNEL_SET_H_

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
#include "kernels/ternary/linear.h"
#include "kernels/ternary/quantize.h"
#include "tensor/dtype.h"

namespace sterna {

/// Immutable after construction.
struct KernelSet {
  explicit KernelSet(Isa level);

  Isa isa;
  Kernel<QuantizeFunction> quantize;
  Kernel<TernaryLinearFunction> ternary_linear;
  Kernel<RmsNormFunction> rms_norm;
  Kernel<RopeFunction> rope;
  Kernel<AttentionFunction> attention;
  Kernel<GateFunction> gate;

  Kernel<BlockQuantizeFunction> block_quantize;

  /// `dtype`: one that BlockLinearKernels has a list for.
  const Kernel<BlockLinearFunction>& block_linear(DType dtype) const { return SelectKernel(BlockLinearKernels(dtype), isa); }
  const Kernel<DenseLinearFunction>& dense_linear(DType dtype) const { return SelectKernel(DenseLinearKernels(dtype), isa); }

  /// (family, chosen variant) of every family; dense and block kernels by weight type.
  std::vector<std::pair<std::string, std::string>> Names() const;
};

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_KERNEL_SET_H_
