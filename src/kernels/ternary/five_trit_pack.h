// Between int8 weights in {-1, 0, +1} and the tiles of five codes a byte.
#ifndef STERNA_KERNELS_TERNARY_FIVE_TRIT_PACK_H_
#define STERNA_KERNELS_TERNARY_FIVE_TRIT_PACK_H_

#include <cstdint>
#include <span>

#include "kernels/ternary/five_trit_layout.h"

namespace sterna {

/// PackTernaryTile (kernels/ternary/pack.h) in this layout: FiveTritTileBytes(cols) bytes out. A value that is no weight stores
/// some byte, and nothing worse.
void PackFiveTritTile(std::span<const int8_t* const> rows, int64_t cols, uint8_t* tile) noexcept;

/// The inverse of PackFiveTritTile: writes [cols] weights through each of the 1 .. 16 pointers.
void UnpackFiveTritTile(const uint8_t* tile, int64_t cols, std::span<int8_t* const> rows) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_FIVE_TRIT_PACK_H_
