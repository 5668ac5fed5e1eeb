// Causal attention of one token over a paged key-value cache, by online softmax over fixed blocks of positions.
#ifndef STERNA_KERNELS_ATTENTION_ATTENTION_H_
#define STERNA_KERNELS_ATTENTION_ATTENTION_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

/// Positions per block of the cache, and per step of the online softmax. Block b holds positions 32b .. 32b+31.
inline constexpr int64_t kKvBlockTokens = 32;

// Inside a block, one KV head takes 2 * 32 * head_dim floats: keys transposed, [head_dim][32], so that 16 scores are one vector;
// then values, [32][head_dim]. Unwritten positions hold any finite numbers.
struct AttentionArgs {
  const float* q;              ///< [queries][head_dim]: the query heads that share this KV head; 64 readable bytes past the end
  int64_t queries;             ///< >= 1
  int64_t head_dim;            ///< any; vectors cover the multiple of 16 below it, the rest is scalar
  const float* const* keys;    ///< [blocks]: keys of this KV head in each block, 64-byte aligned
  const float* const* values;  ///< [blocks]
  int64_t begin = 0;           ///< the first visible position; blocks before its own are not read
  int64_t positions;  ///< end of the visible positions, > begin: this token's own position + 1; blocks = ceil(positions / 32)
  float score_scale;  ///< usually 1/sqrt(head_dim)
  float* y;           ///< [queries][head_dim]; no overlap with the inputs
};

/// softmax(score_scale * q.K^T) V per query head (arXiv:1805.02867 online normalizer), in this order on every ISA, for every batch:
///   m = -inf, l = 0, y = 0; for each block that has visible positions, with [a, n) = those:
///     s[i] = score_scale * dot(i), dot(i) = fused multiply-adds over d = 0 .. head_dim-1 from +0; s[i] = -inf outside [a, n)
///     m' = max(m, max_i s[i]);  c = Exp(m - m') (0 for the first block);  p[i] = Exp(s[i] - m'), 0 outside [a, n)
///     l = fma(l, c, P), P = sum of p: p[i] + p[i+16], then lanes i and i+8, i+4, i+2, i+1
///     y[d] = y[d] * c, then for i = a .. n-1: y[d] = fma(p[i], v[i][d], y[d]);  m = m'
///   y[d] = y[d] / l.
/// Exp as in kernels/exp/exp.h. Bit-identical on every ISA. Cannot fail.
using AttentionFunction = void (*)(const AttentionArgs&) noexcept;

std::span<const Kernel<AttentionFunction>> AttentionKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_ATTENTION_ATTENTION_H_
