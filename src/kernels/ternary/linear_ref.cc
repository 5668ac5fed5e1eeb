// The definition of the product, as plain as it can be written: every other variant is tested against it.
#include "kernels/ternary/tile_layout.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

/// sum_c (w[row][c] + 1) * x[c]. At most 2 * 127 * 2^22 < 2^31.
int32_t DotCodes(const uint8_t* tile, int64_t row_in_tile, int64_t lines, const int8_t* x) {
  int32_t sum = 0;
  for (int64_t line = 0; line < lines; ++line) {
    const uint8_t* bytes = tile + line * kTernaryLineBytes + 4 * row_in_tile;
    const int8_t* columns = x + line * kTernaryLineCols;
    for (int j = 0; j < 4; ++j) {
      for (int plane = 0; plane < 4; ++plane) sum += (bytes[j] >> (2 * plane) & 3) * columns[4 * plane + j];
    }
  }
  return sum;
}

}  // namespace

void TernaryLinearRef(const TernaryLinearArgs& args) noexcept {
  const int64_t lines = TernaryPaddedCols(args.cols) / kTernaryLineCols;
  for (int64_t row = args.row_begin; row < args.row_end; ++row) {
    const uint8_t* tile = args.codes + row / kTernaryTileRows * TernaryTileBytes(args.cols);
    for (int64_t token = 0; token < args.tokens; ++token) {
      const int32_t biased = DotCodes(tile, row % kTernaryTileRows, lines, args.x + token * args.x_stride);
      const auto sum = static_cast<float>(biased - args.x_sums[token]);
      args.y[token * args.y_stride + row] = sum / args.x_scales[token] * args.row_scales[row];
    }
  }
}

}  // namespace sterna
