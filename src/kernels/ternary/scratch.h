// Private to this family: what the many-token kernels keep in scratch, and how much of it. Plain constants: ISA files include this.
#ifndef STERNA_KERNELS_TERNARY_SCRATCH_H_
#define STERNA_KERNELS_TERNARY_SCRATCH_H_

#include <cstdint>

#include "kernels/ternary/five_trit_layout.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

/// Up to here the codes of a row tile are used from registers, four tokens at a time; above, they are unpacked to bytes once per
/// panel. Below the bound the unpacking costs more than it saves; far above it the activations of all tokens, which every row tile
/// reads again, would no longer fit a second-level cache.
constexpr int64_t kMaxFewTokens = 32;
/// A panel is this many row tiles at most.
constexpr int64_t kMaxPanelTiles = 2;
/// Activations are packed for this many tokens at a time, so that scratch stays near the size of a second-level cache while the
/// unpacking of a panel (about 1 % of the work at 192 tokens) and the second reading of the codes cost little.
constexpr int64_t kMaxChunkTokens = 192;

/// Bytes of one row tile with a whole byte per code: column groups of four, 16 rows x 4 codes in each; in whole lines of the layout
/// that needs more.
constexpr int64_t UnpackedTileBytes(int64_t cols) {
  const int64_t two_bit = 4 * TernaryTileBytes(cols), five_trit = 5 * FiveTritTileBytes(cols);
  return two_bit > five_trit ? two_bit : five_trit;
}

// Scratch is the panel (kMaxPanelTiles unpacked tiles), then the packed activations of one chunk: TernaryPaddedCols bytes a token.

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_SCRATCH_H_
