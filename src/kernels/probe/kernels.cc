#include "kernels/probe/variants.h"

namespace sterna {
namespace {

constexpr Kernel<ReadProbeFunction> kReadProbeKernels[] = {
    {{"read_probe_ref", Isa::kRef}, ReadProbeRef},
#if defined(__x86_64__)
    {{"read_probe_avx2", Isa::kAvx2}, ReadProbeAvx2},
    {{"read_probe_avx512", Isa::kAvx512}, ReadProbeAvx512},
#elif defined(__aarch64__)
    {{"read_probe_neon", Isa::kNeon}, ReadProbeNeon},
#endif
};

constexpr Kernel<MultiplyProbeFunction> kMultiplyProbeKernels[] = {
    {{"multiply_probe_ref", Isa::kRef}, MultiplyProbeRef},
#if defined(__x86_64__)
    {{"multiply_probe_avx2", Isa::kAvx2}, MultiplyProbeAvx2},
    {{"multiply_probe_avxvnni", Isa::kAvxVnni}, MultiplyProbeAvxVnni},
    {{"multiply_probe_avx512", Isa::kAvx512}, MultiplyProbeAvx512},
#elif defined(__aarch64__)
    {{"multiply_probe_neon", Isa::kNeon}, MultiplyProbeNeon},
    {{"multiply_probe_neon_dotprod", Isa::kNeonDotprod}, MultiplyProbeNeonDotprod},
    {{"multiply_probe_neon_i8mm", Isa::kNeonI8mm}, MultiplyProbeNeonI8mm},
#endif
};

}  // namespace

std::span<const Kernel<ReadProbeFunction>> ReadProbeKernels() {
  return kReadProbeKernels;
}
std::span<const Kernel<MultiplyProbeFunction>> MultiplyProbeKernels() {
  return kMultiplyProbeKernels;
}

}  // namespace sterna
