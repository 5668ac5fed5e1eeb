// Dense and block-quantized weights, as they lie in the file, times f32 activations.
#ifndef STERNA_KERNELS_DENSE_LINEAR_H_
#define STERNA_KERNELS_DENSE_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"
#include "tensor/dtype.h"

namespace sterna {

struct DenseLinearArgs {
  const std::byte* weights;  ///< [rows] rows of row_bytes; any alignment; 0 readable bytes past the last row
  int64_t row_bytes;
  int64_t rows, cols;          ///< cols is a multiple of the type's block
  int64_t row_begin, row_end;  ///< the rows to compute
  const float* x;              ///< [tokens][x_stride], 64-byte aligned rows, 64 readable bytes past the end
  int64_t x_stride;            ///< floats, a multiple of 16
  int64_t tokens;
  float* y;            ///< [tokens][y_stride]; only columns row_begin .. row_end-1 are written
  int64_t y_stride;    ///< floats
  std::byte* scratch;  ///< DenseLinearScratchBytes(cols, tokens) bytes of this thread's own, 64-byte aligned
};

/// y[t][r] = sum_c w[r][c] * x[t][c], w as Dequantize (tensor/encodings.h) gives it, in one fixed order on every ISA and for every
/// number of tokens: lane l of 16 sums the columns c = l mod 16 in rising order by fused multiply-adds starting at +0; then lanes l
/// and l+8 are added, then l and l+4, l+2, l+1. Bit-identical over variants, row ranges and token groupings. Error against the
/// exact sum: at most (cols/16 + 5) * 2^-24 * sum |w x|, to first order. y must not overlap the inputs. Cannot fail.
using DenseLinearFunction = void (*)(const DenseLinearArgs&) noexcept;

size_t DenseLinearScratchBytes(int64_t cols, int64_t tokens);

/// The list for one weight type, from slow to fast; never empty for the types FindRowDecoder knows: the first entry is the
/// scalar reference through it.
std::span<const Kernel<DenseLinearFunction>> DenseLinearKernels(DType dtype);

}  // namespace sterna

#endif  // STERNA_KERNELS_DENSE_LINEAR_H_
