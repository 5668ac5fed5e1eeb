#include "convert/tensor_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

bool IsPlainFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

/// The matrix as ternary rows; reading a row that is not so is an error.
Result<LinearSource> AsTernary(const DenseMatrixSource& dense) {
  STERNA_ASSIGN_OR_RETURN(TernaryRows rows, TernaryRows::OpenExact(dense.dtype, dense.bytes, dense.rows, dense.cols));
  TernaryMatrixSource out{.rows = dense.rows, .cols = dense.cols, .read_row = nullptr};
  out.read_row = [rows, keep_alive = dense.keep_alive](int64_t row, int8_t* values, float* scale) {
    return rows.Read(row, {values, static_cast<size_t>(rows.cols())}, scale);
  };
  return LinearSource(std::move(out));
}

/// What both formats have in common: the walk over the parts of a decoder.
class Planner {
 public:
  Planner(OpenCheckpoint* checkpoint, const TypeChoice& types, bool is_gguf, bool interleave)
      : checkpoint_(*checkpoint),
        types_(types),
        names_({.is_gguf = is_gguf, .has_post_norms = checkpoint->config().has_post_norms}),
        interleave_(interleave),
        rule_used_(types.rules.size(), false) {}

  Result<std::vector<PlannedTensor>> Run() {
    const ModelConfig& config = checkpoint_.config();
    STERNA_RETURN_IF_ERROR(PlanRopeFactors());
    STERNA_RETURN_IF_ERROR(PlanTable(TensorRole::kEmbedding, names_.Embedding(), types_.embedding));
    STERNA_ASSIGN_OR_RETURN(const std::optional<DenseMatrixSource> head, checkpoint_.weights().Head(config.vocab, config.d_model));
    if (head) {
      STERNA_RETURN_IF_ERROR(PlanTable(TensorRole::kHead, names_.Head(), types_.head ? types_.head : types_.embedding));
    } else if (types_.head) {
      return InvalidArgument("a type for the head was asked for, but this model's head is its embedding table");
    }
    STERNA_ASSIGN_OR_RETURN(std::vector<float> final_norm, checkpoint_.weights().FinalNorm(config.d_model));
    AddNorm(names_.FinalNorm(), std::move(final_norm));
    for (int64_t layer = 0; layer < config.layers; ++layer) STERNA_RETURN_IF_ERROR(PlanLayer(layer));
    STERNA_RETURN_IF_ERROR(checkpoint_.weights().CheckAllUsed());
    for (size_t i = 0; i < rule_used_.size(); ++i) {
      if (!rule_used_[i]) {
        return InvalidArgument(fmt::format("the rule '{}={}' decides for no matrix of the new file, as {}", types_.rules[i].pattern,
                                           Name(types_.rules[i].dtype), names_.Base(0, Projection::kQuery) + ".weight"));
      }
    }
    return std::move(tensors_);
  }

 private:
  Status PlanRopeFactors() {
    const ModelConfig& config = checkpoint_.config();
    STERNA_ASSIGN_OR_RETURN(std::vector<float> factors, checkpoint_.weights().RopeFactors(config.head_dim / 2));
    if (!names_.is_gguf()) {
      if (factors.empty()) return Status::Ok();
      return Unsupported(fmt::format("tensor {}: a config.json has no place for frequency factors", names_.RopeFactors()));
    }
    if (config.rope_scaling.kind == RopeScaling::Kind::kLlama3) {
      // GGUF keeps llama3's frequency change as one factor per pair: unscaled over scaled frequency.
      ModelConfig unscaled = config;
      unscaled.rope_scaling = {};
      const std::vector<double> plain = RopeFrequencies(unscaled, {}), scaled = RopeFrequencies(config, {});
      for (size_t i = 0; i < plain.size(); ++i) factors.push_back(static_cast<float>(plain[i] / scaled[i]));
    }
    if (!factors.empty()) AddVector(names_.RopeFactors(), std::move(factors));
    return Status::Ok();
  }

