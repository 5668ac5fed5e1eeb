// Known-answer test of every kernel: does each variant that this processor can run give the bits that the contract fixes?
#ifndef STERNA_KERNELS_SELF_TEST_SELF_TEST_H_
#define STERNA_KERNELS_SELF_TEST_SELF_TEST_H_

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
#include "kernels/ternary/linear.h"
#include "kernels/ternary/quantize.h"
#include "tensor/dtype.h"

namespace sterna {

enum class SelfTestStatus : uint8_t { kPassed, kFailed, kNotSupported };
/// "passed", "failed", "not supported by this processor".
std::string_view SelfTestStatusName(SelfTestStatus status);

struct SelfTestResult {
  std::string family;  ///< "ternary linear", "dense linear Q6_K"
  std::string name;    ///< "ternary_linear_avx512"
  Isa isa;
  SelfTestStatus status;
};

/// The lists a self-test walks. Tests replace one to plant a wrong kernel.
struct KernelLists {
  struct Dense {
    DType dtype;
    std::span<const Kernel<DenseLinearFunction>> kernels;
  };
  struct Block {
    DType dtype;
    std::span<const Kernel<BlockLinearFunction>> kernels;
  };

  std::span<const Kernel<QuantizeFunction>> quantize;
  std::span<const Kernel<TernaryLinearFunction>> ternary_linear;
  std::vector<Dense> dense_linear;
  std::span<const Kernel<BlockQuantizeFunction>> block_quantize;
  std::vector<Block> block_linear;
  std::span<const Kernel<RmsNormFunction>> rms_norm;
  std::span<const Kernel<RopeFunction>> rope;
  std::span<const Kernel<AttentionFunction>> attention;
  std::span<const Kernel<GateFunction>> gate;
};
/// Every list of this program.
KernelLists AllKernelLists();

/// Runs every variant that `cpu` can run on small fixed inputs, extreme values among them. The reference, first of each list, must
/// give the outputs whose digest is stored here; every other variant must give the reference's outputs, bit for bit. Takes about 40
/// ms. Thread-safe.
std::vector<SelfTestResult> RunKernelSelfTest(const KernelLists& lists, CpuFeatures cpu);
/// All lists, on this processor.
std::vector<SelfTestResult> RunKernelSelfTest();

}  // namespace sterna

#endif  // STERNA_KERNELS_SELF_TEST_SELF_TEST_H_
