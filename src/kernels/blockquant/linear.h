// Block-quantized weights in tiles (tiles.h) times int8 activations with one scale per block.
#ifndef STERNA_KERNELS_BLOCKQUANT_LINEAR_H_
#define STERNA_KERNELS_BLOCKQUANT_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/blockquant/tiles.h"
#include "kernels/kernel.h"
#include "tensor/dtype.h"

namespace sterna {

struct BlockLinearArgs {
  const std::byte* tiles;      ///< BlockTilesBytes(type, rows, cols), 64-byte aligned
  int64_t rows, cols;          ///< cols is a multiple of 32, for Q6_K of 256
  int64_t row_begin, row_end;  ///< the rows to compute: row_begin a multiple of 16, row_end too or equal to rows
  const int8_t* q;             ///< [tokens][q_stride], each row as BlockQuantizeArgs::q; any alignment; 0 readable bytes past cols
  int64_t q_stride;            ///< bytes
  const float* scales;         ///< [tokens][scale_stride], BlockQuantizeArgs::scales
  const float* sums;           ///< [tokens][scale_stride], BlockQuantizeArgs::sums; for Q4_1 only, else may be null
  const int32_t* group_sums;   ///< [tokens][2 * scale_stride], BlockQuantizeArgs::group_sums
  int64_t scale_stride;        ///< elements, >= cols / 32
  int64_t tokens;
  float* y;          ///< [tokens][y_stride]; only columns row_begin .. row_end-1 are written
  int64_t y_stride;  ///< floats
};

/// y[t][r] = sum_b d_w[r][b] * scales[t][b] * (sum_j code[r][b][j] * q[t][b][j])  (+ sum_b m_w[r][b] * sums[t][b] for Q4_1),
/// the arithmetic of ggml's vec_dot_q8_0_q8_0, vec_dot_q4_0_q8_0 and vec_dot_q4_1_q8_1. code is the int8 of Q8_0, the nibble - 8 of
/// Q4_0, the nibble of Q4_1; d_w and m_w are the block's f16 numbers. For Q6_K code is the 6-bit number - 32, and each half of a
/// block has its own d_w: the f16 scale of 256 weights times the int8 scale of 16, exact in f32.
///
/// One fixed order on every ISA and for every number of tokens. y starts at +0; for the blocks in order, and for Q6_K the halves of
/// each in order: y = fma(f32(d_w * scale), float(I), y), where I is the exact sum over the block or half; then for Q4_1
/// y = fma(m_w, sum, y).
///
/// Bit-identical over variants, row ranges and token groupings, as long as no NaN arises. Error against the same sum in exact
/// arithmetic: at most (n + 2) * 2^-24 * (sum |d_w scale I| + sum |m_w sum|), to first order, with n = cols / 32 additions, twice
/// as many for Q6_K and Q4_1. y must not overlap the inputs. Needs no scratch. Cannot fail.
using BlockLinearFunction = void (*)(const BlockLinearArgs&) noexcept;

/// The list for Q8_0, Q4_0, Q4_1 or Q6_K, from slow to fast, the scalar reference first; empty for every other type.
std::span<const Kernel<BlockLinearFunction>> BlockLinearKernels(DType dtype);

}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_LINEAR_H_
