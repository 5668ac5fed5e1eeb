// The lists: which function computes which weight type on which instruction set.
#include <cassert>

#include "kernels/dense/variants.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

struct VariantNames {
  const char *ref, *avx2, *avx512;
};

#if defined(__x86_64__)
template <DType kType>
float TensorScaleOf(const DenseLinearArgs& args) noexcept {
  return TensorScale(kType, args.weights, args.rows, args.cols);
}
template <DType kType>
void DecodedAvx2(const DenseLinearArgs& args) noexcept {
  DenseLinearDecodedAvx2(args, FindRowDecoder(kType), TensorScaleOf<kType>(args));
}
template <DType kType>
void DecodedAvx512(const DenseLinearArgs& args) noexcept {
  DenseLinearDecodedAvx512(args, FindRowDecoder(kType), TensorScaleOf<kType>(args));
}

template <DType kType>
constexpr bool kHasOwnKernels = kType == DType::kF32 || kType == DType::kF16 || kType == DType::kBF16 || kType == DType::kQ8_0 ||
                                kType == DType::kQ4_0 || kType == DType::kQ4_1 || kType == DType::kQ6_K;

template <DType kType>
constexpr DenseLinearFunction Avx2Function() {
  if constexpr (kHasOwnKernels<kType>) return DenseLinearAvx2<kType>;
  return DecodedAvx2<kType>;
}
template <DType kType>
constexpr DenseLinearFunction Avx512Function() {
  if constexpr (kHasOwnKernels<kType>) return DenseLinearAvx512<kType>;
  return DecodedAvx512<kType>;
}
#endif

template <DType kType>
std::span<const Kernel<DenseLinearFunction>> ListOf(const VariantNames& names) {
  static const Kernel<DenseLinearFunction> kernels[] = {
    {{names.ref, Isa::kRef}, DenseLinearRef<kType>},
#if defined(__x86_64__)
    {{names.avx2, Isa::kAvx2}, Avx2Function<kType>()},
    {{names.avx512, Isa::kAvx512}, Avx512Function<kType>()},
#endif
  };
  return kernels;
}

}  // namespace

