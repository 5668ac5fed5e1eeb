#include "model/random_weights.h"

#include <cmath>
#include <cstring>

#include "base/rng.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

constexpr float kRowScale = 1.0f / 64;

/// Half of the values are 0, a quarter each -1 and +1: near the shares of trained models.
void FillTernaryRow(RngStream rng, std::span<int8_t> values) {
  size_t at = 0;
  while (at < values.size()) {
    uint64_t bits = rng.NextUint64();
    constexpr int kValuesPerDraw = 32;
    for (int i = 0; i < kValuesPerDraw && at < values.size(); ++i, bits >>= 2) {
      const auto crumb = static_cast<int8_t>(bits & 3);
      values[at++] = crumb == 3 ? int8_t{0} : static_cast<int8_t>(crumb - 1);
    }
  }
}

}  // namespace

Result<std::vector<float>> RandomWeights::Norm(int64_t, LayerNorm, int64_t size) {
  return std::vector<float>(static_cast<size_t>(size), 1.0f);
}
Result<std::vector<float>> RandomWeights::FinalNorm(int64_t size) {
  return std::vector<float>(static_cast<size_t>(size), 1.0f);
}
Result<std::vector<float>> RandomWeights::LinearNorm(int64_t, Projection, int64_t size) {
  return std::vector<float>(config_.has_linear_norms ? static_cast<size_t>(size) : 0, 1.0f);
}
Result<std::vector<float>> RandomWeights::Bias(int64_t, Projection projection, int64_t rows) {
  const bool has_bias = config_.needs_attention_bias && projection <= Projection::kValue;
  return std::vector<float>(has_bias ? static_cast<size_t>(rows) : 0, 0.1f);
}

Result<LinearSource> RandomWeights::Linear(int64_t layer, Projection projection, int64_t rows, int64_t cols) {
  const uint64_t stream = static_cast<uint64_t>(layer) * 8 + static_cast<uint64_t>(projection);
  TernaryMatrixSource source{.rows = rows, .cols = cols, .read_row = nullptr};
  source.read_row = [seed = seed_, stream, cols](int64_t row, int8_t* values, float* scale) {
    const RngStream rng{.key = seed, .stream = stream, .counter = static_cast<uint64_t>(row * cols)};
    FillTernaryRow(rng, {values, static_cast<size_t>(cols)});
    *scale = kRowScale;
    return Status::Ok();
  };
  return LinearSource(std::move(source));
}

Result<DenseMatrixSource> RandomWeights::RandomTable(uint64_t stream, int64_t rows, int64_t cols) const {
  const int64_t shape[] = {rows, cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(head_type_, shape));
  if (tables_ == Tables::kSizes) {
    return DenseMatrixSource{
        .dtype = head_type_, .rows = rows, .cols = cols, .bytes = {}, .keep_alive = nullptr, .is_resident = true};
  }
  STERNA_ASSIGN_OR_RETURN(Buffer buffer, Buffer::Allocate(static_cast<size_t>(bytes)));
  // A few hundred different rows, repeated: encoding 300 million random weights would only make the start slow.
  constexpr int64_t kDistinctRows = 256;
  const int64_t distinct = std::min(rows, kDistinctRows);
  RngStream rng{.key = seed_, .stream = stream, .counter = 0};
  std::vector<float> values(static_cast<size_t>(distinct * cols));
  for (float& value : values) value = static_cast<float>((rng.NextUniform() - 0.5) * 0.07);
  STERNA_ASSIGN_OR_RETURN(const std::vector<std::byte> encoded, Quantize(head_type_, values, distinct, cols));
  const int64_t row_bytes = RowBytes(head_type_, cols);
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(buffer.data() + row * row_bytes, encoded.data() + row % distinct * row_bytes, static_cast<size_t>(row_bytes));
  }
  auto owner = std::make_shared<const Buffer>(std::move(buffer));
  return DenseMatrixSource{
      .dtype = head_type_, .rows = rows, .cols = cols, .bytes = owner->bytes(), .keep_alive = owner, .is_resident = true};
}

Result<DenseMatrixSource> RandomWeights::Embedding(int64_t rows, int64_t cols) {
  return RandomTable(uint64_t{1} << 32, rows, cols);
}

Result<std::optional<DenseMatrixSource>> RandomWeights::Head(int64_t rows, int64_t cols) {
  if (config_.tied_head) return std::optional<DenseMatrixSource>();
  STERNA_ASSIGN_OR_RETURN(DenseMatrixSource head, RandomTable((uint64_t{1} << 32) + 1, rows, cols));
  return std::optional<DenseMatrixSource>(std::move(head));
}

}  // namespace sterna
