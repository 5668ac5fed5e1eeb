// Inputs of the block-quantized kernels.
#include <algorithm>
#include <span>
#include <vector>

#include "kernels/self_test/cases.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

constexpr int64_t kCols = 512;

struct QuantizedRows {
  /// extreme: if not 0, all values have this magnitude.
  QuantizedRows(int64_t tokens, float extreme, Numbers& numbers)
      : x(tokens * kCols),
        q(tokens * kCols),
        scales(tokens * kCols / kQuantBlock),
        sums(tokens * kCols / kQuantBlock),
        group_sums(tokens * kCols / 16) {
    numbers.Fill(x, 2.0f);
    if (extreme != 0) {
      for (int64_t i = 0; i < x.size(); ++i) x[i] = i / 64 % 2 == 0 ? extreme : -extreme;
    }
  }

  void Quantize(BlockQuantizeFunction function) {
    function({.x = x.data(),
              .n = x.size(),
              .q = q.data(),
              .scales = scales.data(),
              .sums = sums.data(),
              .group_sums = group_sums.data()});
  }

  Aligned<float> x;
  Aligned<int8_t> q;
  Aligned<float> scales, sums;
  Aligned<int32_t> group_sums;
};

void PackTiles(DType dtype, std::span<const std::byte> weights, int64_t rows, Aligned<std::byte>& tiles) {
  const int64_t row_bytes = RowBytes(dtype, kCols), tile_bytes = BlockTile(dtype, kCols).end;
  for (int64_t row = 0; row < rows; row += kBlockTileRows) {
    std::vector<const std::byte*> of_tile;
    for (int64_t r = row; r < std::min(rows, row + kBlockTileRows); ++r) of_tile.push_back(weights.data() + r * row_bytes);
    PackBlockTile(dtype, of_tile, kCols, tiles.data() + row / kBlockTileRows * tile_bytes);
  }
}

}  // namespace

Outputs BlockQuantizeOutputs(BlockQuantizeFunction function) {
  Outputs outputs;
  Numbers numbers(6);
  for (const bool extreme : {false, true}) {
    QuantizedRows rows(/*tokens=*/2, extreme ? 1e4f : 0.0f, numbers);  // sums that f16 cannot hold
    for (int64_t i = 0; i < 32; ++i) {
      rows.x[i] = 0;                                                         // a block of zeros
      rows.x[32 + i] = static_cast<float>(i) - 0.5f;                         // half-way between two steps
      rows.x[64 + i] = i == 0 ? 0x1p-149f : 0x1p-126f;                       // a scale that f16 cannot hold
      rows.x[96 + i] = (i % 2 == 0 ? 1.0f : -1.0f) * static_cast<float>(i);  // 8 significant bits
    }
    rows.x[32] = 63.5f;
    rows.Quantize(function);
    rows.q.AppendTo(&outputs);
    rows.scales.AppendTo(&outputs);
    rows.sums.AppendTo(&outputs);
    rows.group_sums.AppendTo(&outputs);
  }
  return outputs;
}

Outputs BlockLinearOutputs(DType dtype, BlockLinearFunction function) {
  constexpr int64_t kRows = 19, kOutputStride = 32;
  Outputs outputs;
  Numbers numbers(7);
  for (const bool extreme : {false, true}) {
    Aligned<float> values(kRows * kCols);
    numbers.Fill(values, 0.1f);
    if (extreme) {
      for (int64_t i = 0; i < values.size(); ++i) values[i] = values[i] < 0 ? -1000.0f : 1000.0f;
    }
    const auto weights = Quantize(dtype, {values.data(), static_cast<size_t>(values.size())}, kRows, kCols);
    // A type that cannot be written gives no outputs, which equal nobody's digest.
    if (!weights.ok()) return {};
    Aligned<std::byte> tiles(BlockTilesBytes(dtype, kRows, kCols));
    PackTiles(dtype, *weights, kRows, tiles);
    for (const int64_t tokens : {1, 2, 3, 6}) {
      // All sums are finite: infinite ones of both signs make a NaN, whose sign depends on the architecture.
      QuantizedRows rows(tokens, extreme ? 1e3f : 0.0f, numbers);
      rows.Quantize(BlockQuantizeKernels().front().function);
      Aligned<float> y(tokens * kOutputStride);
      BlockLinearArgs args{.tiles = tiles.data(),
                           .rows = kRows,
                           .cols = kCols,
                           .row_begin = 0,
                           .row_end = kBlockTileRows,
                           .q = rows.q.data(),
                           .q_stride = kCols,
                           .scales = rows.scales.data(),
                           .sums = rows.sums.data(),
                           .group_sums = rows.group_sums.data(),
                           .scale_stride = kCols / kQuantBlock,
                           .tokens = tokens,
                           .y = y.data(),
                           .y_stride = kOutputStride};
      function(args);
      args.row_begin = kBlockTileRows;
      args.row_end = kRows;
      function(args);
      y.AppendTo(&outputs);
    }
  }
  return outputs;
}

}  // namespace sterna
