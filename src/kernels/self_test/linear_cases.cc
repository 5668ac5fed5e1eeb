// Inputs of the integer and matrix kernels: activations, ternary products, dense products.
#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "kernels/self_test/cases.h"
#include "kernels/ternary/tile_layout.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

void AppendQuantized(QuantizeFunction function, Aligned<float>& x, Outputs* outputs) {
  Aligned<int8_t> q(PaddedActivations(x.size()));
  Aligned<float> scale(1);
  Aligned<int32_t> sum(1);
  function({.x = x.data(), .n = x.size(), .q = q.data(), .scale = scale.data(), .sum = sum.data()});
  q.AppendTo(outputs);
  scale.AppendTo(outputs);
  sum.AppendTo(outputs);
}

enum class TernaryFill : uint8_t { kRandom, kExtreme };

void AppendTernary(const TernaryLayoutInfo& layout, TernaryLinearFunction function, int64_t rows, int64_t cols, int64_t tokens,
                   TernaryFill fill, Outputs* outputs) {
  Numbers numbers(1);
  Aligned<uint8_t> codes(TernaryPaddedRows(rows) / kTernaryTileRows * layout.tile_bytes(cols));
  std::vector<int8_t> weights(static_cast<size_t>(kTernaryTileRows * cols));
  std::array<const int8_t*, kTernaryTileRows> tile;
  for (int64_t row = 0; row < rows; row += kTernaryTileRows) {
    const auto tile_rows = static_cast<size_t>(std::min(kTernaryTileRows, rows - row));
    for (int8_t& weight : weights) {
      weight = fill == TernaryFill::kExtreme ? int8_t{1} : static_cast<int8_t>(static_cast<int32_t>(numbers.Next() % 3) - 1);
    }
    for (size_t r = 0; r < tile_rows; ++r) tile[r] = weights.data() + r * static_cast<size_t>(cols);
    layout.pack_tile(std::span(tile).first(tile_rows), cols, codes.data() + row / kTernaryTileRows * layout.tile_bytes(cols));
  }
  Aligned<float> row_scales(rows);
  for (int64_t row = 0; row < rows; ++row) row_scales[row] = 0.25f + static_cast<float>(row) * 0x1p-7f;

  const int64_t x_stride = PaddedActivations(cols);
  Aligned<int8_t> x(tokens * x_stride);
  Aligned<float> x_scales(tokens);
  Aligned<int32_t> x_sums(tokens);
  for (int64_t t = 0; t < tokens; ++t) {
    x_scales[t] = 3.0f + static_cast<float>(t);
    for (int64_t c = 0; c < cols; ++c) {
      const auto random = static_cast<int8_t>(static_cast<int32_t>(numbers.Next() % 255) - 127);
      const auto extreme = static_cast<int8_t>(t % 2 == 0 ? 127 : -127);
      x_sums[t] += x[t * x_stride + c] = fill == TernaryFill::kExtreme ? extreme : random;
    }
  }
  const int64_t y_stride = TernaryPaddedRows(rows) + 16;
  Aligned<float> y(tokens * y_stride);
  Aligned<std::byte> scratch(static_cast<int64_t>(TernaryLinearScratchBytes(cols, tokens)));
  TernaryLinearArgs args{.codes = codes.data(),
                         .row_scales = row_scales.data(),
                         .rows = rows,
                         .cols = cols,
                         .row_begin = 0,
                         .row_end = kTernaryTileRows,
                         .x = x.data(),
                         .x_stride = x_stride,
                         .x_scales = x_scales.data(),
                         .x_sums = x_sums.data(),
                         .tokens = tokens,
                         .y = y.data(),
                         .y_stride = y_stride,
                         .scratch = scratch.data()};
  function(args);
  args.row_begin = kTernaryTileRows;
  args.row_end = rows;
  function(args);
  y.AppendTo(outputs);
}

}  // namespace

Outputs QuantizeOutputs(QuantizeFunction function) {
  Outputs outputs;
  Numbers numbers(0);
  for (const int64_t n : {1, 15, 64, 201}) {
    Aligned<float> x(n);
    numbers.Fill(x, 3.0f);
    AppendQuantized(function, x, &outputs);
  }
  // Nothing but zeros: the floor of the maximum. Then values that lie half-way between two steps, up to the largest float.
  Aligned<float> zeros(70);
  AppendQuantized(function, zeros, &outputs);
  Aligned<float> ties(255);
  for (int64_t i = 0; i < ties.size(); ++i) ties[i] = static_cast<float>(i - 127) * 0.5f;
  ties[254] = 127.0f;
  AppendQuantized(function, ties, &outputs);
  ties[3] = -0x1.fffffep127f;
  ties[4] = 0x1p-149f;
  AppendQuantized(function, ties, &outputs);
  return outputs;
}

Outputs TernaryLinearOutputs(const TernaryLayoutInfo& layout, TernaryLinearFunction function) {
  Outputs outputs;
  for (const int64_t tokens : {1, 2, 5, 13})
    AppendTernary(layout, function, /*rows=*/41, /*cols=*/400, tokens, TernaryFill::kRandom, &outputs);
  // The longest sums of 16-bit lanes, many times over.
  for (const int64_t tokens : {1, 7})
    AppendTernary(layout, function, /*rows=*/32, /*cols=*/4096, tokens, TernaryFill::kExtreme, &outputs);
  return outputs;
}

Outputs DenseLinearOutputs(DType dtype, DenseLinearFunction function) {
  constexpr int64_t kRows = 19, kCols = 512;
  Outputs outputs;
  Numbers numbers(2);
  for (const bool extreme : {false, true}) {
    Aligned<float> values(kRows * kCols);
    numbers.Fill(values, extreme ? 1000.0f : 0.1f);
    if (extreme) {
      // Every value at one end of its block's range, so that all codes are at theirs.
      for (int64_t i = 0; i < values.size(); ++i) values[i] = values[i] < 0 ? -1000.0f : 1000.0f;
    }
    const auto weights = Quantize(dtype, {values.data(), static_cast<size_t>(values.size())}, kRows, kCols);
    // A type that cannot be written gives no outputs, which equal nobody's digest.
    if (!weights.ok()) return {};
    for (const int64_t tokens : {1, 3, 6}) {
      constexpr int64_t kOutputStride = 32;
      Aligned<float> x(tokens * kCols), y(tokens * kOutputStride);
      numbers.Fill(x, extreme ? 1e4f : 2.0f);
      if (extreme) x[5] = 0x1p-140f;
      Aligned<std::byte> scratch(static_cast<int64_t>(DenseLinearScratchBytes(kCols, tokens)));
      DenseLinearArgs args{.weights = weights->data(),
                           .row_bytes = RowBytes(dtype, kCols),
                           .rows = kRows,
                           .cols = kCols,
                           .row_begin = 0,
                           .row_end = 7,
                           .x = x.data(),
                           .x_stride = kCols,
                           .tokens = tokens,
                           .y = y.data(),
                           .y_stride = kOutputStride,
                           .scratch = scratch.data()};
      function(args);
      args.row_begin = 7;
      args.row_end = kRows;
      function(args);
      y.AppendTo(&outputs);
    }
  }
  return outputs;
}

}  // namespace sterna