  Status PlanLayer(int64_t layer) {
    const ModelConfig& config = checkpoint_.config();
    const auto norm = [&](LayerNorm which, int64_t size) -> Status {
      STERNA_ASSIGN_OR_RETURN(std::vector<float> values, checkpoint_.weights().Norm(layer, which, size));
      AddNorm(names_.Norm(layer, which).front(), std::move(values));
      return Status::Ok();
    };
    STERNA_RETURN_IF_ERROR(norm(LayerNorm::kAttention, config.d_model));
    STERNA_RETURN_IF_ERROR(norm(LayerNorm::kFeedForward, config.d_model));
    if (config.has_sub_norms) {
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kAttentionSub, config.heads * config.head_dim));
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kFeedForwardSub, config.d_ff));
    }
    if (config.has_qk_norms) {
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kQueryHead, config.head_dim));
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kKeyHead, config.head_dim));
    }
    if (config.has_post_norms) {
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kAttentionPost, config.d_model));
      STERNA_RETURN_IF_ERROR(norm(LayerNorm::kFeedForwardPost, config.d_model));
    }
    for (const Projection projection : kProjections) {
      const MatrixShape shape = ProjectionShape(config, projection);
      STERNA_ASSIGN_OR_RETURN(std::vector<float> own_norm, checkpoint_.weights().LinearNorm(layer, projection, shape.cols));
      if (!own_norm.empty() && names_.is_gguf() && config.linear_norm_epsilon != config.rms_epsilon) {
        return Unsupported(
            fmt::format("norms before single projections have the epsilon {}, and GGUF has no key for another than {}",
                        config.linear_norm_epsilon, config.rms_epsilon));
      }
      const bool has_norm = !own_norm.empty();
      if (has_norm) AddVector(names_.LinearNorm(layer, projection).front(), std::move(own_norm));
      STERNA_ASSIGN_OR_RETURN(std::vector<float> bias, checkpoint_.weights().Bias(layer, projection, shape.rows));
      if (!bias.empty()) AddVector(names_.Base(layer, projection) + ".bias", InFileOrder(projection, std::move(bias)));
      const bool reads_masters = config.float_projection == FloatProjection::kTernaryMaster || has_norm;
      STERNA_RETURN_IF_ERROR(PlanProjection(layer, projection, reads_masters));
    }
    return Status::Ok();
  }

  /// How this projection's rows lie in the new file.
  RowOrder OrderOf(Projection projection) const {
    const bool is_interleaved = interleave_ && (projection == Projection::kQuery || projection == Projection::kKey);
    return {.interleaved_head_dim = is_interleaved ? checkpoint_.config().head_dim : 0};
  }

  std::vector<float> InFileOrder(Projection projection, std::vector<float> bias) const {
    const RowOrder order = OrderOf(projection);
    if (order.interleaved_head_dim == 0) return bias;
    std::vector<float> ordered;
    for (size_t row = 0; row < bias.size(); ++row) {
      ordered.push_back(bias[static_cast<size_t>(order.ModelRow(static_cast<int64_t>(row)))]);
    }
    return ordered;
  }

  /// Gemma's norms multiply by 1 + weight in Hugging Face checkpoints, by the weight in GGUF files.
  void AddNorm(std::string name, std::vector<float> values) {
    if (!names_.is_gguf() && checkpoint_.config().has_post_norms) {
      for (float& value : values) value -= 1.0f;
    }
    AddVector(std::move(name), std::move(values));
  }

  /// `reads_masters`: readers of this architecture make float projections ternary.
  Status PlanProjection(int64_t layer, Projection projection, bool reads_masters) {
    const MatrixShape shape = ProjectionShape(checkpoint_.config(), projection);
    const std::string base = names_.Base(layer, projection);
    PlannedTensor tensor{.spec = {.name = base + ".weight", .dtype = DType::kF32, .shape = {shape.rows, shape.cols}},
                         .role = TensorRole::kProjection,
                         .layer = layer,
                         .projection = projection};
    tensor.order = OrderOf(projection);
    STERNA_ASSIGN_OR_RETURN(const std::optional<DType> ruled, TypeByRule(types_, tensor.spec.name, &rule_used_));
    const std::optional<DType> type = ruled ? ruled : types_.projection;
    STERNA_ASSIGN_OR_RETURN(const LinearSource linear, checkpoint_.Linear(layer, projection));
    const auto* dense = std::get_if<DenseMatrixSource>(&linear);
    if (dense != nullptr && reads_masters) {
      const DType written = type.value_or(names_.is_gguf() || IsPlainFloat(dense->dtype) ? dense->dtype : DType::kF32);
      if (IsPlainFloat(written)) {
        return Unsupported(
            fmt::format("{} is dense ({}), and as {} it would be read as a master of ternary weights; as it is or in a "
                        "block type such as Q8_0 a GGUF file can hold it",
                        tensor.spec.name, Name(dense->dtype), Name(written)));
      }
    }
    if (!names_.is_gguf()) return PlanHuggingFaceProjection(std::move(tensor), base, dense, type);
    if (dense == nullptr) {
      if (!type) return Unsupported(fmt::format("{} is ternary: choose the type I2_S, TQ1_0 or TQ2_0", tensor.spec.name));
      tensor.spec.dtype = *type;
    } else {
      tensor.spec.dtype = type.value_or(dense->dtype);
      tensor.must_be_ternary = Info(tensor.spec.dtype).is_ternary && tensor.spec.dtype != dense->dtype;
      if (tensor.must_be_ternary && !IsPlainFloat(dense->dtype)) {
        return Unsupported(fmt::format("{} is dense, not ternary: {} cannot hold it", tensor.spec.name, Name(tensor.spec.dtype)));
      }
    }
    return Add(std::move(tensor));
  }

  Status PlanHuggingFaceProjection(PlannedTensor tensor, const std::string& base, const DenseMatrixSource* dense,
                                   std::optional<DType> type) {
    if (type && !IsPlainFloat(*type)) return Unsupported(NoPlace(tensor.spec.name, *type));
    if (dense != nullptr) {
      tensor.spec.dtype = type.value_or(IsPlainFloat(dense->dtype) ? dense->dtype : DType::kF32);
      return Add(std::move(tensor));
    }
    PlannedTensor scale = tensor;
    scale.spec = {.name = base + ".weight_scale", .dtype = DType::kF32, .shape = {1}};
    scale.role = TensorRole::kWeightScale;
    tensor.form = type ? TernaryForm::kUnpacked : TernaryForm::kPacked;
    tensor.spec.dtype = type.value_or(DType::kU8);
    if (!type) tensor.spec.shape[0] = (tensor.spec.shape[0] + 3) / 4;
    STERNA_RETURN_IF_ERROR(Add(std::move(scale)));
    return Add(std::move(tensor));
  }

  Status PlanTable(TensorRole role, const std::string& name, std::optional<DType> type) {
    STERNA_ASSIGN_OR_RETURN(const LinearSource table, checkpoint_.Table(role));
    const auto& dense = std::get<DenseMatrixSource>(table);
    STERNA_ASSIGN_OR_RETURN(const std::optional<DType> ruled, TypeByRule(types_, name, &rule_used_));
    if (ruled) type = ruled;
    if (!names_.is_gguf()) {
      if (type && !IsPlainFloat(*type)) return Unsupported(NoPlace(name, *type));
      if (!type) type = IsPlainFloat(dense.dtype) ? dense.dtype : DType::kF32;
    }
    PlannedTensor tensor{.spec = {.name = name, .dtype = type.value_or(dense.dtype), .shape = {dense.rows, dense.cols}},
                         .role = role};
    tensor.must_be_ternary = Info(tensor.spec.dtype).is_ternary && tensor.spec.dtype != dense.dtype;
    if (tensor.must_be_ternary && !IsPlainFloat(dense.dtype)) {
      return Unsupported(fmt::format("{} is dense, not ternary: {} cannot hold it", name, Name(tensor.spec.dtype)));
    }
    return Add(std::move(tensor));
  }

  static std::string NoPlace(const std::string& name, DType dtype) {
    return fmt::format("{}: safetensors cannot hold type {}; F32, F16 and BF16 it can", name, Name(dtype));
  }

  /// Sizes that do not suit a type are found here, with the tensor's name.
  Status Add(PlannedTensor tensor) {
    const Result<int64_t> bytes = TensorBytes(tensor.spec.dtype, tensor.spec.shape);
    if (!bytes.ok()) return Unsupported(fmt::format("{}: {}", tensor.spec.name, bytes.status().message()));
    tensors_.push_back(std::move(tensor));
    return Status::Ok();
  }

  void AddVector(std::string name, std::vector<float> values) {
    const auto size = static_cast<int64_t>(values.size());
    tensors_.push_back({.spec = {.name = std::move(name), .dtype = DType::kF32, .shape = {size}}, .values = std::move(values)});
  }

  OpenCheckpoint& checkpoint_;
  const TypeChoice& types_;
  const TensorNames names_;
  const bool interleave_;
  std::vector<bool> rule_used_;
  std::vector<PlannedTensor> tensors_;
};

