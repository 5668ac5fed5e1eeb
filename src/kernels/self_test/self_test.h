// Known-answer test of every kernel: does each variant that this processor can run give the bits that the contract fixes?
#ifndef STERNA_KERNELS_SELF_TEST_SELF_TEST_H_
#define STERNA_KERNELS_SELF_TEST_SELF_TEST_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/blockquant/linear.h"
#include "kernels/blockquant/quantize.h"
#include "kernels/dense/linear.h"
#include "kernels/gate/gate.h"
#include "kernels/norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/screen/screen.h"
#include "kernels/ternary/layouts.h"
#include "kernels/ternary/linear.h"
#include "kernels/ternary/quantize.h"
#include "tensor/dtype.h"

namespace sterna {

enum class SelfTestStatus : uint8_t { kPassed, kFailed, kNotSupported };
/// "passed", "failed", "not supported by this processor".
std::string_view SelfTestStatusName(SelfTestStatus status);

struct SelfTestResult {
  std::string family;  ///< "ternary linear two_bit", "dense linear Q6_K"
  std::string name;    ///< "ternary_linear_avx512"
  Isa isa;
  SelfTestStatus status;
};

/// The lists a self-test walks. Tests replace one to plant a wrong kernel.
struct KernelLists {
  struct Ternary {
    const TernaryLayoutInfo* layout;
    std::span<const Kernel<TernaryLinearFunction>> kernels;
  };
  struct Dense {
    DType dtype;
    std::span<const Kernel<DenseLinearFunction>> kernels;
  };
  struct Block {
    DType dtype;
    std::span<const Kernel<BlockLinearFunction>> kernels;
  };

  std::span<const Kernel<QuantizeFunction>> quantize;
  std::vector<Ternary> ternary_linear;
  std::vector<Dense> dense_linear;
  std::span<const Kernel<BlockQuantizeFunction>> block_quantize;
  std::vector<Block> block_linear;
  std::span<const Kernel<RmsNormFunction>> rms_norm;
  std::span<const Kernel<RopeFunction>> rope;
  std::span<const Kernel<AttentionFunction>> attention;
  std::span<const Kernel<GateFunction>> gate;
  std::span<const Kernel<ScreenFunction>> screen;
};
/// Every list of this program.
KernelLists AllKernelLists();

/// Runs every variant that `cpu` can run on small fixed inputs, extreme values among them. The reference, first of each list, must
/// give the outputs whose digest is stored here; every other variant must give the reference's outputs, bit for bit. Takes about 40
/// ms. Thread-safe.
std::vector<SelfTestResult> RunKernelSelfTest(const KernelLists& lists, CpuFeatures cpu);
/// All lists, on this processor.
std::vector<SelfTestResult> RunKernelSelfTest();

/// A kernel whose outputs are wrong on this processor, and what runs in its place.
struct RefusedKernel {
  std::string family, name;
  std::string replacement;  ///< empty where the reference itself failed: it stays, for want of another
};

/// Runs of each list only the variant that SelectKernel takes for `limit`, and compares its outputs with the stored digest; where
/// they differ, the next slower one, and so on. A healthy machine takes a few milliseconds. Thread-safe.
std::vector<RefusedKernel> FindFailingKernels(const KernelLists& lists, Isa limit);

/// SelectKernel among those that were not refused. The list's first entry always qualifies.
template <class Function>
const Kernel<Function>& SelectKernel(std::span<const Kernel<Function>> list, Isa limit, std::span<const RefusedKernel> refused) {
  const Kernel<Function>* best = &list.front();
  for (const auto& kernel : list) {
    const bool is_refused =
        std::any_of(refused.begin(), refused.end(), [&](const RefusedKernel& wrong) { return wrong.name == kernel.info.name; });
    if (!is_refused && IsaFeatures(limit).Contains(IsaFeatures(kernel.info.isa))) best = &kernel;
  }
  return *best;
}

}  // namespace sterna

#endif  // STERNA_KERNELS_SELF_TEST_SELF_TEST_H_
