// Ternary weights times int8 activations: one token (GEMV), a few (verification), or many (prefill), with bit-identical results.
#ifndef STERNA_KERNELS_TERNARY_LINEAR_H_
#define STERNA_KERNELS_TERNARY_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

struct TernaryLinearArgs {
  const uint8_t* codes;        ///< the whole matrix as tiles of the function's layout (layouts.h), 64-byte aligned
  const float* row_scales;     ///< [rows]
  int64_t rows, cols;          ///< cols <= 2^22, so that |sum code * q| < 2^31
  int64_t row_begin, row_end;  ///< the rows to compute: row_begin % 16 == 0; row_end % 16 == 0 or row_end == rows
  const int8_t* x;             ///< [tokens][x_stride], each row as QuantizeArgs::q
  int64_t x_stride;            ///< bytes, >= PaddedActivations(cols), a multiple of 64
  const float* x_scales;       ///< [tokens], QuantizeArgs::scale
  const int32_t* x_sums;       ///< [tokens], QuantizeArgs::sum; cancels the +1 bias of the codes
  int64_t tokens;              ///< >= 1
  float* y;                    ///< [tokens][y_stride]; only columns row_begin .. row_end-1 are written
  int64_t y_stride;            ///< floats
  std::byte* scratch;          ///< TernaryLinearScratchBytes(cols, tokens) bytes of this thread's own, 64-byte aligned
};

/// y[t][r] = (float(sum_c w[r][c] * x[t][c]) / x_scales[t]) * row_scales[r], w in {-1, 0, +1}.
/// The sum is exact in int32, then one conversion, one IEEE division, one multiplication (the order of bitnet.cpp's I2_S path). So
/// every variant, any split into row ranges and any grouping of tokens gives the same bits. y must not overlap the inputs. Cannot
/// fail.
using TernaryLinearFunction = void (*)(const TernaryLinearArgs&) noexcept;

/// Scratch that any variant of any layout needs for this shape.
size_t TernaryLinearScratchBytes(int64_t cols, int64_t tokens);

/// Of tiles with four codes a byte (tile_layout.h), from slow to fast; the first is the scalar reference.
std::span<const Kernel<TernaryLinearFunction>> TernaryLinearKernels();
/// Of tiles with five codes a byte (five_trit_layout.h).
std::span<const Kernel<TernaryLinearFunction>> FiveTritLinearKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_LINEAR_H_
