#include "model/i2s_layout_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

constexpr std::array<DType, kI2sLayouts> kTypes = {DType::kI2_S, DType::kI2_SArm, DType::kI2_SRows4, DType::kI2_SSequential};
constexpr int kLayers = 4;
constexpr int64_t kSampledRows = 512;  // of each projection: a share is then known to about 0.02
constexpr int64_t kLeastColumns = 64;
constexpr double kStandsOut = 20, kTimesBetter = 4;

/// GGUF names of projections and of the norms whose weights scale what they read.
struct Reader {
  const char *projection, *norm;
};
constexpr std::array kReaders = {Reader{"attn_q", "attn_norm"},     Reader{"attn_k", "attn_norm"},
                                 Reader{"attn_v", "attn_norm"},     Reader{"ffn_gate", "ffn_norm"},
                                 Reader{"ffn_up", "ffn_norm"},      Reader{"attn_output", "attn_sub_norm"},
                                 Reader{"ffn_down", "ffn_sub_norm"}};

bool IsI2s(DType dtype) {
  return std::ranges::find(kTypes, dtype) != kTypes.end();
}

/// Ranks 0 .. n-1, equal values in the order they come in.
std::vector<double> Ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t i = 0; i < order.size(); ++i) ranks[order[i]] = static_cast<double>(i);
  return ranks;
}

double RankCorrelation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = Ranks(a), y = Ranks(b);
  const double mean = static_cast<double>(x.size() - 1) / 2;
  double both = 0, square = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    both += (x[i] - mean) * (y[i] - mean);
    square += (x[i] - mean) * (x[i] - mean);
  }
  return square > 0 ? both / square : 0;
}

/// Non-zero weights in each column of some groups of four rows spread over the matrix, or nothing where the layout does not suit
/// it.
std::optional<std::vector<double>> NonZeros(const TensorEntry& entry, DType dtype) {
  const int64_t rows = entry.shape[0], cols = entry.shape[1];
  const auto matrix = TernaryRows::OpenEncoded(dtype, entry.data, rows, cols);
  if (!matrix.ok()) return std::nullopt;
  std::vector<double> counts(static_cast<size_t>(cols));
  std::vector<int8_t> row(static_cast<size_t>(cols));
  const int64_t step = std::max<int64_t>(1, rows / kSampledRows) * 4;
  for (int64_t first = 0; first + 4 <= rows; first += step) {
    for (int64_t r = first; r < first + 4; ++r) {
      float scale;
      if (!matrix->Read(r, row, &scale).ok()) return std::nullopt;
      for (size_t c = 0; c < row.size(); ++c) counts[c] += row[c] != 0 ? 1 : 0;
    }
  }
  return counts;
}

std::optional<std::vector<double>> NormWeights(const WeightSource& source, const std::string& name, int64_t size) {
  const TensorEntry* entry = source.Find(name);
  if (entry == nullptr || entry->shape != Shape{size}) return std::nullopt;
  std::vector<float> values(static_cast<size_t>(size));
  if (!Dequantize(entry->dtype, entry->data, 1, size, values).ok()) return std::nullopt;
  std::vector<double> weights;
  for (const float value : values) {
    if (!std::isfinite(value)) return std::nullopt;
    weights.push_back(std::fabs(static_cast<double>(value)));
  }
  return weights;
}

}  // namespace

I2sLayoutFit FitI2sLayouts(const WeightSource& source) {
  I2sLayoutFit fit;
  for (int layer = 0; layer < kLayers; ++layer) {
    for (const Reader& reader : kReaders) {
      const TensorEntry* entry = source.Find(fmt::format("blk.{}.{}.weight", layer, reader.projection));
      if (entry == nullptr || !IsI2s(entry->dtype) || entry->shape.size() != 2 || entry->shape[1] < kLeastColumns) continue;
      const auto norm = NormWeights(source, fmt::format("blk.{}.{}.weight", layer, reader.norm), entry->shape[1]);
      if (!norm) continue;
      ++fit.projections;
      for (size_t i = 0; i < kI2sLayouts; ++i) {
        const auto counts = NonZeros(*entry, kTypes[i]);
        if (!counts) continue;
        const double correlation = RankCorrelation(*counts, *norm);
        fit.scores[i] += static_cast<double>(norm->size()) * correlation * correlation;
      }
    }
  }
  for (double& score : fit.scores) score /= std::max(1, fit.projections);
  return fit;
}

std::optional<I2sLayout> BetterI2sLayout(const WeightSource& source) {
  const auto used = std::ranges::find_if(source.entries(), [](const TensorEntry& entry) { return IsI2s(entry.dtype); });
  if (used == source.entries().end()) return std::nullopt;
  const I2sLayoutFit fit = FitI2sLayouts(source);
  const auto best = static_cast<size_t>(std::ranges::max_element(fit.scores) - fit.scores.begin());
  const auto opened = static_cast<size_t>(std::ranges::find(kTypes, used->dtype) - kTypes.begin());
  if (fit.scores[best] < kStandsOut || fit.scores[best] < kTimesBetter * fit.scores[opened]) return std::nullopt;
  return static_cast<I2sLayout>(best);
}

}  // namespace sterna
