#include "matrix/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "backend/cpu/cpu_backend.h"
#include "base/half.h"
#include "engine/session.h"
#include "tensor/encodings.h"

namespace sterna::matrix {
namespace {

/// A source whose metadata says something else.
class ChangedMetadata final : public WeightSource {
 public:
  ChangedMetadata(std::shared_ptr<const WeightSource> inner, Metadata metadata)
      : inner_(std::move(inner)), metadata_(std::move(metadata)) {}
  std::string_view format() const override { return inner_->format(); }
  const std::string& path() const override { return inner_->path(); }
  const Metadata& metadata() const override { return metadata_; }
  std::span<const TensorEntry> entries() const override { return inner_->entries(); }
  const TensorEntry* Find(std::string_view name) const override { return inner_->Find(name); }
  Status StillUnchanged() const override { return inner_->StillUnchanged(); }

 private:
  const std::shared_ptr<const WeightSource> inner_;
  const Metadata metadata_;
};

float RoundedToF16(float value) {
  return F16ToFloat(FloatToF16(value));
}

/// The rows' values as a dense matrix.
Result<LinearSource> AsDense(std::vector<float> values, int64_t rows, int64_t cols) {
  STERNA_ASSIGN_OR_RETURN(Buffer buffer, Buffer::Allocate(values.size() * sizeof(float)));
  std::ranges::copy(values, buffer.as<float>().begin());
  auto owner = std::make_shared<const Buffer>(std::move(buffer));
  return LinearSource(DenseMatrixSource{
      .dtype = DType::kF32, .rows = rows, .cols = cols, .bytes = owner->bytes(), .keep_alive = owner, .is_resident = true});
}

/// y = x H S / sqrt(n) of one block: H[i][j] = (-1)^(bits that i and j share), Sylvester's order.
void Unrotate(std::span<float> row) {
  const std::vector<float> rotated(row.begin(), row.end());
  for (int64_t i = 0; i < std::ssize(row); ++i) {
    const int64_t first = i / kRotationBlock * kRotationBlock;
    double sum = 0;
    for (int64_t j = 0; j < kRotationBlock; ++j) {
      const bool is_negative = __builtin_popcountll(static_cast<uint64_t>(j & (i - first))) % 2 != 0;
      const double value = static_cast<double>(rotated[static_cast<size_t>(first + j)]);
      sum += is_negative ? -value : value;
    }
    row[static_cast<size_t>(i)] = static_cast<float>(sum * RotationSign(i) / std::sqrt(static_cast<double>(kRotationBlock)));
  }
}

class ChangedWeights final : public WeightProvider {
 public:
  ChangedWeights(std::shared_ptr<const WeightSource> source, const ModelConfig& config, Change change)
      : inner_(std::move(source), config), change_(change) {}

  Result<std::vector<float>> Norm(int64_t layer, LayerNorm norm, int64_t size) override { return inner_.Norm(layer, norm, size); }
  Result<std::vector<float>> FinalNorm(int64_t size) override { return inner_.FinalNorm(size); }
  Result<std::vector<float>> LinearNorm(int64_t layer, Projection projection, int64_t size) override {
    return inner_.LinearNorm(layer, projection, size);
  }
  Result<std::vector<float>> Bias(int64_t layer, Projection projection, int64_t rows) override {
    return inner_.Bias(layer, projection, rows);
  }
  Result<DenseMatrixSource> Embedding(int64_t rows, int64_t cols) override { return inner_.Embedding(rows, cols); }
  Result<std::optional<DenseMatrixSource>> Head(int64_t rows, int64_t cols) override { return inner_.Head(rows, cols); }
  Result<std::vector<float>> RopeFactors(int64_t size) override { return inner_.RopeFactors(size); }
  Status CheckAllUsed() const override { return inner_.CheckAllUsed(); }

  Result<LinearSource> Linear(int64_t layer, Projection projection, int64_t rows, int64_t cols) override {
    STERNA_ASSIGN_OR_RETURN(LinearSource linear, inner_.Linear(layer, projection, rows, cols));
    if (change_ == Change::kNone) return linear;
    auto* ternary = std::get_if<TernaryMatrixSource>(&linear);
    if (change_ == Change::kDecoded || change_ == Change::kUnrotated) {
      std::vector<float> values(static_cast<size_t>(rows * cols));
      if (ternary != nullptr) {
        STERNA_RETURN_IF_ERROR(DecodeTernary(*ternary, change_ == Change::kUnrotated, values));
      } else {
        const auto& dense = std::get<DenseMatrixSource>(linear);
        STERNA_RETURN_IF_ERROR(Dequantize(dense.dtype, dense.bytes, rows, cols, values));
      }
      if (change_ == Change::kUnrotated) {
        for (int64_t row = 0; row < rows; ++row) {
          Unrotate(std::span(values).subspan(static_cast<size_t>(row * cols), static_cast<size_t>(cols)));
        }
      }
      return AsDense(std::move(values), rows, cols);
    }
    if (ternary == nullptr) return InvalidArgument("only ternary rows have factors");
    ternary->read_row = [read = std::move(ternary->read_row), cols, change = change_](int64_t row, int8_t* values, float* scale) {
      STERNA_RETURN_IF_ERROR(read(row, values, scale));
      *scale = change == Change::kBf16Scales ? Bf16ToFloat(FloatToBf16(*scale)) : RoundedToF16(*scale);
      if (change == Change::kSigns)
        std::transform(values, values + cols, values, [](int8_t value) { return value < 0 ? int8_t{-1} : int8_t{1}; });
      return Status::Ok();
    };
    return linear;
  }

