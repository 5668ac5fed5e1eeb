#include "backend/cpu/kernel_set.h"

#include <fmt/format.h>

namespace sterna {

KernelSet::KernelSet(Isa level, std::vector<RefusedKernel> refused_in)
    : isa(level),
      refused(std::move(refused_in)),
      quantize(Select(QuantizeKernels())),
      rms_norm(Select(RmsNormKernels())),
      rope(Select(RopeKernels())),
      attention(Select(AttentionKernels())),
      gate(Select(GateKernels())),
      screen(Select(ScreenKernels())),
      block_quantize(Select(BlockQuantizeKernels())) {}

std::vector<std::pair<std::string, std::string>> KernelSet::Names() const {
  std::vector<std::pair<std::string, std::string>> names = {
      {"quantize", quantize.info.name}, {"block quantize", block_quantize.info.name}, {"rms norm", rms_norm.info.name},
      {"rope", rope.info.name},         {"attention", attention.info.name},           {"gate", gate.info.name},
      {"screen", screen.info.name}};
  for (const TernaryLayoutInfo& layout : TernaryLayouts()) {
    names.emplace_back(fmt::format("ternary linear {}", layout.name), ternary_linear(layout.layout).info.name);
  }
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    names.emplace_back(fmt::format("dense linear {}", Name(dtype)), dense_linear(dtype).info.name);
  }
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    names.emplace_back(fmt::format("block linear {}", Name(dtype)), block_linear(dtype).info.name);
  }
  return names;
}

}  // namespace sterna
