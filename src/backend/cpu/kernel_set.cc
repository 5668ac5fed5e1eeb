#include "backend/cpu/kernel_set.h"

#include <fmt/format.h>

namespace sterna {

KernelSet::KernelSet(Isa level)
    : isa(level),
      quantize(SelectKernel(QuantizeKernels(), level)),
      ternary_linear(SelectKernel(TernaryLinearKernels(), level)),
      rms_norm(SelectKernel(RmsNormKernels(), level)),
      rope(SelectKernel(RopeKernels(), level)),
      attention(SelectKernel(AttentionKernels(), level)),
      gate(SelectKernel(GateKernels(), level)),
      block_quantize(SelectKernel(BlockQuantizeKernels(), level)) {}

std::vector<std::pair<std::string, std::string>> KernelSet::Names() const {
  std::vector<std::pair<std::string, std::string>> names = {{"quantize", quantize.info.name},
                                                            {"block quantize", block_quantize.info.name},
                                                            {"ternary linear", ternary_linear.info.name},
                                                            {"rms norm", rms_norm.info.name},
                                                            {"rope", rope.info.name},
                                                            {"attention", attention.info.name},
                                                            {"gate", gate.info.name}};
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    names.emplace_back(fmt::format("dense linear {}", Name(dtype)), dense_linear(dtype).info.name);
  }
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    names.emplace_back(fmt::format("block linear {}", Name(dtype)), block_linear(dtype).info.name);
  }
  return names;
}

}  // namespace sterna
