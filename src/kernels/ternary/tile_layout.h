// The layout ternary weights have in memory while they are multiplied: tiles of 16 rows, one cache line for 16 rows x 16 columns.
#ifndef STERNA_KERNELS_TERNARY_TILE_LAYOUT_H_
#define STERNA_KERNELS_TERNARY_TILE_LAYOUT_H_

#include <cstdint>

namespace sterna {

// A matrix [rows, cols] is a sequence of row tiles; a row tile holds rows 16t .. 16t+15 as a sequence of 64-byte lines; line k
// holds columns 16k .. 16k+15. Byte 4*r + j of a line holds, for row 16t + r, the codes of columns j, j+4, j+8 and j+12 (of the
// line) at bits 0, 2, 4 and 6. code = weight + 1, in {0, 1, 2}; code 3 never occurs. So plane p of a line, masked to bytes, is 16
// rows of four neighbouring columns 4p .. 4p+3: what vpdpbusd, vpmaddubsw and sdot multiply with one broadcast dword of
// activations. Rows are padded to a multiple of 16 and columns to a multiple of 16 with code 1 (weight 0).
inline constexpr int64_t kTernaryTileRows = 16;
inline constexpr int64_t kTernaryLineCols = 16;
inline constexpr int64_t kTernaryLineBytes = 64;
/// Keeps every sum of code * activation below 2^31: 2 * 127 * 2^22 < 2^30.1.
inline constexpr int64_t kMaxTernaryCols = int64_t{1} << 22;

constexpr int64_t TernaryPaddedRows(int64_t rows) {
  return (rows + kTernaryTileRows - 1) / kTernaryTileRows * kTernaryTileRows;
}
constexpr int64_t TernaryPaddedCols(int64_t cols) {
  return (cols + kTernaryLineCols - 1) / kTernaryLineCols * kTernaryLineCols;
}
/// Bytes of one row tile.
constexpr int64_t TernaryTileBytes(int64_t cols) {
  return TernaryPaddedCols(cols) / kTernaryLineCols * kTernaryLineBytes;
}
/// Bytes of a whole matrix: a quarter of a byte per (padded) weight.
constexpr int64_t TernaryMatrixBytes(int64_t rows, int64_t cols) {
  return TernaryPaddedRows(rows) / kTernaryTileRows * TernaryTileBytes(cols);
}

/// Activations are padded with zeros to whole 64-byte vectors.
inline constexpr int64_t kActivationPadding = 64;
constexpr int64_t PaddedActivations(int64_t n) {
  return (n + kActivationPadding - 1) / kActivationPadding * kActivationPadding;
}

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_TILE_LAYOUT_H_
