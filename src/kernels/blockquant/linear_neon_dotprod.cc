// Block products with NEON and sdot. smmla has no use here: it sums eight products, and two rows of them.
#include "kernels/blockquant/neon.h"

namespace sterna {
namespace {

struct Dot {
  STERNA_INLINE static int32x4_t Add(int32x4_t sum, int8x16_t codes, int8x16_t q) noexcept { return vdotq_s32(sum, codes, q); }
};

}  // namespace

template <>
void BlockLinearNeonDotprod<DType::kQ8_0>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q8_0>(args);
}
template <>
void BlockLinearNeonDotprod<DType::kQ4_0>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q4_0>(args);
}
template <>
void BlockLinearNeonDotprod<DType::kQ4_1>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q4_1>(args);
}
template <>
void BlockLinearNeonDotprod<DType::kQ6_K>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q6_K>(args);
}

}  // namespace sterna
