#include "kernels/rope/rope_variants.h"

namespace sterna {
namespace {

constexpr Kernel<RopeFunction> kKernels[] = {
    {{"rope_ref", Isa::kRef}, RopeRef},
#if defined(__x86_64__)
    {{"rope_avx2", Isa::kAvx2}, RopeAvx2},
    {{"rope_avx512", Isa::kAvx512}, RopeAvx512},
#elif defined(__aarch64__)
    {{"rope_neon", Isa::kNeon}, RopeNeon},
#endif
};

}  // namespace

std::span<const Kernel<RopeFunction>> RopeKernels() {
  return kKernels;
}

}  // namespace sterna
