// Inputs of the screening kernels.
#include "kernels/self_test/cases.h"

namespace sterna {

Outputs ScreenOutputs(ScreenFunction function) {
  constexpr int64_t kCols = 600, kRows = 11, kTokens = 3, kStride = 16;
  Outputs outputs;
  Numbers numbers(8);
  for (const bool extreme : {false, true}) {
    Aligned<std::byte> rows(kRows * ScreenRowBytes(kCols) + kScreenPadding);
    Aligned<float> values(kRows * kCols), x(kTokens * kCols);
    numbers.Fill(values, 0.1f);
    numbers.Fill(x, 4.0f);
    for (int64_t i = 0; extreme && i < values.size(); ++i) values[i] = values[i] < 0 ? -0x1p50f : 0x1p49f;
    for (int64_t i = 0; extreme && i < x.size(); ++i) x[i] = i / 64 % 2 == 0 ? 0x1p50f : -0x1p50f;
    for (int64_t r = 0; r < kRows; ++r) {
      const std::span<const float> row(values.data() + r * kCols, static_cast<size_t>(kCols));
      // A row that cannot be encoded gives no outputs, which equal nobody's digest.
      if (!EncodeScreenRow(row, rows.data() + r * ScreenRowBytes(kCols))) return {};
    }
    std::vector<Aligned<std::byte>> memory;
    std::vector<ScreenInput> inputs;
    for (int64_t t = 0; t < kTokens; ++t) {
      memory.emplace_back(static_cast<int64_t>(ScreenInputBytes(kCols)));
      inputs.push_back(ScreenInputAt(memory.back().data(), kCols));
      if (!PrepareScreenInput(x.data() + t * kCols, kCols, &inputs.back())) return {};
    }
    Aligned<float> lower(kTokens * kStride), upper(kTokens * kStride);
    for (const int64_t begin : {int64_t{0}, int64_t{6}}) {
      function({.rows = rows.data(),
                .cols = kCols,
                .row_begin = begin,
                .row_end = begin == 0 ? 6 : kRows,
                .inputs = inputs.data(),
                .tokens = kTokens,
                .lower = lower.data(),
                .upper = upper.data(),
                .stride = kStride});
    }
    lower.AppendTo(&outputs);
    upper.AppendTo(&outputs);
  }
  return outputs;
}

}  // namespace sterna
