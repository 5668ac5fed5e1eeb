#include "convert/convert.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <variant>
#include <vector>

#include "convert/gguf_metadata.h"
#include "formats/gguf_writer.h"
#include "model/checkpoint_weights.h"
#include "model/config.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

constexpr Projection kProjections[] = {Projection::kQuery, Projection::kKey, Projection::kValue, Projection::kOutput,
                                       Projection::kGate,  Projection::kUp,  Projection::kDown};

/// One tensor of the new file, before its bytes exist.
struct PlannedTensor {
  TensorSpec spec;
  std::variant<std::vector<float>, TernaryMatrixSource, DenseMatrixSource> content;
};

struct MatrixShape {
  int64_t rows, cols;
};

MatrixShape ShapeOf(const ModelConfig& config, Projection projection) {
  const int64_t q_width = config.heads * config.head_dim, kv_width = config.kv_heads * config.head_dim;
  switch (projection) {
    case Projection::kQuery:
      return {q_width, config.d_model};
    case Projection::kKey:
    case Projection::kValue:
      return {kv_width, config.d_model};
    case Projection::kOutput:
      return {config.d_model, q_width};
    case Projection::kGate:
    case Projection::kUp:
      return {config.d_ff, config.d_model};
    case Projection::kDown:
      return {config.d_model, config.d_ff};
  }
  return {0, 0};
}

/// Row of the model that GGUF's `llama` stores at `row`: heads as [half, 2] instead of [2, half].
int64_t ModelRow(int64_t row, int64_t head_dim) {
  const int64_t head = row / head_dim, within = row % head_dim;
  return head * head_dim + within % 2 * (head_dim / 2) + within / 2;
}

/// Values and scales of a ternary matrix, decoded whole.
struct TernaryValues {
  std::vector<int8_t> values;
  std::vector<float> scales;
};

Result<TernaryValues> ReadAll(const TernaryMatrixSource& source, bool permute, int64_t head_dim) {
  TernaryValues out;
  out.values.resize(static_cast<size_t>(source.rows * source.cols));
  out.scales.resize(static_cast<size_t>(source.rows));
  for (int64_t row = 0; row < source.rows; ++row) {
    const int64_t from = permute ? ModelRow(row, head_dim) : row;
    STERNA_RETURN_IF_ERROR(source.read_row(from, out.values.data() + row * source.cols, &out.scales[static_cast<size_t>(row)]));
  }
  return out;
}

