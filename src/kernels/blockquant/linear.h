// Block-quantized weights, as they lie in the file, times int8 activations with one scale per block.
#ifndef STERNA_KERNELS_BLOCKQUANT_LINEAR_H_
#define STERNA_KERNELS_BLOCKQUANT_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"
#include "tensor/dtype.h"

namespace sterna {

struct BlockLinearArgs {
  const std::byte* weights;  ///< [rows] rows of row_bytes; any alignment; 0 readable bytes past the last row
  int64_t row_bytes;
  int64_t rows, cols;          ///< cols is a multiple of 32, for Q6_K of 256
  int64_t row_begin, row_end;  ///< the rows to compute
  const int8_t* q;       ///< [tokens][q_stride], each row as BlockQuantizeArgs::q, 64-byte aligned; 0 readable bytes past cols
  int64_t q_stride;      ///< bytes, a multiple of 64
  const float* scales;   ///< [tokens][scale_stride], BlockQuantizeArgs::scales
  const float* sums;     ///< [tokens][scale_stride], BlockQuantizeArgs::sums; for Q4_1 only, else may be null
  int64_t scale_stride;  ///< floats, >= cols / 32
  int64_t tokens;
  float* y;          ///< [tokens][y_stride]; only columns row_begin .. row_end-1 are written
  int64_t y_stride;  ///< floats
};

/// y[t][r] = sum_b d_w[r][b] * scales[t][b] * (sum_j code[r][b][j] * q[t][b][j])  (+ sum_b m_w[r][b] * sums[t][b] for Q4_1),
/// the arithmetic of ggml's vec_dot_q8_0_q8_0, vec_dot_q4_0_q8_0 and vec_dot_q4_1_q8_1. code is the int8 of Q8_0, the nibble - 8 of
/// Q4_0, the nibble of Q4_1; d_w and m_w are the block's f16 numbers. For Q6_K code is the 6-bit number - 32, and each half of a
/// block has its own d_w: the f16 scale of 256 weights times the int8 scale of 16, exact in f32.
///
/// One fixed order of sums on every ISA and for every number of tokens. 16 lanes start at +0; block b adds to lanes 0..7 where b is
/// even, to lanes 8..15 where b is odd: lane l (mod 8) gets fma(f32(d_w * scale), float(I), lane), where I is the exact sum over
/// elements 4l .. 4l+3 and d_w that of element 4l. Then lanes l and l+8 are added, l and l+4, l+2, l+1. For Q4_1: offset = fma(m_w,
/// sum, offset) over the blocks in order, from +0; y = sum of lanes + offset.
///
/// Bit-identical over variants, row ranges and token groupings, as long as no NaN arises. Error against the same sum in exact
/// arithmetic: at most (cols/64 + 7) * 2^-24 * sum |d_w scale I|, plus (cols/32 + 1) * 2^-24 * sum |m_w sum|, to first order.
/// y must not overlap the inputs. Needs no scratch. Cannot fail.
using BlockLinearFunction = void (*)(const BlockLinearArgs&) noexcept;

/// The list for Q8_0, Q4_0, Q4_1 or Q6_K, from slow to fast, the scalar reference first; empty for every other type.
std::span<const Kernel<BlockLinearFunction>> BlockLinearKernels(DType dtype);

}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_LINEAR_H_
