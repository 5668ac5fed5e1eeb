#include "kernels/norm/rms_norm_variants.h"

namespace sterna {
namespace {

constexpr Kernel<RmsNormFunction> kKernels[] = {
    {{"rms_norm_ref", Isa::kRef}, RmsNormRef},
#if defined(__x86_64__)
    {{"rms_norm_avx2", Isa::kAvx2}, RmsNormAvx2},
    {{"rms_norm_avx512", Isa::kAvx512}, RmsNormAvx512},
#elif defined(__aarch64__)
    {{"rms_norm_neon", Isa::kNeon}, RmsNormNeon},
#endif
};

}  // namespace

std::span<const Kernel<RmsNormFunction>> RmsNormKernels() {
  return kKernels;
}

}  // namespace sterna