Status WriteNumbers(std::span<const float> values, const PieceSink& sink) {
  return sink(std::as_bytes(values));
}

}  // namespace

MatrixShape ProjectionShape(const ModelConfig& config, Projection projection) {
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

Result<LinearSource> OpenCheckpoint::Linear(int64_t layer, Projection projection) {
  const MatrixShape shape = ProjectionShape(config_, projection);
  return weights_.Linear(layer, projection, shape.rows, shape.cols);
}

Result<LinearSource> OpenCheckpoint::Table(TensorRole role) {
  if (role == TensorRole::kEmbedding) {
    STERNA_ASSIGN_OR_RETURN(DenseMatrixSource embedding, weights_.Embedding(config_.vocab, config_.d_model));
    return LinearSource(std::move(embedding));
  }
  STERNA_ASSIGN_OR_RETURN(std::optional<DenseMatrixSource> head, weights_.Head(config_.vocab, config_.d_model));
  if (!head) return NotFound("the model has no head of its own");
  return LinearSource(*std::move(head));
}

Status OpenCheckpoint::Write(const PlannedTensor& tensor, const PieceSink& sink) {
  if (tensor.role == TensorRole::kVector) return WriteNumbers(tensor.values, sink);
  const bool is_table = tensor.role == TensorRole::kEmbedding || tensor.role == TensorRole::kHead;
  STERNA_ASSIGN_OR_RETURN(LinearSource matrix, is_table ? Table(tensor.role) : Linear(tensor.layer, tensor.projection));
  if (tensor.must_be_ternary) {
    STERNA_ASSIGN_OR_RETURN(matrix, AsTernary(std::get<DenseMatrixSource>(matrix)));
    return EncodeMatrix(matrix, tensor.spec.dtype, tensor.order, sink)
        .WithContext(fmt::format("{} is dense, not ternary, and {} cannot hold it", tensor.spec.name, Name(tensor.spec.dtype)));
  }
  const auto write = [&]() -> Status {
    if (tensor.role == TensorRole::kWeightScale) {
      STERNA_ASSIGN_OR_RETURN(const float scale, FirstScale(std::get<TernaryMatrixSource>(matrix)));
      return WriteNumbers({&scale, 1}, sink);
    }
    if (tensor.form == TernaryForm::kPacked) return EncodePackedMatrix(std::get<TernaryMatrixSource>(matrix), sink);
    if (tensor.form == TernaryForm::kUnpacked) {
      return EncodeUnpackedMatrix(std::get<TernaryMatrixSource>(matrix), tensor.spec.dtype, sink);
    }
    return EncodeMatrix(matrix, tensor.spec.dtype, tensor.order, sink);
  };
  return write().WithContext(tensor.spec.name);
}

Result<std::vector<PlannedTensor>> PlanGguf(OpenCheckpoint* checkpoint, const TypeChoice& types, bool interleave) {
  return Planner(checkpoint, types, /*is_gguf=*/true, interleave).Run();
}

Result<std::vector<PlannedTensor>> PlanSafetensors(OpenCheckpoint* checkpoint, const TypeChoice& types) {
  STERNA_ASSIGN_OR_RETURN(std::vector<PlannedTensor> tensors,
                          Planner(checkpoint, types, /*is_gguf=*/false, /*interleave=*/false).Run());
  // Data without gaps: wider elements first keep every tensor aligned.
  std::ranges::stable_sort(tensors, std::greater<>(),
                           [](const PlannedTensor& tensor) { return Info(tensor.spec.dtype).block_bytes; });
  return tensors;
}

}  // namespace sterna
