// Rotary position embedding, in the half-split form of Hugging Face models.
#ifndef STERNA_KERNELS_ROPE_ROPE_H_
#define STERNA_KERNELS_ROPE_ROPE_H_

#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

struct RopeArgs {
  float* x;  ///< [heads][head_dim], rotated in place
  int64_t heads;
  int64_t head_dim;  ///< even; the pairs are (i, i + head_dim/2)
  const float* cos;  ///< [head_dim/2] of this token's position
  const float* sin;  ///< [head_dim/2]
};

/// For i < head_dim/2, with a = x[i], b = x[i + head_dim/2] (arXiv:2104.09864, rotate_half of transformers):
///   x[i] = fma(-b, sin[i], a*cos[i]);  x[i + head_dim/2] = fma(a, sin[i], b*cos[i]).
/// Products a*cos, b*cos are rounded first. Bit-identical on every ISA. Cannot fail.
using RopeFunction = void (*)(const RopeArgs&) noexcept;

std::span<const Kernel<RopeFunction>> RopeKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_ROPE_ROPE_H_
