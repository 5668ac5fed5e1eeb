#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

constexpr Kernel<BlockQuantizeFunction> kQuantizeKernels[] = {
    {{"block_quantize_ref", Isa::kRef}, BlockQuantizeRef},
#if defined(__x86_64__)
    {{"block_quantize_avx2", Isa::kAvx2}, BlockQuantizeAvx2},
    {{"block_quantize_avx512", Isa::kAvx512}, BlockQuantizeAvx512},
#elif defined(__aarch64__)
    {{"block_quantize_neon", Isa::kNeon}, BlockQuantizeNeon},
#endif
};

constexpr Kernel<BlockLinearFunction> kQ8_0Kernels[] = {
    {{"block_linear_q8_0_ref", Isa::kRef}, BlockLinearRef<DType::kQ8_0>},
#if defined(__x86_64__)
    {{"block_linear_q8_0_avx2", Isa::kAvx2}, BlockLinearAvx2<DType::kQ8_0>},
    {{"block_linear_q8_0_avx512", Isa::kAvx512}, BlockLinearAvx512<DType::kQ8_0>},
#elif defined(__aarch64__)
    {{"block_linear_q8_0_neon", Isa::kNeon}, BlockLinearNeon<DType::kQ8_0>},
    {{"block_linear_q8_0_neon_dotprod", Isa::kNeonDotprod}, BlockLinearNeonDotprod<DType::kQ8_0>},
#endif
};

constexpr Kernel<BlockLinearFunction> kQ4_0Kernels[] = {
    {{"block_linear_q4_0_ref", Isa::kRef}, BlockLinearRef<DType::kQ4_0>},
#if defined(__x86_64__)
    {{"block_linear_q4_0_avx2", Isa::kAvx2}, BlockLinearAvx2<DType::kQ4_0>},
    {{"block_linear_q4_0_avx512", Isa::kAvx512}, BlockLinearAvx512<DType::kQ4_0>},
#elif defined(__aarch64__)
    {{"block_linear_q4_0_neon", Isa::kNeon}, BlockLinearNeon<DType::kQ4_0>},
    {{"block_linear_q4_0_neon_dotprod", Isa::kNeonDotprod}, BlockLinearNeonDotprod<DType::kQ4_0>},
#endif
};

constexpr Kernel<BlockLinearFunction> kQ4_1Kernels[] = {
    {{"block_linear_q4_1_ref", Isa::kRef}, BlockLinearRef<DType::kQ4_1>},
#if defined(__x86_64__)
    {{"block_linear_q4_1_avx2", Isa::kAvx2}, BlockLinearAvx2<DType::kQ4_1>},
    {{"block_linear_q4_1_avx512", Isa::kAvx512}, BlockLinearAvx512<DType::kQ4_1>},
#elif defined(__aarch64__)
    {{"block_linear_q4_1_neon", Isa::kNeon}, BlockLinearNeon<DType::kQ4_1>},
    {{"block_linear_q4_1_neon_dotprod", Isa::kNeonDotprod}, BlockLinearNeonDotprod<DType::kQ4_1>},
#endif
};

constexpr Kernel<BlockLinearFunction> kQ6_KKernels[] = {
    {{"block_linear_q6_k_ref", Isa::kRef}, BlockLinearRef<DType::kQ6_K>},
#if defined(__x86_64__)
    {{"block_linear_q6_k_avx2", Isa::kAvx2}, BlockLinearAvx2<DType::kQ6_K>},
    {{"block_linear_q6_k_avx512", Isa::kAvx512}, BlockLinearAvx512<DType::kQ6_K>},
#elif defined(__aarch64__)
    {{"block_linear_q6_k_neon", Isa::kNeon}, BlockLinearNeon<DType::kQ6_K>},
    {{"block_linear_q6_k_neon_dotprod", Isa::kNeonDotprod}, BlockLinearNeonDotprod<DType::kQ6_K>},
#endif
};

}  // namespace

std::span<const Kernel<BlockQuantizeFunction>> BlockQuantizeKernels() {
  return kQuantizeKernels;
}

std::span<const Kernel<BlockLinearFunction>> BlockLinearKernels(DType dtype) {
  switch (dtype) {
    case DType::kQ8_0:
      return kQ8_0Kernels;
    case DType::kQ4_0:
      return kQ4_0Kernels;
    case DType::kQ4_1:
      return kQ4_1Kernels;
    case DType::kQ6_K:
      return kQ6_KKernels;
    default:
      return {};
  }
}

}  // namespace sterna
