// The bounds: whatever rows and activations are, the exact kernel's product lies between them; and they are no wider than they need
// to be.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "kernels/dense/linear.h"
#include "kernels/kernel_testing.h"
#include "kernels/screen/screen.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

struct alignas(64) Line {
  std::byte bytes[64];
};

template <class T>
T* Memory(std::vector<Line>& lines, size_t bytes) {
  lines.assign(bytes / sizeof(Line) + 2, Line{});
  return reinterpret_cast<T*>(lines.data());
}

struct Bounds {
  std::vector<float> exact, lower, upper;
};

/// The rows are first rounded to `dtype`, as a file holds them.
Bounds Evaluate(DType dtype, const std::vector<float>& weights, const std::vector<float>& x) {
  const auto cols = static_cast<int64_t>(x.size()), rows = static_cast<int64_t>(weights.size()) / cols;
  const auto encoded = Quantize(dtype, weights, rows, cols);
  EXPECT_TRUE(encoded.ok()) << encoded.status().message();
  std::vector<float> decoded(weights.size());
  EXPECT_TRUE(Dequantize(dtype, *encoded, rows, cols, decoded).ok());

  std::vector<Line> x_lines, scratch_lines, row_lines, input_lines;
  auto* aligned_x = Memory<float>(x_lines, x.size() * sizeof(float));
  std::ranges::copy(x, aligned_x);
  Bounds out;
  out.exact.resize(static_cast<size_t>(rows));
  out.lower = out.upper = out.exact;
  DenseLinearKernels(dtype).front().function({.weights = encoded->data(),
                                              .row_bytes = RowBytes(dtype, cols),
                                              .rows = rows,
                                              .cols = cols,
                                              .row_begin = 0,
                                              .row_end = rows,
                                              .x = aligned_x,
                                              .x_stride = (cols + 15) / 16 * 16,
                                              .tokens = 1,
                                              .y = out.exact.data(),
                                              .y_stride = rows,
                                              .scratch = Memory<std::byte>(scratch_lines, DenseLinearScratchBytes(cols, 1))});
  auto* screen = Memory<std::byte>(row_lines, static_cast<size_t>(rows * ScreenRowBytes(cols) + kScreenPadding));
  for (int64_t r = 0; r < rows; ++r) {
    const std::span<const float> row(decoded.data() + r * cols, static_cast<size_t>(cols));
    EXPECT_TRUE(EncodeScreenRow(row, screen + r * ScreenRowBytes(cols)));
  }
  ScreenInput input = ScreenInputAt(Memory<std::byte>(input_lines, ScreenInputBytes(cols)), cols);
  EXPECT_TRUE(PrepareScreenInput(aligned_x, cols, &input));
  RunnableKernels(ScreenKernels())
      .back()
      .function({.rows = screen,
                 .cols = cols,
                 .row_begin = 0,
                 .row_end = rows,
                 .inputs = &input,
                 .tokens = 1,
                 .lower = out.lower.data(),
                 .upper = out.upper.data(),
                 .stride = rows});
  return out;
}

void ExpectInside(const Bounds& bounds, const std::string& what) {
  for (size_t r = 0; r < bounds.exact.size(); ++r) {
    ASSERT_LE(bounds.lower[r], bounds.exact[r]) << what << ", row " << r;
    ASSERT_GE(bounds.upper[r], bounds.exact[r]) << what << ", row " << r;
  }
}

/// What a row stands for: t * s * (u - 32).
std::vector<double> Decode(std::span<const float> row) {
  const auto cols = static_cast<int64_t>(row.size());
  std::vector<std::byte> bytes(static_cast<size_t>(ScreenRowBytes(cols)));
  EXPECT_TRUE(EncodeScreenRow(row, bytes.data()));
  const int64_t blocks = ScreenBlocks(cols);
  float scale;
  std::memcpy(&scale, bytes.data() + 52 * blocks, sizeof(scale));
  std::vector<double> decoded;
  for (int64_t c = 0; c < cols; ++c) {
    const std::byte* block = bytes.data() + 48 * (c / 64);
    const int64_t j = c % 64;
    const auto nibbles = static_cast<int>(block[j % 32]), high = static_cast<int>(block[32 + j % 16]);
    const int code = (j < 32 ? nibbles & 15 : nibbles >> 4) + 16 * (high >> (2 * (j / 16)) & 3);
    const auto group_scale = static_cast<double>(static_cast<uint8_t>(bytes[static_cast<size_t>(48 * blocks + c / 32)]));
    decoded.push_back(static_cast<double>(scale) * group_scale * (code - 32));
  }
  return decoded;
}

