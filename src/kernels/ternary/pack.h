// Between int8 weights in {-1, 0, +1} and the tiles they are multiplied in.
#ifndef STERNA_KERNELS_TERNARY_PACK_H_
#define STERNA_KERNELS_TERNARY_PACK_H_

#include <cstdint>
#include <span>

#include "kernels/ternary/tile_layout.h"

namespace sterna {

/// Packs one row tile, for loaders that produce a few rows at a time. rows: 1 .. 16 pointers to [cols] weights in {-1, 0, +1}; rows
/// that are missing, and columns up to the next multiple of 16, become weight 0. tile: TernaryTileBytes(cols) bytes out, no overlap
/// with the rows. Weights are not checked: another value stores some code, possibly 3, and nothing worse. Cannot fail;
/// thread-safe for distinct tiles.
void PackTernaryTile(std::span<const int8_t* const> rows, int64_t cols, uint8_t* tile) noexcept;

/// Packs a whole matrix. weights: [rows][cols] in {-1, 0, +1}, without gaps. codes: TernaryMatrixBytes(rows, cols) bytes out.
/// Otherwise as PackTernaryTile.
void PackTernaryTiles(const int8_t* weights, int64_t rows, int64_t cols, uint8_t* codes) noexcept;

/// The inverse of PackTernaryTile: writes [cols] weights in {-1, 0, +1} through each of the 1 .. 16 pointers.
void UnpackTernaryTile(const uint8_t* tile, int64_t cols, std::span<int8_t* const> rows) noexcept;

/// The inverse of PackTernaryTiles: weights becomes [rows][cols], without gaps.
void UnpackTernaryTiles(const uint8_t* codes, int64_t rows, int64_t cols, int8_t* weights) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_PACK_H_
