// The product of the five-code layout, as plain as it can be written.
#include "kernels/ternary/five_trit_layout.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

/// sum_c (w[row][c] + 1) * x[c]. At most 2 * 127 * 2^22 < 2^31.
int32_t DotCodes(const uint8_t* tile, int64_t row_in_tile, int64_t cols, const int8_t* x) {
  int32_t sum = 0;
  for (int64_t col = 0; col < cols; ++col) {
    const int64_t line = col / kFiveTritLineCols, in_line = col % kFiveTritLineCols;
    const uint8_t byte = tile[line * kTernaryLineBytes + 4 * row_in_tile + in_line % 4];
    sum += FiveTritCode(byte, static_cast<int>(in_line / 4)) * x[col];
  }
  return sum;
}

}  // namespace

void FiveTritLinearRef(const TernaryLinearArgs& args) noexcept {
  for (int64_t row = args.row_begin; row < args.row_end; ++row) {
    const uint8_t* tile = args.codes + row / kTernaryTileRows * FiveTritTileBytes(args.cols);
    for (int64_t token = 0; token < args.tokens; ++token) {
      const int32_t biased = DotCodes(tile, row % kTernaryTileRows, args.cols, args.x + token * args.x_stride);
      const auto sum = static_cast<float>(biased - args.x_sums[token]);
      args.y[token * args.y_stride + row] = sum / args.x_scales[token] * args.row_scales[row];
    }
  }
}

}  // namespace sterna
