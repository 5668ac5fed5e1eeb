// int8 activations with one scale per block of 32, the input of products with block-quantized weights.
#ifndef STERNA_KERNELS_BLOCKQUANT_QUANTIZE_H_
#define STERNA_KERNELS_BLOCKQUANT_QUANTIZE_H_

#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

/// Elements that share a scale, of activations and of weights.
inline constexpr int64_t kQuantBlock = 32;

/// One token. The outputs must not overlap x; nothing else is read or written.
struct BlockQuantizeArgs {
  const float* x;       ///< [n], any alignment
  int64_t n;            ///< a multiple of 32
  int8_t* q;            ///< [n] out, in [-127, 127]
  float* scales;        ///< [n / 32] out, units of x per step
  float* sums;          ///< [n / 32] out, scale times sum of q, for weights with an offset
  int32_t* group_sums;  ///< [n / 16] out, sums of 16 q, for codes that are multiplied with a bias
};

/// Activations as ggml's quantize_row_q8_0 and quantize_row_q8_1 make them on x86; for each block of 32, in f32:
///   largest = max_j |x[j]|;  d = largest / 127;  inverse = largest > 0 ? 127 / largest : 0
///   q[j] = round_half_even(x[j] * inverse)
///   scale = f16(d);  sum = f16(d * (sum_j q[j])), f16 rounding to nearest even, stored as f32
///   group_sum = sum of q over each half of the block
/// Bit-identical on every ISA. Cannot fail. Outside of what f16 can hold: a scale is 0 where largest < 127 * 2^-25, infinite where
/// it is above 127 * 65519. A NaN does not count in the maximum. x[j] * inverse is clamped to [-127, 127] with NaN giving -127,
/// which matters only where x holds NaN or infinity or where inverse is infinite (largest < 2^-121; the scale is 0 then).
using BlockQuantizeFunction = void (*)(const BlockQuantizeArgs&) noexcept;

/// From slow to fast; the first is the scalar reference.
std::span<const Kernel<BlockQuantizeFunction>> BlockQuantizeKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_QUANTIZE_H_
