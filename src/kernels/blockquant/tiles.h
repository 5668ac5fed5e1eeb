// How block-quantized matrices lie in memory for the kernels: tiles of 16 rows, so that a register's lanes are rows.
#ifndef STERNA_KERNELS_BLOCKQUANT_TILES_H_
#define STERNA_KERNELS_BLOCKQUANT_TILES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace sterna {

// A tile is 16 rows; missing rows of the last tile are zeros. It holds the same numbers as the file's rows, and nothing else:
//
//   codes of block 0, block 1, …    a block is 32 columns
//   scales of block 0, block 1, …   f16, 16 rows; Q6_K: 16 rows of int8 for the block's first 16 columns, then for the others
//   Q4_1: minima, as the scales     Q6_K: f16 scales of 256 columns, 16 rows each
//   zeros up to a multiple of 64 bytes
//
// A line is 64 bytes, byte 4*row + j. Codes of a block, with G = a group of four columns, 0 .. 7:
//   Q8_0          8 lines: line G holds columns 4G + j, signed
//   Q4_0, Q4_1    4 lines: line i holds columns 4i + j in the low nibbles, 16 + 4i + j in the high ones, 0 .. 15
//   Q6_K          the same 4 lines for the low 4 bits of 0 .. 63, then 2 lines of high bits: line h holds in bits 2i, 2i+1 those of
//                 columns 16h + 4i + j
//
// A line is one AVX-512 register: one vpdpbusd with a broadcast group of the activations gives 16 rows' sums, and no sum ever goes
// across lanes.

inline constexpr int64_t kBlockTileRows = 16;
inline constexpr int64_t kBlockLineBytes = 64;
inline constexpr int64_t kBlockLineGroups = 8;  ///< groups of four columns in a block of 32

/// Where the parts of a tile begin, in bytes.
struct BlockTileParts {
  int64_t code_bytes;  ///< of a block
  int64_t scales;      ///< offset of the scales
  int64_t others;      ///< offset of Q4_1's minima or Q6_K's f16 scales; equals `end` for the other types
  int64_t end;         ///< bytes of the tile, a multiple of 64
};

/// Whether the type is kept in tiles: Q8_0, Q4_0, Q4_1 and Q6_K.
bool HasBlockTiles(DType dtype);
/// `dtype` has tiles; `cols` is a multiple of its block.
BlockTileParts BlockTile(DType dtype, int64_t cols);
/// Bytes of a matrix in tiles. Far below 2^63 for every shape whose file bytes are.
int64_t BlockTilesBytes(DType dtype, int64_t rows, int64_t cols);

/// Packs up to 16 rows as they lie in the file; `tile` takes BlockTile(dtype, cols).end bytes. Thread-safe.
void PackBlockTile(DType dtype, std::span<const std::byte* const> rows, int64_t cols, std::byte* tile);
/// The inverse for one row of a tile, 0 .. 15: RowBytes(dtype, cols) bytes, those of the file. Thread-safe.
void UnpackBlockRow(DType dtype, const std::byte* tile, int64_t row, int64_t cols, std::byte* out);

}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_TILES_H_
