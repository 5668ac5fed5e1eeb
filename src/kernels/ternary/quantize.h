// Per-token int8 activations, the input of every ternary product.
#ifndef STERNA_KERNELS_TERNARY_QUANTIZE_H_
#define STERNA_KERNELS_TERNARY_QUANTIZE_H_

#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

struct QuantizeArgs {
  const float* x;  ///< [n], finite
  int64_t n;       ///< 1 <= n <= 2^22
  int8_t* q;       ///< [PaddedActivations(n)] out, in [-127, 127], zeros behind n; 64-byte aligned; no overlap with x
  float* scale;    ///< out: s, in int8 steps per unit of x
  int32_t* sum;    ///< out: sum of q
};

/// BitNet b1.58 activations (arXiv:2402.17764; order and rounding as in transformers integrations/bitnet.py `ActQuant`):
///   s = 127 / max(max_j |x[j]|, 1e-5);  q[j] = clamp(round_half_even(x[j] * s), -128, 127).
/// Bit-identical on every ISA: exact maximum, one IEEE division, one multiplication and one rounding per element. Cannot fail;
/// with a NaN or infinity in x the outputs are unspecified but inside their ranges.
using QuantizeFunction = void (*)(const QuantizeArgs&) noexcept;

/// From slow to fast; the first is the scalar reference.
std::span<const Kernel<QuantizeFunction>> QuantizeKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_QUANTIZE_H_
