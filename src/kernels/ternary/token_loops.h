// Private to this family: the loops around the innermost kernels, shared by all vector variants.
//
// Few tokens (matrix times a few vectors): the codes are read once, and each row tile is multiplied by up to four tokens at a time
// while it is in the first-level cache.
// Many tokens (matrix times matrix): the codes of a panel (one or two row tiles) are unpacked to bytes once and used for all tokens
// of a chunk. Tokens go in blocks small enough that every sum of a panel by a block stays in a register over all columns.
// Activations are packed so that what a block needs at the same time is adjacent: dwords (four columns) on most levels.
//
// Everything is in an anonymous namespace: each ISA file gets its own copy, compiled with its own flags, and no symbol of one can
// be linked into another.
#ifndef STERNA_KERNELS_TERNARY_TOKEN_LOOPS_H_
#define STERNA_KERNELS_TERNARY_TOKEN_LOOPS_H_

#include <cstdint>

#include "kernels/ternary/linear.h"
#include "kernels/ternary/scratch.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

/// How far ahead of the multiplication the codes are asked for.
constexpr int64_t kPrefetchBytes = 4096;
/// Tokens of one pass over a row tile: their sums and the codes fit the registers of every variant.
constexpr int64_t kMaxPassTokens = 4;

/// Splits the tokens evenly into passes over each row tile. Kernel::MultiplyTile(args, tokens, first_token, tile, lines, row) does
/// one pass of 1 .. kMaxPassTokens tokens. kLineCols: columns of a line of codes, as everywhere here.
template <class Kernel, int64_t kLineCols = kTernaryLineCols>
void MultiplyFewTokens(const TernaryLinearArgs& args) noexcept {
  const int64_t lines = (args.cols + kLineCols - 1) / kLineCols;
  const int64_t passes = (args.tokens + kMaxPassTokens - 1) / kMaxPassTokens;
  for (int64_t row = args.row_begin; row < args.row_end; row += kTernaryTileRows) {
    const uint8_t* tile = args.codes + row / kTernaryTileRows * lines * kTernaryLineBytes;
    for (int64_t pass = 0; pass < passes; ++pass) {
      const int64_t first = args.tokens * pass / passes;
      Kernel::MultiplyTile(args, args.tokens * (pass + 1) / passes - first, first, tile, lines, row);
    }
  }
}

/// One block of tokens by one panel of rows.
struct TokenBlock {
  const uint8_t* panel;  ///< as Unpack wrote it: [groups][tiles] x 64 bytes, 16 rows x 4 columns, a byte a code
  const uint8_t* x;      ///< as Pack wrote it: [groups][tokens] dwords, four columns of one token
  int64_t groups;        ///< of four columns
  int64_t tiles, tokens;
  int64_t row, token;  ///< where the block begins in y
};

/// For more than kMaxFewTokens tokens. Kernel has: kPanelTiles; kSmallestBlock and kBlockTokens, the fewest and the most tokens of
/// a block (tokens are split evenly); Unpack(codes, tiles, lines, panel); Pack(x, x_stride, tokens, lines, packed), which orders
/// the activations of a block, in lines of 16 columns, as Run reads them; Run(args, block), which multiplies, scales and stores.
template <class Kernel, int64_t kLineCols = kTernaryLineCols>
void MultiplyManyTokens(const TernaryLinearArgs& args) noexcept {
  // n tokens in ceil(n / most) blocks are at least floor(n * most / (n + most - 1)) in each, which grows with n.
  constexpr int64_t kFewest = kMaxFewTokens + 1, kMost = Kernel::kBlockTokens;
  static_assert(kFewest * kMost / (kFewest + kMost - 1) == Kernel::kSmallestBlock && Kernel::kSmallestBlock >= 4);
  constexpr int64_t kChunkBlocks = kMaxChunkTokens / Kernel::kBlockTokens;
  const int64_t lines = (args.cols + kLineCols - 1) / kLineCols;
  const int64_t tile_bytes = lines * kTernaryLineBytes;
  // Activations are padded to whole vectors: packed in steps of 16 columns, whatever a line of codes holds.
  const int64_t token_lines = (args.cols + kTernaryLineCols - 1) / kTernaryLineCols;
  const int64_t token_bytes = token_lines * kTernaryLineCols;
  // Groups that codes and activations both have: all that hold a column.
  const int64_t code_groups = lines * (kLineCols / 4), token_groups = 4 * token_lines;
  const int64_t groups = code_groups < token_groups ? code_groups : token_groups;
  auto* panel = reinterpret_cast<uint8_t*>(args.scratch);
  uint8_t* packed = panel + kMaxPanelTiles * UnpackedTileBytes(args.cols);

  const int64_t blocks = (args.tokens + Kernel::kBlockTokens - 1) / Kernel::kBlockTokens;
  const auto first_token = [&](int64_t block) { return args.tokens * block / blocks; };
  for (int64_t chunk = 0; chunk < blocks; chunk += kChunkBlocks) {
    const int64_t chunk_end = chunk + kChunkBlocks < blocks ? chunk + kChunkBlocks : blocks;
    const int64_t chunk_token = first_token(chunk);
    for (int64_t block = chunk; block < chunk_end; ++block) {
      const int64_t token = first_token(block);
      Kernel::Pack(args.x + token * args.x_stride, args.x_stride, first_token(block + 1) - token, token_lines,
                   packed + (token - chunk_token) * token_bytes);
    }
    for (int64_t row = args.row_begin; row < args.row_end; row += Kernel::kPanelTiles * kTernaryTileRows) {
      const int64_t tiles_left = (args.row_end - row + kTernaryTileRows - 1) / kTernaryTileRows;
      const int64_t tiles = tiles_left < Kernel::kPanelTiles ? tiles_left : Kernel::kPanelTiles;
      Kernel::Unpack(args.codes + row / kTernaryTileRows * tile_bytes, tiles, lines, panel);
      for (int64_t block = chunk; block < chunk_end; ++block) {
        const int64_t token = first_token(block);
        Kernel::Run(args, {.panel = panel,
                           .x = packed + (token - chunk_token) * token_bytes,
                           .groups = groups,
                           .tiles = tiles,
                           .tokens = first_token(block + 1) - token,
                           .row = row,
                           .token = token});
      }
    }
  }
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_TOKEN_LOOPS_H_
