#include "kernels/gate/gate_variants.h"

namespace sterna {
namespace {

constexpr Kernel<GateFunction> kKernels[] = {
    {{"gate_ref", Isa::kRef}, GateRef},
#if defined(__x86_64__)
    {{"gate_avx2", Isa::kAvx2}, GateAvx2},
    {{"gate_avx512", Isa::kAvx512}, GateAvx512},
#elif defined(__aarch64__)
    {{"gate_neon", Isa::kNeon}, GateNeon},
#endif
};

}  // namespace

std::span<const Kernel<GateFunction>> GateKernels() {
  return kKernels;
}

}  // namespace sterna