std::span<const Kernel<DenseLinearFunction>> DenseLinearKernels(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return ListOf<DType::kF32>({"dense_linear_f32_ref", "dense_linear_f32_avx2", "dense_linear_f32_avx512"});
    case DType::kF16:
      return ListOf<DType::kF16>({"dense_linear_f16_ref", "dense_linear_f16_avx2", "dense_linear_f16_avx512"});
    case DType::kBF16:
      return ListOf<DType::kBF16>({"dense_linear_bf16_ref", "dense_linear_bf16_avx2", "dense_linear_bf16_avx512"});
    case DType::kF64:
      return ListOf<DType::kF64>({"dense_linear_f64_ref", "dense_linear_f64_avx2", "dense_linear_f64_avx512"});
    case DType::kQ8_0:
      return ListOf<DType::kQ8_0>({"dense_linear_q8_0_ref", "dense_linear_q8_0_avx2", "dense_linear_q8_0_avx512"});
    case DType::kQ4_0:
      return ListOf<DType::kQ4_0>({"dense_linear_q4_0_ref", "dense_linear_q4_0_avx2", "dense_linear_q4_0_avx512"});
    case DType::kQ4_1:
      return ListOf<DType::kQ4_1>({"dense_linear_q4_1_ref", "dense_linear_q4_1_avx2", "dense_linear_q4_1_avx512"});
    case DType::kQ6_K:
      return ListOf<DType::kQ6_K>({"dense_linear_q6_k_ref", "dense_linear_q6_k_avx2", "dense_linear_q6_k_avx512"});
    case DType::kTQ1_0:
      return ListOf<DType::kTQ1_0>({"dense_linear_tq1_0_ref", "dense_linear_tq1_0_avx2", "dense_linear_tq1_0_avx512"});
    case DType::kTQ2_0:
      return ListOf<DType::kTQ2_0>({"dense_linear_tq2_0_ref", "dense_linear_tq2_0_avx2", "dense_linear_tq2_0_avx512"});
    case DType::kI2_S:
      return ListOf<DType::kI2_S>({"dense_linear_i2_s_ref", "dense_linear_i2_s_avx2", "dense_linear_i2_s_avx512"});
    case DType::kQ5_0:
      return ListOf<DType::kQ5_0>({"dense_linear_q5_0_ref", "dense_linear_q5_0_avx2", "dense_linear_q5_0_avx512"});
    case DType::kQ5_1:
      return ListOf<DType::kQ5_1>({"dense_linear_q5_1_ref", "dense_linear_q5_1_avx2", "dense_linear_q5_1_avx512"});
    case DType::kQ2_K:
      return ListOf<DType::kQ2_K>({"dense_linear_q2_k_ref", "dense_linear_q2_k_avx2", "dense_linear_q2_k_avx512"});
    case DType::kQ3_K:
      return ListOf<DType::kQ3_K>({"dense_linear_q3_k_ref", "dense_linear_q3_k_avx2", "dense_linear_q3_k_avx512"});
    case DType::kQ4_K:
      return ListOf<DType::kQ4_K>({"dense_linear_q4_k_ref", "dense_linear_q4_k_avx2", "dense_linear_q4_k_avx512"});
    case DType::kQ5_K:
      return ListOf<DType::kQ5_K>({"dense_linear_q5_k_ref", "dense_linear_q5_k_avx2", "dense_linear_q5_k_avx512"});
    case DType::kIQ4_NL:
      return ListOf<DType::kIQ4_NL>({"dense_linear_iq4_nl_ref", "dense_linear_iq4_nl_avx2", "dense_linear_iq4_nl_avx512"});
    case DType::kMXFP4:
      return ListOf<DType::kMXFP4>({"dense_linear_mxfp4_ref", "dense_linear_mxfp4_avx2", "dense_linear_mxfp4_avx512"});
    case DType::kNVFP4:
      return ListOf<DType::kNVFP4>({"dense_linear_nvfp4_ref", "dense_linear_nvfp4_avx2", "dense_linear_nvfp4_avx512"});
    case DType::kI2_SArm:
      return ListOf<DType::kI2_SArm>({"dense_linear_i2_s_arm_ref", "dense_linear_i2_s_arm_avx2", "dense_linear_i2_s_arm_avx512"});
    case DType::kI2_SSequential:
      return ListOf<DType::kI2_SSequential>(
          {"dense_linear_i2_s_seq_ref", "dense_linear_i2_s_seq_avx2", "dense_linear_i2_s_seq_avx512"});
    case DType::kIQ1_BN:
      return ListOf<DType::kIQ1_BN>({"dense_linear_iq1_bn_ref", "dense_linear_iq1_bn_avx2", "dense_linear_iq1_bn_avx512"});
    case DType::kIQ2_BN:
      return ListOf<DType::kIQ2_BN>({"dense_linear_iq2_bn_ref", "dense_linear_iq2_bn_avx2", "dense_linear_iq2_bn_avx512"});
    case DType::kQ2_0:
      return ListOf<DType::kQ2_0>({"dense_linear_q2_0_ref", "dense_linear_q2_0_avx2", "dense_linear_q2_0_avx512"});
    case DType::kPQ2_0:
      return ListOf<DType::kPQ2_0>({"dense_linear_pq2_0_ref", "dense_linear_pq2_0_avx2", "dense_linear_pq2_0_avx512"});
    case DType::kPTQ1_0:
      return ListOf<DType::kPTQ1_0>({"dense_linear_ptq1_0_ref", "dense_linear_ptq1_0_avx2", "dense_linear_ptq1_0_avx512"});
    case DType::kQ1_0:
      return ListOf<DType::kQ1_0>({"dense_linear_q1_0_ref", "dense_linear_q1_0_avx2", "dense_linear_q1_0_avx512"});
    case DType::kQ1_0G32:
      return ListOf<DType::kQ1_0G32>({"dense_linear_q1_0_g32_ref", "dense_linear_q1_0_g32_avx2", "dense_linear_q1_0_g32_avx512"});
    default:
      return {};
  }
}

size_t DenseLinearScratchBytes(int64_t cols, int64_t /*tokens*/) {
  const int64_t carry = kDensePanelRows / kDenseQuadRows * kDenseCarryFloats;
  return static_cast<size_t>(kDensePanelRows * DensePaddedCols(cols) + carry) * sizeof(float);
}

}  // namespace sterna
