// A denser layout of ternary weights: five codes a byte (1.6 bits a weight), in the same tiles of 16 rows and 64-byte lines.
#ifndef STERNA_KERNELS_TERNARY_FIVE_TRIT_LAYOUT_H_
#define STERNA_KERNELS_TERNARY_FIVE_TRIT_LAYOUT_H_

#include <cstdint>

#include "kernels/ternary/tile_layout.h"

namespace sterna {

// A row tile holds rows 16t .. 16t+15 as a sequence of 64-byte lines; line k holds columns 20k .. 20k+19. Byte 4*r + j of a line
// holds, for row 16t + r, the codes c0 .. c4 of columns j, j+4, j+8, j+12 and j+16 (of the line), code = weight + 1, as the number
//
//   84 * c4 + c0 + 3 * c1 + 9 * c2 + 27 * c3
//
// so plane p of a line is 16 rows of four neighbouring columns 4p .. 4p+3, as in tile_layout.h. Four codes take 81 values; the step
// is 84, a multiple of 4, so that the upper six bits of a byte alone tell c4: a table of 64 entries finds it. Rows are padded to a
// multiple of 16 and columns to a multiple of 20 with code 1 (weight 0).
inline constexpr int64_t kFiveTritLineCols = 20;
inline constexpr int kFiveTritStep = 84;

/// codes: five in {0, 1, 2}.
constexpr uint8_t FiveTritByte(const int (&codes)[5]) {
  return static_cast<uint8_t>(kFiveTritStep * codes[4] + codes[0] + 3 * codes[1] + 9 * codes[2] + 27 * codes[3]);
}

/// Code `plane` (0 .. 4) of a byte; for a byte that FiveTritByte never gives, some number in {0, 1, 2, 3}.
constexpr int FiveTritCode(uint8_t byte, int plane) {
  if (plane == 4) return byte / kFiveTritStep;
  int rest = byte % kFiveTritStep;
  for (int p = 0; p < plane; ++p) rest /= 3;
  return rest % 3;
}

/// Bytes of one row tile.
constexpr int64_t FiveTritTileBytes(int64_t cols) {
  return (cols + kFiveTritLineCols - 1) / kFiveTritLineCols * kTernaryLineBytes;
}

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_FIVE_TRIT_LAYOUT_H_
