// Private to this family's files with ISA flags: what they write in the same way. All of it has internal linkage, so that each file
// has its own copy, compiled with its own flags.
#ifndef STERNA_KERNELS_DENSE_PANEL_H_
#define STERNA_KERNELS_DENSE_PANEL_H_

#include "kernels/dense/variants.h"

// GCC leaves arrays of sums in memory unless their loops are written out.
#define STERNA_UNROLL _Pragma("GCC unroll 16")

// A load that broadcasts or widens costs little beside the load; the same from a register competes with the other shuffles. The
// compilers turn the former into the latter unless they believe that the array may have changed.
#define STERNA_KEEP_IN_MEMORY(array) __asm__ volatile("" : "+m"(array))

namespace sterna {
namespace {

constexpr int64_t kPrefetchBytes = 8192;  // ahead of the rows that are being multiplied

int64_t Min(int64_t a, int64_t b) noexcept {
  return a < b ? a : b;
}

// The rows of a tile are neighbours in memory, but each is read at its own pace: too short for the processor to see the streams. So
// the bytes of the rows to come are asked for in one sequence, as many as are consumed.
const std::byte* PrefetchStart(const std::byte* rows, int64_t bytes) noexcept {
  return rows + (bytes > kPrefetchBytes ? bytes : kPrefetchBytes);
}
template <int64_t kBytes>
const std::byte* Prefetch(const std::byte* ahead) noexcept {
  STERNA_UNROLL
  for (int64_t i = 0; i < (kBytes + 63) / 64; ++i) __builtin_prefetch(ahead + 64 * i);
  return ahead + kBytes;
}

// Some decoded rows times some tokens, for a block of columns.
struct TileArgs {
  const float* w;  // [rows][w_stride]
  int64_t w_stride;
  const float* x;  // [tokens][x_stride]
  int64_t x_stride;
  int64_t steps;     // whole vectors of 16 columns
  int64_t tail;      // columns of one more vector
  float* carry;      // sums from the columns before, and for those behind
  bool first, last;  // block of columns
  float* y;
  int64_t y_stride;
};
using TileFunction = void (*)(const TileArgs&) noexcept;

// Rows row .. row + rows - 1, decoded in `panel`, times all tokens. tiles[r - 1][t - 1] computes r rows by t tokens.
template <int64_t kTileTokens>
void MultiplyPanel(const DenseLinearArgs& args, const TileFunction (&tiles)[kDenseQuadRows][kTileTokens], const float* panel,
                   int64_t row, int64_t rows) noexcept {
  const int64_t stride = DensePaddedCols(args.cols);
  float* carry = reinterpret_cast<float*>(args.scratch) + kDensePanelRows * stride;
  const int64_t blocks = (args.cols + kDenseBlockCols - 1) / kDenseBlockCols;
  const int64_t block_cols = DensePaddedCols((args.cols + blocks - 1) / blocks);
  for (int64_t token = 0; token < args.tokens; token += kTileTokens) {
    const int64_t tokens = Min(kTileTokens, args.tokens - token);
    for (int64_t col = 0; col < args.cols; col += block_cols) {
      const int64_t cols = Min(block_cols, args.cols - col);
      for (int64_t r = 0; r < rows; r += kDenseQuadRows) {
        TileArgs tile;
        tile.w = panel + r * stride + col;
        tile.w_stride = stride;
        tile.x = args.x + token * args.x_stride + col;
        tile.x_stride = args.x_stride;
        tile.steps = cols / kDenseLanes;
        tile.tail = cols % kDenseLanes;
        tile.carry = carry + r / kDenseQuadRows * kDenseCarryFloats;
        tile.first = col == 0;
        tile.last = col + cols == args.cols;
        tile.y = args.y + token * args.y_stride + row + r;
        tile.y_stride = args.y_stride;
        tiles[Min(kDenseQuadRows, rows - r) - 1][tokens - 1](tile);
      }
    }
  }
}

// All rows and tokens: `decode(row bytes, out)` writes one row of cols floats; what lies behind them is not used.
template <int64_t kTileTokens, class Decode>
void PanelLinear(const DenseLinearArgs& args, const TileFunction (&tiles)[kDenseQuadRows][kTileTokens], Decode decode) noexcept {
  auto* panel = reinterpret_cast<float*>(args.scratch);
  const int64_t stride = DensePaddedCols(args.cols);
  for (int64_t row = args.row_begin; row < args.row_end; row += kDensePanelRows) {
    const int64_t rows = Min(kDensePanelRows, args.row_end - row);
    for (int64_t r = 0; r < rows; ++r) decode(args.weights + (row + r) * args.row_bytes, panel + r * stride);
    MultiplyPanel(args, tiles, panel, row, rows);
  }
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_DENSE_PANEL_H_
