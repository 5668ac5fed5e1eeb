// The lists: which function computes which weight type on which instruction set.
#include <array>
#include <string_view>

#include "kernels/dense/variants.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

[[maybe_unused]] constexpr bool HasOwnKernels(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || type == DType::kQ8_0 || type == DType::kQ4_0 ||
         type == DType::kQ4_1 || type == DType::kQ6_K;
}

/// Any type that has no kernels of its own.
template <DType kType, DenseDecodedFunction kMultiply>
void Decoded(const DenseLinearArgs& args) noexcept {
  kMultiply(args, FindRowDecoder(kType), TensorScale(kType, args.weights, args.rows, args.cols));
}

struct Variant {
  Isa isa;
  DenseLinearFunction function;
};

template <DType kType>
constexpr auto Variants() {
  if constexpr (HasOwnKernels(kType)) {
    return std::to_array<Variant>({
      {Isa::kRef, DenseLinearRef<kType>},
#if defined(__x86_64__)
          {Isa::kAvx2, DenseLinearAvx2<kType>}, {Isa::kAvx512, DenseLinearAvx512<kType>},
#elif defined(__aarch64__)
          {Isa::kNeon, DenseLinearNeon<kType>},
#endif
    });
  } else {
    return std::to_array<Variant>({
      {Isa::kRef, DenseLinearRef<kType>},
#if defined(__x86_64__)
          {Isa::kAvx2, Decoded<kType, DenseLinearDecodedAvx2>}, {Isa::kAvx512, Decoded<kType, DenseLinearDecodedAvx512>},
#elif defined(__aarch64__)
          {Isa::kNeon, Decoded<kType, DenseLinearDecodedNeon>},
#endif
    });
  }
}

struct VariantName {
  char text[40] = "";
};

VariantName NameOf(std::string_view type, Isa isa) {
  VariantName name;
  size_t length = 0;
  for (const std::string_view part : {std::string_view("dense_linear_"), type, std::string_view("_"), IsaName(isa)}) {
    length += part.copy(name.text + length, sizeof(name.text) - 1 - length);
  }
  return name;
}

/// type: as the names have it, "q4_0".
template <DType kType>
std::span<const Kernel<DenseLinearFunction>> ListOf(const char* type) {
  static constexpr auto kVariants = Variants<kType>();
  using Names = std::array<VariantName, kVariants.size()>;
  using Kernels = std::array<Kernel<DenseLinearFunction>, kVariants.size()>;
  static const Names names = [type] {
    Names made;
    for (size_t i = 0; i < made.size(); ++i) made[i] = NameOf(type, kVariants[i].isa);
    return made;
  }();
  static const Kernels kernels = [] {
    Kernels made;
    for (size_t i = 0; i < made.size(); ++i) made[i] = {{names[i].text, kVariants[i].isa}, kVariants[i].function};
    return made;
  }();
  return kernels;
}

}  // namespace

std::span<const Kernel<DenseLinearFunction>> DenseLinearKernels(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return ListOf<DType::kF32>("f32");
    case DType::kF16:
      return ListOf<DType::kF16>("f16");
    case DType::kBF16:
      return ListOf<DType::kBF16>("bf16");
    case DType::kF64:
      return ListOf<DType::kF64>("f64");
    case DType::kQ8_0:
      return ListOf<DType::kQ8_0>("q8_0");
    case DType::kQ4_0:
      return ListOf<DType::kQ4_0>("q4_0");
    case DType::kQ4_1:
      return ListOf<DType::kQ4_1>("q4_1");
    case DType::kQ6_K:
      return ListOf<DType::kQ6_K>("q6_k");
    case DType::kTQ1_0:
      return ListOf<DType::kTQ1_0>("tq1_0");
    case DType::kTQ2_0:
      return ListOf<DType::kTQ2_0>("tq2_0");
    case DType::kI2_S:
      return ListOf<DType::kI2_S>("i2_s");
    case DType::kQ5_0:
      return ListOf<DType::kQ5_0>("q5_0");
    case DType::kQ5_1:
      return ListOf<DType::kQ5_1>("q5_1");
    case DType::kQ2_K:
      return ListOf<DType::kQ2_K>("q2_k");
    case DType::kQ3_K:
      return ListOf<DType::kQ3_K>("q3_k");
    case DType::kQ4_K:
      return ListOf<DType::kQ4_K>("q4_k");
    case DType::kQ5_K:
      return ListOf<DType::kQ5_K>("q5_k");
    case DType::kIQ4_NL:
      return ListOf<DType::kIQ4_NL>("iq4_nl");
    case DType::kMXFP4:
      return ListOf<DType::kMXFP4>("mxfp4");
    case DType::kNVFP4:
      return ListOf<DType::kNVFP4>("nvfp4");
    case DType::kI2_SArm:
      return ListOf<DType::kI2_SArm>("i2_s_arm");
    case DType::kI2_SSequential:
      return ListOf<DType::kI2_SSequential>("i2_s_seq");
    case DType::kIQ1_BN:
      return ListOf<DType::kIQ1_BN>("iq1_bn");
    case DType::kIQ2_BN:
      return ListOf<DType::kIQ2_BN>("iq2_bn");
    case DType::kQ2_0:
      return ListOf<DType::kQ2_0>("q2_0");
    case DType::kPQ2_0:
      return ListOf<DType::kPQ2_0>("pq2_0");
    case DType::kPTQ1_0:
      return ListOf<DType::kPTQ1_0>("ptq1_0");
    case DType::kQ1_0:
      return ListOf<DType::kQ1_0>("q1_0");
    case DType::kQ1_0G32:
      return ListOf<DType::kQ1_0G32>("q1_0_g32");
    default:
      return {};
  }
}

size_t DenseLinearScratchBytes(int64_t cols, int64_t /*tokens*/) {
  const int64_t carry = kDensePanelRows / kDenseQuadRows * kDenseCarryFloats;
  return static_cast<size_t>(kDensePanelRows * DensePaddedCols(cols) + carry) * sizeof(float);
}

}  // namespace sterna