/// A name that is free again when the object goes, unless the file has been renamed.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::string path) : path_(std::move(path)) {}
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;
  ~UnfinishedFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Converter {
 public:
  Converter(std::shared_ptr<const WeightSource> source, const ConvertOptions& options, ModelConfig config)
      : source_(std::move(source)), options_(options), config_(std::move(config)), weights_(source_, config_) {}

  Result<ConvertReport> Run(const std::string& path) {
    STERNA_ASSIGN_OR_RETURN(const std::string architecture, GgufArchitecture(config_));
    permute_ = architecture == "llama";
    STERNA_ASSIGN_OR_RETURN(const Metadata metadata, MakeGgufMetadata(config_, *source_, options_));
    STERNA_RETURN_IF_ERROR(PlanTensors());
    std::vector<TensorSpec> specs;
    for (const PlannedTensor& tensor : tensors_) specs.push_back(tensor.spec);
    const UnfinishedFile unfinished(fmt::format("{}.unfinished-{}", path, getpid()));
    STERNA_ASSIGN_OR_RETURN(const uint64_t bytes, Write(unfinished.path(), metadata, specs));
    STERNA_RETURN_IF_ERROR(source_->StillUnchanged());
    ConvertReport report{.tensors = static_cast<int64_t>(tensors_.size()), .bytes = static_cast<int64_t>(bytes)};
    if (options_.verify)
      STERNA_RETURN_IF_ERROR(Verify(unfinished.path(), &report).WithContext(fmt::format("verifying '{}'", path)));
    if (std::rename(unfinished.path().c_str(), path.c_str()) != 0)
      return IoErrorFromErrno(fmt::format("cannot rename to '{}'", path), errno);
    return report;
  }

 private:
  Result<uint64_t> Write(const std::string& path, const Metadata& metadata, std::span<const TensorSpec> specs) const {
    STERNA_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::Create(path, metadata, specs));
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (options_.progress &&
          !options_.progress(static_cast<int64_t>(i), static_cast<int64_t>(tensors_.size()), tensors_[i].spec.name)) {
        return Cancelled("interrupted");
      }
      STERNA_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, Encode(tensors_[i]).WithContext(tensors_[i].spec.name));
      STERNA_RETURN_IF_ERROR(writer.Write(tensors_[i].spec.name, bytes));
    }
    STERNA_RETURN_IF_ERROR(writer.Finish());
    return writer.file_bytes();
  }

  Status PlanTensors() {
    STERNA_ASSIGN_OR_RETURN(std::vector<float> rope_factors, weights_.RopeFactors(config_.head_dim / 2));
    if (config_.rope_scaling.kind == RopeScaling::Kind::kLlama3) {
      // GGUF keeps llama3's frequency change as one factor per pair: unscaled over scaled frequency.
      ModelConfig unscaled = config_;
      unscaled.rope_scaling = {};
      const std::vector<double> plain = RopeFrequencies(unscaled, {}), scaled = RopeFrequencies(config_, {});
      for (size_t i = 0; i < plain.size(); ++i) rope_factors.push_back(static_cast<float>(plain[i] / scaled[i]));
    }
    if (!rope_factors.empty()) AddVector(names_.RopeFactors(), std::move(rope_factors));
    STERNA_ASSIGN_OR_RETURN(DenseMatrixSource embedding, weights_.Embedding(config_.vocab, config_.d_model));
    AddDense(names_.Embedding(), std::move(embedding), options_.embedding_type);
    STERNA_ASSIGN_OR_RETURN(std::optional<DenseMatrixSource> head, weights_.Head(config_.vocab, config_.d_model));
    if (head) AddDense(names_.Head(), *std::move(head), options_.embedding_type);
    STERNA_ASSIGN_OR_RETURN(std::vector<float> final_norm, weights_.FinalNorm(config_.d_model));
    AddVector(names_.FinalNorm(), std::move(final_norm));
    for (int64_t layer = 0; layer < config_.layers; ++layer) STERNA_RETURN_IF_ERROR(PlanLayer(layer));
    return weights_.CheckAllUsed();
  }

  Status PlanLayer(int64_t layer) {
    const auto norm = [&](LayerNorm which, int64_t size) -> Status {
      STERNA_ASSIGN_OR_RETURN(std::vector<float> values, weights_.Norm(layer, which, size));
      AddVector(names_.Norm(layer, which).front(), std::move(values));
      return Status::Ok();
    };
    STERNA_RETURN_IF_ERROR(norm(LayerNorm::kAttention, config_.d_model));
    STERNA_RETURN_IF_ERROR(norm(LayerNorm::kFeedForward, config_.d_model));
    if (config_.has_sub_norms) {
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kAttentionSub, config_.heads * config_.head_dim));
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kFeedForwardSub, config_.d_ff));
    }
    if (config_.has_qk_norms) {
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kQueryHead, config_.head_dim));
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kKeyHead, config_.head_dim));
    }
    for (const Projection projection : kProjections) {
      const MatrixShape shape = ShapeOf(config_, projection);
      STERNA_ASSIGN_OR_RETURN(LinearSource linear, weights_.Linear(layer, projection, shape.rows, shape.cols));
      const std::string name = names_.Base(layer, projection) + ".weight";
      if (auto* dense = std::get_if<DenseMatrixSource>(&linear)) {
        if (options_.projection_type && Info(*options_.projection_type).is_ternary) {
          return Unsupported(fmt::format("{} is dense, not ternary: {} cannot hold it", name, Name(*options_.projection_type)));
        }
        AddDense(name, std::move(*dense), options_.projection_type);
        continue;
      }
      if (!options_.projection_type || !Info(*options_.projection_type).is_ternary) {
        return Unsupported(fmt::format("{} is ternary: choose the type I2_S, TQ1_0 or TQ2_0", name));
      }
      tensors_.push_back({.spec = {.name = name, .dtype = *options_.projection_type, .shape = {shape.rows, shape.cols}},
                          .content = std::get<TernaryMatrixSource>(std::move(linear))});
    }
    return Status::Ok();
  }

  void AddVector(std::string name, std::vector<float> values) {
    const auto size = static_cast<int64_t>(values.size());
    tensors_.push_back({.spec = {.name = std::move(name), .dtype = DType::kF32, .shape = {size}}, .content = std::move(values)});
  }

  void AddDense(std::string name, DenseMatrixSource source, std::optional<DType> type) {
    const DType dtype = type.value_or(source.dtype);
    tensors_.push_back(
        {.spec = {.name = std::move(name), .dtype = dtype, .shape = {source.rows, source.cols}}, .content = std::move(source)});
  }

  bool IsPermuted(const std::string& name) const {
    return permute_ && (name.ends_with("attn_q.weight") || name.ends_with("attn_k.weight"));
  }

  Result<std::vector<std::byte>> Encode(const PlannedTensor& tensor) const {
    if (const auto* vector = std::get_if<std::vector<float>>(&tensor.content)) {
      const auto bytes = std::as_bytes(std::span(*vector));
      return std::vector<std::byte>(bytes.begin(), bytes.end());
    }
    const bool permute = IsPermuted(tensor.spec.name);
    if (const auto* dense = std::get_if<DenseMatrixSource>(&tensor.content)) return EncodeDense(*dense, tensor.spec.dtype, permute);
    const auto& source = std::get<TernaryMatrixSource>(tensor.content);
    STERNA_ASSIGN_OR_RETURN(const TernaryValues matrix, ReadAll(source, permute, config_.head_dim));
    STERNA_ASSIGN_OR_RETURN(const TernaryRows rows,
                            TernaryRows::OpenValues(matrix.values, matrix.scales, source.rows, source.cols));
    STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(tensor.spec.dtype, tensor.spec.shape));
    std::vector<std::byte> out(static_cast<size_t>(bytes));
    STERNA_RETURN_IF_ERROR(EncodeTernary(tensor.spec.dtype, rows, out));
    return out;
  }

  Result<std::vector<std::byte>> EncodeDense(const DenseMatrixSource& source, DType dtype, bool permute) const {
    const int64_t row_bytes = RowBytes(source.dtype, source.cols);
    std::vector<std::byte> ordered(source.bytes.begin(), source.bytes.end());
    for (int64_t row = 0; permute && row < source.rows; ++row) {
      std::memcpy(ordered.data() + row * row_bytes, source.bytes.data() + ModelRow(row, config_.head_dim) * row_bytes,
                  static_cast<size_t>(row_bytes));
    }
    if (dtype == source.dtype) return ordered;
    std::vector<float> values(static_cast<size_t>(source.rows * source.cols));
    STERNA_RETURN_IF_ERROR(Dequantize(source.dtype, ordered, source.rows, source.cols, values));
    return Quantize(dtype, values, source.rows, source.cols);
  }

  /// Reads the new file as any file is read, and compares ternary matrices with the source's.
  Status Verify(const std::string& path, ConvertReport* report) {
    STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> written, OpenWeights(path));
    STERNA_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(written->format(), written->metadata()));
    CheckpointWeights weights(written, config);
    CheckpointWeights original(source_, config_);
    for (int64_t layer = 0; layer < config_.layers; ++layer) {
      for (const Projection projection : kProjections) {
        const MatrixShape shape = ShapeOf(config_, projection);
        STERNA_ASSIGN_OR_RETURN(const LinearSource before, original.Linear(layer, projection, shape.rows, shape.cols));
        STERNA_ASSIGN_OR_RETURN(const LinearSource after, weights.Linear(layer, projection, shape.rows, shape.cols));
        if (before.index() != after.index()) return Internal(fmt::format("{} changed its kind", names_.Base(layer, projection)));
        const auto* expected = std::get_if<TernaryMatrixSource>(&before);
        if (expected == nullptr) continue;
        STERNA_RETURN_IF_ERROR(
            CompareTernary(*expected, std::get<TernaryMatrixSource>(after), report).WithContext(names_.Base(layer, projection)));
      }
    }
    return Status::Ok();
  }

  static Status CompareTernary(const TernaryMatrixSource& expected, const TernaryMatrixSource& found, ConvertReport* report) {
    std::vector<int8_t> a(static_cast<size_t>(expected.cols)), b(a.size());
    for (int64_t row = 0; row < expected.rows; ++row) {
      float scale_a = 0, scale_b = 0;
      STERNA_RETURN_IF_ERROR(expected.read_row(row, a.data(), &scale_a));
      STERNA_RETURN_IF_ERROR(found.read_row(row, b.data(), &scale_b));
      if (a != b) return Internal(fmt::format("row {} differs from the source", row));
      if (std::ranges::all_of(a, [](int8_t value) { return value == 0; })) continue;  // the scale of zeros means nothing
      const double error = std::abs(static_cast<double>(scale_b) - static_cast<double>(scale_a)) / static_cast<double>(scale_a);
      report->max_scale_error = std::max(report->max_scale_error, error);
    }
    return Status::Ok();
  }

  std::shared_ptr<const WeightSource> source_;
  const ConvertOptions& options_;
  ModelConfig config_;
  CheckpointWeights weights_;
  TensorNames names_{{.is_gguf = true}};
  bool permute_ = false;
  std::vector<PlannedTensor> tensors_;
};

}  // namespace

Result<ConvertReport> ConvertToGguf(std::shared_ptr<const WeightSource> source, const ConvertOptions& options,
                                    const std::string& path) {
  STERNA_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(source->format(), source->metadata()).WithContext(source->path()));
  const std::string source_path = source->path();
  return Converter(std::move(source), options, std::move(config)).Run(path).WithContext(source_path);
}

}  // namespace sterna
