// Block products with NEON of ARMv8.0: smull, pairs added in 16 bits, then widened.
//
// Overflow: |code| <= 128 and |q| <= 127, so a product is at most 16256 and a pair 32512 <= 32767.
#include "kernels/blockquant/neon.h"

namespace sterna {
namespace {

struct Dot {
  STERNA_INLINE static int32x4_t Add(int32x4_t sum, int8x16_t codes, int8x16_t q) noexcept {
    const int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(q)), high = vmull_high_s8(codes, q);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
  }
};

}  // namespace

template <>
void BlockLinearNeon<DType::kQ8_0>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q8_0>(args);
}
template <>
void BlockLinearNeon<DType::kQ4_0>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q4_0>(args);
}
template <>
void BlockLinearNeon<DType::kQ4_1>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q4_1>(args);
}
template <>
void BlockLinearNeon<DType::kQ6_K>(const BlockLinearArgs& args) noexcept {
  Linear<Dot, Q6_K>(args);
}

}  // namespace sterna
