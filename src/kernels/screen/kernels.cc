#include "kernels/screen/variants.h"

namespace sterna {
namespace {

constexpr Kernel<ScreenFunction> kKernels[] = {
    {{"screen_ref", Isa::kRef}, ScreenRef},
#if defined(__x86_64__)
    {{"screen_avx2", Isa::kAvx2}, ScreenAvx2},
    {{"screen_avx512", Isa::kAvx512}, ScreenAvx512},
#endif
};

}  // namespace

std::span<const Kernel<ScreenFunction>> ScreenKernels() {
  return kKernels;
}

}  // namespace sterna