TEST(ScreenBounds, HoldForWeightsAndActivationsOfEveryKind) {
  struct Kind {
    std::string name;
    std::function<float(RngStream&, int64_t)> value;
  };
  const auto normal = [](RngStream& random) { return static_cast<float>(random.NextNormal()); };
  const std::vector<Kind> kinds = {
      {"normal", [&](RngStream& r, int64_t) { return normal(r); }},
      {"outliers", [&](RngStream& r, int64_t c) { return normal(r) * (c % 97 == 5 ? 300.0f : 1.0f); }},
      {"sparse", [&](RngStream& r, int64_t) { return r.NextUint32() % 50 == 0 ? normal(r) : 0.0f; }},
      {"many powers of two",
       [&](RngStream& r, int64_t) { return std::ldexp(normal(r), static_cast<int>(r.NextUint32() % 30) - 20); }},
      {"tiny", [&](RngStream& r, int64_t) { return normal(r) * 6e-8f; }},
      {"constant", [](RngStream&, int64_t) { return 0.3f; }},
      {"alternating", [](RngStream&, int64_t c) { return c % 2 == 0 ? 1.0f : -1.0f; }},
      {"zero", [](RngStream&, int64_t) { return 0.0f; }}};
  RngStream random{.key = 11};
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    for (const Kind& of_weights : kinds) {
      for (const Kind& of_x : kinds) {
        for (const int64_t cols : {1, 48, 200, 576, 1536}) {
          constexpr int64_t kRows = 24;
          std::vector<float> weights, x;
          for (int64_t i = 0; i < kRows * cols; ++i) weights.push_back(of_weights.value(random, i % cols));
          for (int64_t c = 0; c < cols; ++c) x.push_back(of_x.value(random, c));
          ExpectInside(Evaluate(dtype, weights, x), std::string(Name(dtype)) + ", " + of_weights.name + " times " + of_x.name);
        }
      }
    }
  }
}

TEST(ScreenBounds, HoldWhereActivationsLieAlongTheErrorOfARow) {
  // Cauchy-Schwarz is an equality there, group by group: a bound a little too tight fails here.
  for (const uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
    for (const int64_t cols : {32, 64, 576, 2560}) {
      const std::vector<float> row = NormalFloats(cols, seed);
      const std::vector<double> screened = Decode(row);
      for (const float sign : {1.0f, -1.0f}) {
        std::vector<float> x;
        for (int64_t c = 0; c < cols; ++c) {
          const auto at = static_cast<size_t>(c);
          x.push_back(sign * static_cast<float>((static_cast<double>(row[at]) - screened[at]) * 1000));
        }
        const Bounds bounds = Evaluate(DType::kF32, row, x);
        ExpectInside(bounds, "along the error");
        // The product is nearly at the end of its interval.
        const float end = sign > 0 ? bounds.upper[0] : bounds.lower[0], other = sign > 0 ? bounds.lower[0] : bounds.upper[0];
        EXPECT_LT(std::abs(end - bounds.exact[0]), 0.02f * std::abs(end - other)) << cols;
      }
    }
  }
}

TEST(ScreenBounds, AreAsNarrowAsSixBitsAllow) {
  // Of normally distributed weights the largest of 32 is near 2.1 deviations: steps of 2.1/31, errors of 1/sqrt(12) of a step.
  constexpr int64_t kCols = 2560, kRows = 64;
  const std::vector<float> x = NormalFloats(kCols, 1);
  const Bounds bounds = Evaluate(DType::kF32, NormalFloats(kRows * kCols, 2), x);
  double squares = 0;
  for (const float value : x) squares += static_cast<double>(value) * static_cast<double>(value);
  for (size_t r = 0; r < kRows; ++r) {
    const double radius = static_cast<double>(bounds.upper[r] - bounds.lower[r]) / 2;
    EXPECT_LT(radius, 0.024 * std::sqrt(static_cast<double>(kCols) * squares)) << r;
  }
}

}  // namespace
}  // namespace sterna
