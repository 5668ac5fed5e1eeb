#include "backend/cpu/layout_choice.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/buffer.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPasses = 5;  // the first of each also brings the pages in

/// The fastest of kPasses products of one token with as many tiles as `codes` holds; 10^9 weights a second.
double MeasureLayout(const TernaryLayoutInfo& layout, TernaryLinearFunction function, int64_t cols, std::span<const uint8_t> codes,
                     ThreadPool& pool) {
  const int64_t tiles = static_cast<int64_t>(codes.size()) / layout.tile_bytes(cols);
  const int64_t rows = tiles * kTernaryTileRows;
  std::vector<float> row_scales(static_cast<size_t>(rows), 1.0f), y(static_cast<size_t>(rows));
  // Rows of activations are whole 64-byte vectors; a vector of doubles would not promise their alignment, nor do kernels ask for
  // it.
  std::vector<int8_t> x(static_cast<size_t>(PaddedActivations(cols)), 1);
  const float x_scale = 1.0f;
  const int32_t x_sum = static_cast<int32_t>(cols);
  double best_seconds = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = Clock::now();
    pool.Run([&](int worker) {
      const auto bound = [&](int64_t part) { return tiles * part / pool.threads() * kTernaryTileRows; };
      if (bound(worker) == bound(worker + 1)) return;
      function({.codes = codes.data(),
                .row_scales = row_scales.data(),
                .rows = rows,
                .cols = cols,
                .row_begin = bound(worker),
                .row_end = bound(worker + 1),
                .x = x.data(),
                .x_stride = PaddedActivations(cols),
                .x_scales = &x_scale,
                .x_sums = &x_sum,
                .tokens = 1,
                .y = y.data(),
                .y_stride = rows,
                .scratch = nullptr});
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (pass == 0 || seconds < best_seconds) best_seconds = seconds;
  }
  return static_cast<double>(rows * cols) / std::max(best_seconds, 1e-9) * 1e-9;
}

}  // namespace

size_t LayoutClass(int64_t cols) {
  const auto* found = std::lower_bound(kLayoutClassCols.begin(), kLayoutClassCols.end() - 1, cols);
  return static_cast<size_t>(found - kLayoutClassCols.begin());
}

bool HasLayoutChoice(const KernelSet& kernels) {
  return std::any_of(TernaryLayouts().begin(), TernaryLayouts().end(), [&](const TernaryLayoutInfo& layout) {
    return layout.layout != TernaryLayout::kTwoBit && kernels.ternary_linear(layout.layout).info.isa != Isa::kRef;
  });
}

Result<std::vector<LayoutMeasurement>> MeasureLayouts(const KernelSet& kernels, ThreadPool& pool, int64_t codes_bytes) {
  if (!HasLayoutChoice(kernels)) return std::vector<LayoutMeasurement>();
  // A tile of every class fits.
  const int64_t least = LayoutInfo(TernaryLayout::kTwoBit).tile_bytes(kLayoutClassCols.back());
  STERNA_ASSIGN_OR_RETURN(Buffer codes, Buffer::Allocate(static_cast<size_t>(std::max(codes_bytes, least))));
  // Pages that were never written are all one page of zeros, which the caches would hold. 1 is a code of every layout.
  std::memset(codes.data(), 1, codes.size());
  std::vector<LayoutMeasurement> measurements;
  for (const int64_t cols : kLayoutClassCols) {
    for (const TernaryLayoutInfo& layout : TernaryLayouts()) {
      const auto& kernel = kernels.ternary_linear(layout.layout);
      if (layout.layout != TernaryLayout::kTwoBit && kernel.info.isa == Isa::kRef) continue;
      measurements.push_back({cols, layout.layout, MeasureLayout(layout, kernel.function, cols, codes.as<uint8_t>(), pool)});
    }
  }
  return measurements;
}

LayoutChoice FastestLayouts(std::span<const LayoutMeasurement> measurements) {
  constexpr double kNoise = 1.03;
  LayoutChoice choice = AllInLayout(TernaryLayout::kTwoBit);
  for (size_t i = 0; i < choice.size(); ++i) {
    double two_bit = 0, best = 0;
    for (const LayoutMeasurement& one : measurements) {
      if (one.cols == kLayoutClassCols[i] && one.layout == TernaryLayout::kTwoBit) two_bit = one.gweights_per_s;
    }
    for (const LayoutMeasurement& one : measurements) {
      if (one.cols != kLayoutClassCols[i] || two_bit == 0 || one.gweights_per_s <= std::max(best, two_bit * kNoise)) continue;
      best = one.gweights_per_s;
      choice[i] = one.layout;
    }
  }
  return choice;
}

}  // namespace sterna
