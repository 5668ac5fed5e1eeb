#include "kernels/self_test/self_test.h"

#include <fmt/format.h>

#include <array>

#include "kernels/self_test/cases.h"

namespace sterna {
namespace {

/// FNV-1a, 64 bits.
uint64_t Digest(const Outputs& outputs) {
  uint64_t digest = 0xcbf29ce484222325;
  for (const std::byte byte : outputs) digest = (digest ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  return digest;
}

struct KnownAnswer {
  std::string_view family;
  uint64_t digest;
};

// Digests of what the references give; g++ and clang, with and without optimization, x86-64 and AArch64 agree on them. They change
// only together with a contract or with the cases.
constexpr std::array<KnownAnswer, 20> kKnownAnswers = {{
    {"quantize", 0x03841b9ae5416961},
    {"ternary linear two_bit", 0x52914017f9fc540e},
    {"ternary linear five_trit", 0x52914017f9fc540e},
    {"dense linear F32", 0xb47f66d022e8bf2d},
    {"dense linear F16", 0x8c4d9db470f21622},
    {"dense linear BF16", 0x9805277ecc43ac51},
    {"dense linear Q8_0", 0x579e4b2430abfe67},
    {"dense linear Q4_0", 0x42443b2c488217f4},
    {"dense linear Q4_1", 0x5bd1958cff0b511c},
    {"dense linear Q6_K", 0x23b326b699799b15},
    {"block quantize", 0x8b526038b8432010},
    {"block linear Q8_0", 0x3b4fa5da00ab44b0},
    {"block linear Q4_0", 0x43d0780e4fab393b},
    {"block linear Q4_1", 0x1ba78b42e003e64d},
    {"block linear Q6_K", 0xf75aeaafe0f015e3},
    {"rms norm", 0x1ca58978d331c7a0},
    {"rope", 0xb9fc9c64fcd6968b},
    {"attention", 0x84c1aa1c919a1216},
    {"gate", 0x4a14ed67b3c651a7},
    {"screen", 0xfbe74469ba3f0199},
}};

bool IsKnownAnswer(std::string_view family, const Outputs& outputs) {
  for (const KnownAnswer& known : kKnownAnswers) {
    if (known.family == family) return known.digest == Digest(outputs);
  }
  return false;
}

/// visit(family, list, outputs_of) for every list; outputs_of(function) gives the outputs of one variant.
template <class Visit>
void ForEachFamily(const KernelLists& lists, Visit visit) {
  visit("quantize", lists.quantize, QuantizeOutputs);
  for (const KernelLists::Ternary& ternary : lists.ternary_linear) {
    visit(fmt::format("ternary linear {}", ternary.layout->name), ternary.kernels,
          [&](TernaryLinearFunction function) { return TernaryLinearOutputs(*ternary.layout, function); });
  }
  for (const KernelLists::Dense& dense : lists.dense_linear) {
    visit(fmt::format("dense linear {}", Name(dense.dtype)), dense.kernels,
          [&](DenseLinearFunction function) { return DenseLinearOutputs(dense.dtype, function); });
  }
  visit("block quantize", lists.block_quantize, BlockQuantizeOutputs);
  for (const KernelLists::Block& block : lists.block_linear) {
    visit(fmt::format("block linear {}", Name(block.dtype)), block.kernels,
          [&](BlockLinearFunction function) { return BlockLinearOutputs(block.dtype, function); });
  }
  visit("rms norm", lists.rms_norm, RmsNormOutputs);
  visit("rope", lists.rope, RopeOutputs);
  visit("attention", lists.attention, AttentionOutputs);
  visit("gate", lists.gate, GateOutputs);
  visit("screen", lists.screen, ScreenOutputs);
}

}  // namespace

std::string_view SelfTestStatusName(SelfTestStatus status) {
  switch (status) {
    case SelfTestStatus::kPassed:
      return "passed";
    case SelfTestStatus::kFailed:
      return "failed";
    case SelfTestStatus::kNotSupported:
      return "not supported by this processor";
  }
  return "unknown";
}

KernelLists AllKernelLists() {
  KernelLists lists{.quantize = QuantizeKernels(),
                    .ternary_linear = {},
                    .dense_linear = {},
                    .block_quantize = BlockQuantizeKernels(),
                    .block_linear = {},
                    .rms_norm = RmsNormKernels(),
                    .rope = RopeKernels(),
                    .attention = AttentionKernels(),
                    .gate = GateKernels(),
                    .screen = ScreenKernels()};
  for (const TernaryLayoutInfo& layout : TernaryLayouts()) lists.ternary_linear.push_back({&layout, layout.kernels()});
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    lists.dense_linear.push_back({dtype, DenseLinearKernels(dtype)});
  }
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K}) {
    lists.block_linear.push_back({dtype, BlockLinearKernels(dtype)});
  }
  return lists;
}

std::vector<SelfTestResult> RunKernelSelfTest(const KernelLists& lists, CpuFeatures cpu) {
  std::vector<SelfTestResult> results;
  ForEachFamily(lists, [&](const std::string& family, auto list, auto outputs_of) {
    const Outputs expected = outputs_of(list.front().function);
    for (const auto& kernel : list) {
      SelfTestResult result{
          .family = family, .name = kernel.info.name, .isa = kernel.info.isa, .status = SelfTestStatus::kNotSupported};
      if (&kernel == &list.front()) {
        result.status = IsKnownAnswer(family, expected) ? SelfTestStatus::kPassed : SelfTestStatus::kFailed;
      } else if (cpu.Contains(IsaFeatures(kernel.info.isa))) {
        result.status = outputs_of(kernel.function) == expected ? SelfTestStatus::kPassed : SelfTestStatus::kFailed;
      }
      results.push_back(std::move(result));
    }
  });
  return results;
}

std::vector<SelfTestResult> RunKernelSelfTest() {
  return RunKernelSelfTest(AllKernelLists(), HostCpu());
}

std::vector<RefusedKernel> FindFailingKernels(const KernelLists& lists, Isa limit) {
  std::vector<RefusedKernel> refused;
  ForEachFamily(lists, [&](const std::string& family, auto list, auto outputs_of) {
    for (;;) {
      const auto& chosen = SelectKernel(list, limit, refused);
      if (!refused.empty() && refused.back().family == family) refused.back().replacement = chosen.info.name;
      if (IsKnownAnswer(family, outputs_of(chosen.function))) return;
      refused.push_back({.family = family, .name = chosen.info.name, .replacement = {}});
      if (&chosen == &list.front()) return;
    }
  });
  return refused;
}

}  // namespace sterna
