// A 6-bit copy of a dense matrix that says, for every row, between which two numbers the exact kernel's product lies.
#ifndef STERNA_KERNELS_SCREEN_SCREEN_H_
#define STERNA_KERNELS_SCREEN_SCREEN_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

// A row holds cols columns, padded with zeros to blocks of 64, in groups of 32:
//   blocks of 48 bytes: 32 bytes of nibbles (byte j: column j low, column 32 + j high), 16 bytes of high bits (byte j: bits 2i,
//   2i+1
//     belong to column 16i + j); a column's code is u = nibble + 16 * high bits, 0 .. 63
//   u8 scale s of each group;  u8 error norm n of each group;  f32 t;  f32 unit;  f32 norm
// The row stands for W[c] = t * s * (u[c] - 32). With w the exact row and E_g the Euclidean norm of w - W over group g, encoding
// makes sure that E_g <= unit * n_g, and that |w| and |W|, the norms of the whole rows, are <= norm.

inline constexpr int64_t kScreenBlock = 64;
inline constexpr int64_t kScreenGroup = 32;
inline constexpr int64_t kScreenBlockBytes = 48;
inline constexpr int64_t kMaxScreenCols = 65536;
/// Readable bytes that must lie behind the last row.
inline constexpr int64_t kScreenPadding = 64;

inline constexpr int64_t ScreenBlocks(int64_t cols) {
  return (cols + kScreenBlock - 1) / kScreenBlock;
}
inline constexpr int64_t ScreenRowBytes(int64_t cols) {
  return ScreenBlocks(cols) * (kScreenBlockBytes + 4) + 3 * static_cast<int64_t>(sizeof(float));
}

/// Writes the screen of one row, ScreenRowBytes(row.size()) bytes. False, with nothing promised about `out`, where a weight is NaN
/// or beyond 2^50 in magnitude. Thread-safe.
bool EncodeScreenRow(std::span<const float> row, std::byte* out) noexcept;

/// One token's activations x, rounded to x~[c] = step_g * Q[c] with |Q| <= 32512.
struct ScreenInput {
  int8_t *high, *low;  ///< [64 * blocks] each, 64-byte aligned: Q = 256 * high + low
  int32_t* starts;     ///< [16 * blocks]: -32 * (Q of 4 columns)
  float* steps;        ///< [groups, padded to 16 with zeros]
  float* norms;        ///< the same: at least the norm of x over the group, times 1 + 2^-15
  float slack;         ///< S below
};

size_t ScreenInputBytes(int64_t cols);
/// Pointers into ScreenInputBytes(cols) bytes, 64-byte aligned.
ScreenInput ScreenInputAt(std::byte* memory, int64_t cols);
/// Fills `input` from x [cols]. False where an element is NaN or beyond 2^50 in magnitude: then no bound holds. Thread-safe.
bool PrepareScreenInput(const float* x, int64_t cols, ScreenInput* input) noexcept;

struct ScreenArgs {
  const std::byte* rows;  ///< ScreenRowBytes(cols) each, back to back; any alignment; kScreenPadding readable bytes behind them
  int64_t cols;
  int64_t row_begin, row_end;  ///< the rows to compute
  const ScreenInput* inputs;   ///< [tokens]
  int64_t tokens;
  float *lower, *upper;  ///< [tokens][stride]; only elements row_begin .. row_end-1 of a token are written
  int64_t stride;
};

/// For every row, numbers lower <= y <= upper, where y is what DenseLinearFunction (kernels/dense) gives for the exact row and x.
///
///   approximate = t * sum_g s_g * step_g * (sum over g of (u - 32) * Q)
///   radius = unit * sum_g n_g * norms_g + norm * S + 2^-80
///   lower, upper = approximate -+ radius
///
/// Why they hold. Let w, x be exact, W, x~ what the screen holds, r = x - x~, |.| Euclidean norms. Then w.x - W.x~ = (w - W).x +
/// W.r, so by Cauchy-Schwarz, group by group for the first and at once for the second,
///   |w.x - W.x~| <= sum_g E_g |x_g| + |W| |r|.
/// The dense kernel rounds at most cols/16 + 5 times on the way of a product to the sum, each by a factor of 1 + 2^-24 at most, so
/// it is within (cols/16 + 16) 2^-23 |w| |x| of w.x (sum |w_c x_c| <= |w| |x|; twice the first-order factor covers the higher
/// orders, as cols <= 65536). The sum of `approximate` rounds at most cols/64 + 8 times, the last step twice: within (cols/64 + 16)
/// 2^-23 |W| |x~| of W.x~, and |x~| <= |x| + |r|; what is counted too much here covers the rounding of lower and upper. Hence S =
/// |r| + (cols/16 + cols/64 + 32) 2^-23 (|x| + |r|). Roundings while the radius is computed are below cols/512 + 16 of 2^-24,
/// relative, and all its terms are positive: the factor 1 + 2^-15 in norms_g and S covers them. The norms themselves come from
/// double arithmetic, rounded upwards. 2^-80 covers underflow: results below 2^-126 are off by 2^-150 each, and t <= 2^50. Nothing
/// overflows: |w_c|, |x_c| <= 2^50.
///
/// One fixed order on every ISA and for every number of tokens. The inner sum goes over 4 columns at a time, exact in int32: lane l
/// of 16 gets, for block b = 0, 1, …, fma(f32(s * step), I, lane) with columns 64b + 4l .. 64b + 4l + 3 and the group they lie in;
/// the sum over n goes to lane g mod 16 in rising order by fma. Lanes are added l and l+8, l+4, l+2, l+1. radius = fma(unit, sum,
/// fma(norm, S, 2^-80)). Bit-identical over variants, row ranges and token groupings. Cannot fail.
using ScreenFunction = void (*)(const ScreenArgs&) noexcept;

/// From slow to fast; the first is the scalar reference.
std::span<const Kernel<ScreenFunction>> ScreenKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_SCREEN_SCREEN_H_
