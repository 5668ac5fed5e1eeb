#include "kernels/blockquant/tiles.h"

#include <algorithm>
#include <cstring>

#include "base/checked_math.h"

namespace sterna {
namespace {

constexpr int64_t kBlock = 32;
constexpr int64_t kSuperBlock = 256;
constexpr int64_t kHalfBytes = 2;  // an f16

// Offsets in the file's block of Q6_K, 256 weights.
constexpr int64_t kQ6KBytes = 210, kQ6KHighBits = 128, kQ6KGroupScales = 192, kQ6KScale = 208;

int64_t FileBlockBytes(DType dtype) {
  return Info(dtype).block_bytes;
}

/// Four bytes that are moved, or the same bits of each: bits `shift` .. `shift` + `bits` - 1 of a row's bytes from `file` on are
/// bits `tile_shift` … of the tile's from `tile` on, which is counted for row 0.
struct Place {
  int64_t file, tile;
  int shift, tile_shift, bits;
};

/// Calls visit(Place) for every part of one row's block `block`.
template <class Visit>
void ForEachPlace(DType dtype, const BlockTileParts& parts, int64_t block, Visit visit) {
  const auto line = [&](int64_t number) { return parts.code_bytes * block + kBlockLineBytes * number; };
  if (dtype != DType::kQ6_K) {
    // In the file's bytes of 4 bits, too, lie columns c and 16 + c.
    const int64_t file = FileBlockBytes(dtype) * block + (dtype == DType::kQ4_1 ? 2 : 1) * kHalfBytes;
    const int64_t lines = parts.code_bytes / kBlockLineBytes;
    for (int64_t i = 0; i < lines; ++i) visit(Place{file + 4 * i, line(i), 0, 0, 8});
    return;
  }
  // The file's halves of 128 weights: 64 bytes of nibbles, the low ones of parts 0 and 1 of 32 weights, then 2 and 3; 32 bytes of
  // high bits, bits 2p, 2p+1 for part p.
  const int64_t super_block = kQ6KBytes * (block / 8), half = block % 8 / 4;
  const auto part = static_cast<int>(block % 4);
  for (int64_t group = 0; group < kBlockLineGroups; ++group) {
    const int64_t low = super_block + 64 * half + 32 * (part % 2) + 4 * group;
    const int64_t high = super_block + kQ6KHighBits + 32 * half + 4 * group;
    const int64_t i = group % 4;
    visit(Place{low, line(i), part < 2 ? 0 : 4, group < 4 ? 0 : 4, 4});
    visit(Place{high, line(4 + group / 4), 2 * part, static_cast<int>(2 * i), 2});
  }
}

/// Calls visit(file offset, tile offset, bytes) for every scale and minimum of one row; tile offsets are those of this row.
template <class Visit>
void ForEachNumber(DType dtype, const BlockTileParts& parts, int64_t row, int64_t cols, Visit visit) {
  const auto half_at = [row](int64_t offset, int64_t i) { return offset + (kBlockTileRows * i + row) * kHalfBytes; };
  if (dtype != DType::kQ6_K) {
    for (int64_t b = 0; b < cols / kBlock; ++b) {
      visit(FileBlockBytes(dtype) * b, half_at(parts.scales, b), kHalfBytes);
      if (dtype == DType::kQ4_1) visit(FileBlockBytes(dtype) * b + kHalfBytes, half_at(parts.others, b), kHalfBytes);
    }
    return;
  }
  for (int64_t s = 0; s < cols / kSuperBlock; ++s) {
    for (int64_t g = 0; g < 16; ++g) {
      visit(kQ6KBytes * s + kQ6KGroupScales + g, parts.scales + kBlockTileRows * (16 * s + g) + row, int64_t{1});
    }
    visit(kQ6KBytes * s + kQ6KScale, half_at(parts.others, s), kHalfBytes);
  }
}

/// The `bits` bits from `shift` on of each of four bytes.
uint32_t Bits(const std::byte* bytes, int shift, int bits) {
  uint32_t four;
  std::memcpy(&four, bytes, sizeof(four));
  constexpr uint32_t kEachByte = 0x01010101;
  return four >> shift & ((1u << bits) - 1) * kEachByte;
}

void AddBits(std::byte* bytes, uint32_t value, int shift) {
  uint32_t four;
  std::memcpy(&four, bytes, sizeof(four));
  four |= value << shift;
  std::memcpy(bytes, &four, sizeof(four));
}

}  // namespace

bool HasBlockTiles(DType dtype) {
  return dtype == DType::kQ8_0 || dtype == DType::kQ4_0 || dtype == DType::kQ4_1 || dtype == DType::kQ6_K;
}

BlockTileParts BlockTile(DType dtype, int64_t cols) {
  const int64_t blocks = cols / kBlock;
  BlockTileParts parts{};
  parts.code_bytes = kBlockLineBytes * (dtype == DType::kQ8_0 ? 8 : dtype == DType::kQ6_K ? 6 : 4);
  parts.scales = parts.code_bytes * blocks;
  // Two bytes a row and block for every type: an f16, or two int8.
  parts.others = parts.scales + kBlockTileRows * kHalfBytes * blocks;
  const int64_t others = dtype == DType::kQ4_1 ? blocks : dtype == DType::kQ6_K ? cols / kSuperBlock : 0;
  parts.end = RoundUp(parts.others + kBlockTileRows * kHalfBytes * others, kBlockLineBytes);
  return parts;
}

int64_t BlockTilesBytes(DType dtype, int64_t rows, int64_t cols) {
  return (rows + kBlockTileRows - 1) / kBlockTileRows * BlockTile(dtype, cols).end;
}

void PackBlockTile(DType dtype, std::span<const std::byte* const> rows, int64_t cols, std::byte* tile) {
  const BlockTileParts parts = BlockTile(dtype, cols);
  std::memset(tile, 0, static_cast<size_t>(parts.end));
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto row = static_cast<int64_t>(r);
    const std::byte* from = rows[r];
    for (int64_t block = 0; block < cols / kBlock; ++block) {
      ForEachPlace(dtype, parts, block, [&](const Place& place) {
        AddBits(tile + place.tile + 4 * row, Bits(from + place.file, place.shift, place.bits), place.tile_shift);
      });
    }
    ForEachNumber(dtype, parts, row, cols, [&](int64_t file, int64_t offset, int64_t bytes) {
      std::memcpy(tile + offset, from + file, static_cast<size_t>(bytes));
    });
  }
}

void UnpackBlockRow(DType dtype, const std::byte* tile, int64_t row, int64_t cols, std::byte* out) {
  const BlockTileParts parts = BlockTile(dtype, cols);
  std::memset(out, 0, static_cast<size_t>(RowBytes(dtype, cols)));
  for (int64_t block = 0; block < cols / kBlock; ++block) {
    ForEachPlace(dtype, parts, block, [&](const Place& place) {
      AddBits(out + place.file, Bits(tile + place.tile + 4 * row, place.tile_shift, place.bits), place.shift);
    });
  }
  ForEachNumber(dtype, parts, row, cols, [&](int64_t file, int64_t offset, int64_t bytes) {
    std::memcpy(out + file, tile + offset, static_cast<size_t>(bytes));
  });
}

}  // namespace sterna
