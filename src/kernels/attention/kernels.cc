#include "kernels/attention/attention_variants.h"

namespace sterna {
namespace {

constexpr Kernel<AttentionFunction> kKernels[] = {
    {{"attention_ref", Isa::kRef}, AttentionRef},
#if defined(__x86_64__)
    {{"attention_avx2", Isa::kAvx2}, AttentionAvx2},
    {{"attention_avx512", Isa::kAvx512}, AttentionAvx512},
#elif defined(__aarch64__)
    {{"attention_neon", Isa::kNeon}, AttentionNeon},
#endif
};

}  // namespace

std::span<const Kernel<AttentionFunction>> AttentionKernels() {
  return kKernels;
}

}  // namespace sterna
