// Block products with NEON and sdot, whose four sums of four products are the lanes of the contract. smmla has no use here: it sums
// eight products.
#include "kernels/blockquant/neon.h"

namespace sterna {
namespace {

struct Dot {
  STERNA_INLINE static int32x4_t Sum(int8x16_t codes, int8x16_t q) noexcept { return vdotq_s32(vdupq_n_s32(0), codes, q); }
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