 private:
  static Status DecodeTernary(const TernaryMatrixSource& source, bool has_f16_factors, std::span<float> out) {
    std::vector<int8_t> row(static_cast<size_t>(source.cols));
    for (int64_t r = 0; r < source.rows; ++r) {
      float scale = 0;
      STERNA_RETURN_IF_ERROR(source.read_row(r, row.data(), &scale));
      if (has_f16_factors) scale = RoundedToF16(scale);
      std::ranges::transform(row, out.begin() + r * source.cols,
                             [scale](int8_t value) { return scale * static_cast<float>(value); });
    }
    return Status::Ok();
  }

  CheckpointWeights inner_;
  const Change change_;
};

}  // namespace

const std::vector<Family>& Families() {
  static const std::vector<Family> families = {
      {"bitnet", "gguf/bitnet-b1.58", "gguf/bitnet-b1.58"},
      {"llama", "models/llama-bitlinear", "models/llama-dense-rope3"},
      {"qwen2", "models/qwen2-dense", "models/qwen2-dense", true},
      {"qwen3", "models/qwen3-dense", "models/qwen3-dense", true},
      {"gemma3", "models/gemma3-dense", "models/gemma3-dense", true},
      {"qwen3 embedding", "models/qwen3-embedding", "models/qwen3-embedding"},
      {"gemma3 embedding", "models/gemma3-embedding", "models/gemma3-embedding"},
  };
  return families;
}

std::shared_ptr<const WeightSource> OpenGolden(const Family& family, bool is_ternary) {
  auto source = OpenWeights(std::string(STERNA_FIXTURES) + "/" + (is_ternary ? family.ternary : family.dense));
  EXPECT_TRUE(source.ok()) << source.status().message();
  if (!source.ok()) return nullptr;
  Metadata metadata = (*source)->metadata();
  if (is_ternary && family.is_master) {
    metadata.Set("quantization_config.quant_method", std::string("bitnet"));
    metadata.Set("quantization_config.linear_class", std::string("autobitlinear"));
    metadata.Set("quantization_config.quantization_mode", std::string("online"));
  }
  // GGUF has no key for another factor of the queries than the usual one (cli.conversions tests that it is refused).
  if (family.name == "gemma3") metadata.Set("query_pre_attn_scalar", *metadata.GetInt("head_dim"));
  return std::make_shared<ChangedMetadata>(*std::move(source), std::move(metadata));
}

Result<std::shared_ptr<const Model>> BuildChanged(const std::shared_ptr<const WeightSource>& source, Change change, Isa isa) {
  STERNA_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(source->format(), source->metadata()));
  ChangedWeights weights(source, config, change);
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<Backend> backend, MakeCpuBackend({.threads = 1, .isa = isa}));
  const bool is_embedding = config.pooling != Pooling::kNone;
  return Model::Build(config, weights, std::move(backend), {.output = is_embedding ? ModelOutput::kHidden : ModelOutput::kLogits});
}

std::vector<float> Outputs(const std::shared_ptr<const Model>& model) {
  const std::vector<int32_t> tokens = {3, 141, 59, 265, 358, 97};
  const auto session = Session::Create(model, {.max_chunk = 8, .max_selected = 8});
  EXPECT_TRUE(session.ok()) << session.status().message();
  std::vector<float> all;
  if (!session.ok()) return all;
  const Status status = (*session)->EvaluateAll(tokens, [&](size_t, std::span<const float> row) {
    all.insert(all.end(), row.begin(), row.end());
    return Status::Ok();
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return all;
}

namespace {

double Spread(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

}  // namespace

double RmsErrorInStd(const std::vector<float>& found, const std::vector<float>& expected) {
  if (found.size() != expected.size()) return INFINITY;
  double squares = 0;
  for (size_t i = 0; i < found.size(); ++i)
    squares += std::pow(static_cast<double>(found[i]) - static_cast<double>(expected[i]), 2);
  return std::sqrt(squares / static_cast<double>(found.size())) / Spread(expected);
}

}  // namespace sterna::matrix
