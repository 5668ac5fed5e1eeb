#include "model/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kernels/screen/screen.h"
#include "model/checkpoint_weights.h"
#include "model/decoder_plan.h"

namespace sterna {
namespace {

/// A context is a mere number in a file: it must not make a small file take all memory. Real models stay far below (131072
/// positions of 128 dimensions: 64 MiB).
Status CheckRopeTable(int64_t positions, int64_t head_dim) {
  constexpr int64_t kMaxBytes = int64_t{4} << 30;
  const int64_t bytes = positions * head_dim * static_cast<int64_t>(sizeof(float));  // below 2^36 in the ranges of CheckModelConfig
  if (bytes <= kMaxBytes) return Status::Ok();
  return OutOfRange(
      fmt::format("a context of {} positions with heads of {} dimensions needs {} bytes of rotary tables, at most {} "
                  "are allowed; ask for a smaller context",
                  positions, head_dim, bytes, kMaxBytes));
}

/// Hands the weights of one model to a backend and counts what a decoded token reads.
class Binder {
 public:
  Binder(const ModelConfig& config, WeightProvider& weights, Backend& backend, const ModelOptions& options)
      : config_(config),
        weights_(weights),
        backend_(backend),
        output_(options.output),
        screen_head_(options.screen_head),
        dense_activations_(options.dense_activations) {}

  int64_t bytes_per_token() const { return bytes_; }
  int64_t head_bytes() const { return head_bytes_; }
  DType head_type() const { return head_type_; }
  int64_t screen_bytes() const { return screen_bytes_; }
  int64_t macs_per_token() const { return macs_; }

  Result<BoundModel> Bind(int64_t positions) {
    BoundModel model;
    STERNA_ASSIGN_OR_RETURN(const std::vector<float> factors, weights_.RopeFactors(config_.head_dim / 2));
    STERNA_ASSIGN_OR_RETURN(model.rope_table, backend_.AddRopeTable(RopeFrequencies(config_, factors), positions));
    if (!config_.is_sliding.empty()) {
      STERNA_ASSIGN_OR_RETURN(model.sliding_rope_table, backend_.AddRopeTable(SlidingRopeFrequencies(config_), positions));
    }
    STERNA_RETURN_IF_ERROR(BindTables(model));
    weights_.ReleasePages();
    STERNA_ASSIGN_OR_RETURN(const std::vector<float> final_norm, weights_.FinalNorm(config_.d_model));
    STERNA_ASSIGN_OR_RETURN(model.final_norm, backend_.AddVector(final_norm));
    for (int64_t layer = 0; layer < config_.layers; ++layer) {
      STERNA_ASSIGN_OR_RETURN(BoundLayer bound, BindLayer(layer));
      model.layers.push_back(std::move(bound));
      weights_.ReleasePages();
    }
    STERNA_RETURN_IF_ERROR(weights_.CheckAllUsed());
    return model;
  }

 private:
  struct Part {
    Projection projection;
    int64_t rows;
  };

  /// The embedding and the head.
  Status BindTables(BoundModel& model) {
    STERNA_ASSIGN_OR_RETURN(DenseMatrixSource embedding, weights_.Embedding(config_.vocab, config_.d_model));
    const auto embedding_bytes = static_cast<int64_t>(embedding.bytes.size());
    if (output_ == ModelOutput::kHidden) {
      // A head that is there is right or wrong whether it is used or not.
      STERNA_RETURN_IF_ERROR(weights_.Head(config_.vocab, config_.d_model).status());
      bytes_ += embedding_bytes / config_.vocab;
      STERNA_ASSIGN_OR_RETURN(model.embedding, backend_.AddTable(std::move(embedding)));
      return Status::Ok();
    }
    STERNA_ASSIGN_OR_RETURN(std::optional<DenseMatrixSource> head, weights_.Head(config_.vocab, config_.d_model));
    macs_ += config_.vocab * config_.d_model;
    head_bytes_ = head ? static_cast<int64_t>(head->bytes.size()) : embedding_bytes;
    head_type_ = head ? head->dtype : embedding.dtype;
    if (head) {
      bytes_ += static_cast<int64_t>(head->bytes.size()) + embedding_bytes / config_.vocab;
      STERNA_ASSIGN_OR_RETURN(model.embedding, backend_.AddTable(std::move(embedding)));
      STERNA_ASSIGN_OR_RETURN(model.head, backend_.AddDense(*std::move(head), dense_activations_));
    } else {
      bytes_ += embedding_bytes;
      STERNA_ASSIGN_OR_RETURN(model.embedding, backend_.AddDense(std::move(embedding), dense_activations_));
      model.head = model.embedding;
    }
    return BindScreen(model);
  }

  /// A row that is screened is read again by a few operations of its own: small heads are faster in full.
  Status BindScreen(BoundModel& model) {
    const bool is_wanted =
        screen_head_ == ScreenHead::kOn || (screen_head_ == ScreenHead::kAuto && config_.vocab >= kMinScreenedRows);
    if (!is_wanted) return Status::Ok();
    STERNA_ASSIGN_OR_RETURN(model.head_screen, backend_.AddScreen(model.head));
    if (model.head_screen != kNoWeight) screen_bytes_ = config_.vocab * ScreenRowBytes(config_.d_model);
    return Status::Ok();
  }

  Result<BoundLayer> BindLayer(int64_t layer) {
    const int64_t q_width = config_.heads * config_.head_dim;
    const int64_t kv_width = config_.kv_heads * config_.head_dim;
    BoundLayer bound;
    STERNA_ASSIGN_OR_RETURN(bound.attention_norm, BindNorm(layer, LayerNorm::kAttention, config_.d_model));
    STERNA_ASSIGN_OR_RETURN(bound.feed_forward_norm, BindNorm(layer, LayerNorm::kFeedForward, config_.d_model));
    if (config_.has_sub_norms) {
      STERNA_ASSIGN_OR_RETURN(bound.attention_sub_norm, BindNorm(layer, LayerNorm::kAttentionSub, q_width));
      STERNA_ASSIGN_OR_RETURN(bound.feed_forward_sub_norm, BindNorm(layer, LayerNorm::kFeedForwardSub, config_.d_ff));
    }
    if (config_.has_qk_norms) {
      STERNA_ASSIGN_OR_RETURN(bound.query_head_norm, BindNorm(layer, LayerNorm::kQueryHead, config_.head_dim));
      STERNA_ASSIGN_OR_RETURN(bound.key_head_norm, BindNorm(layer, LayerNorm::kKeyHead, config_.head_dim));
    }
    if (config_.has_post_norms) {
      STERNA_ASSIGN_OR_RETURN(bound.attention_post_norm, BindNorm(layer, LayerNorm::kAttentionPost, config_.d_model));
      STERNA_ASSIGN_OR_RETURN(bound.feed_forward_post_norm, BindNorm(layer, LayerNorm::kFeedForwardPost, config_.d_model));
    }
    STERNA_ASSIGN_OR_RETURN(
        bound.query_key_value,
        BindGroup(layer, {{Projection::kQuery, q_width}, {Projection::kKey, kv_width}, {Projection::kValue, kv_width}},
                  config_.d_model));
    STERNA_ASSIGN_OR_RETURN(std::vector<BoundLinear> output, BindGroup(layer, {{Projection::kOutput, config_.d_model}}, q_width));
    bound.output = output.front();
    STERNA_ASSIGN_OR_RETURN(
        bound.gate_up, BindGroup(layer, {{Projection::kGate, config_.d_ff}, {Projection::kUp, config_.d_ff}}, config_.d_model));
    STERNA_ASSIGN_OR_RETURN(std::vector<BoundLinear> down, BindGroup(layer, {{Projection::kDown, config_.d_model}}, config_.d_ff));
    bound.down = down.front();
    return bound;
  }

  Result<WeightId> BindNorm(int64_t layer, LayerNorm norm, int64_t size) {
    STERNA_ASSIGN_OR_RETURN(const std::vector<float> values, weights_.Norm(layer, norm, size));
    return backend_.AddVector(values);
  }

  /// Products of one input: fused into one matrix where all are ternary and share their input, one by one otherwise.
  Result<std::vector<BoundLinear>> BindGroup(int64_t layer, const std::vector<Part>& parts, int64_t cols) {
    std::vector<LinearSource> sources;
    std::vector<std::vector<float>> norms, biases;
    bool fuse = true;
    for (const Part& part : parts) {
      STERNA_ASSIGN_OR_RETURN(LinearSource source, weights_.Linear(layer, part.projection, part.rows, cols));
      STERNA_ASSIGN_OR_RETURN(std::vector<float> norm, weights_.LinearNorm(layer, part.projection, cols));
      STERNA_ASSIGN_OR_RETURN(std::vector<float> bias, weights_.Bias(layer, part.projection, part.rows));
      fuse = fuse && std::holds_alternative<TernaryMatrixSource>(source) && norm.empty();
      macs_ += part.rows * cols;
      sources.push_back(std::move(source));
      norms.push_back(std::move(norm));
      biases.push_back(std::move(bias));
    }
    std::vector<BoundLinear> bound;
    if (fuse) {
      std::vector<TernaryMatrixSource> ternary;
      for (LinearSource& source : sources) ternary.push_back(std::get<TernaryMatrixSource>(std::move(source)));
      STERNA_ASSIGN_OR_RETURN(BoundLinear fused, BindTernary(Stack(std::move(ternary))));
      STERNA_ASSIGN_OR_RETURN(fused.bias, AddOptional(JoinBiases(parts, biases)));
      bound.push_back(fused);
      return bound;
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      BoundLinear linear;
      if (auto* ternary = std::get_if<TernaryMatrixSource>(&sources[i])) {
        STERNA_ASSIGN_OR_RETURN(linear, BindTernary(*ternary));
      } else {
        auto& dense = std::get<DenseMatrixSource>(sources[i]);
        bytes_ += static_cast<int64_t>(dense.bytes.size());
        linear.rows = dense.rows;
        STERNA_ASSIGN_OR_RETURN(linear.weight, backend_.AddDense(std::move(dense), dense_activations_));
      }
      STERNA_ASSIGN_OR_RETURN(linear.norm, AddOptional(norms[i]));
      STERNA_ASSIGN_OR_RETURN(linear.bias, AddOptional(biases[i]));
      bound.push_back(linear);
    }
    return bound;
  }

  /// kNoWeight for an empty vector.
  Result<WeightId> AddOptional(const std::vector<float>& values) {
    if (values.empty()) return WeightId{kNoWeight};
    return backend_.AddVector(values);
  }

  /// The biases of fused projections behind one another, 0 where one has none; empty where all have none.
  static std::vector<float> JoinBiases(const std::vector<Part>& parts, const std::vector<std::vector<float>>& biases) {
    std::vector<float> joined;
    bool any = false;
    for (size_t i = 0; i < parts.size(); ++i) {
      any = any || !biases[i].empty();
      joined.insert(joined.end(), biases[i].begin(), biases[i].end());
      if (biases[i].empty()) joined.resize(joined.size() + static_cast<size_t>(parts[i].rows), 0.0f);
    }
    return any ? joined : std::vector<float>();
  }

  Result<BoundLinear> BindTernary(const TernaryMatrixSource& source) {
    bytes_ += backend_.TernaryBytes(source.rows, source.cols);
    BoundLinear linear;
    linear.is_ternary = true;
    linear.rows = source.rows;
    STERNA_ASSIGN_OR_RETURN(linear.weight, backend_.AddTernary(source));
    return linear;
  }

  /// The rows of several matrices, one matrix behind the other.
  static TernaryMatrixSource Stack(std::vector<TernaryMatrixSource> parts) {
    if (parts.size() == 1) return std::move(parts.front());
    TernaryMatrixSource stacked{.rows = 0, .cols = parts.front().cols, .read_row = nullptr};
    for (const TernaryMatrixSource& part : parts) stacked.rows += part.rows;
    stacked.read_row = [parts = std::move(parts)](int64_t row, int8_t* values, float* scale) {
      size_t part = 0;
      while (row >= parts[part].rows) row -= parts[part++].rows;
      return parts[part].read_row(row, values, scale);
    };
    return stacked;
  }

  const ModelConfig& config_;
  WeightProvider& weights_;
  Backend& backend_;
  ModelOutput output_;
  ScreenHead screen_head_;
  DenseActivations dense_activations_;
  int64_t bytes_ = 0;
  int64_t head_bytes_ = 0;
  DType head_type_ = DType::kF32;
  int64_t screen_bytes_ = 0;
  int64_t macs_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Model>> Model::Load(std::shared_ptr<const WeightSource> source, std::shared_ptr<Backend> backend,
                                                 const ModelOptions& options) {
  auto load = [&]() -> Result<std::shared_ptr<const Model>> {
    STERNA_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(source->format(), source->metadata()));
    CheckpointWeights weights(source, config);
    STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const Model> model, Build(config, weights, std::move(backend), options));
    STERNA_RETURN_IF_ERROR(source->StillUnchanged());
    return model;
  };
  return load().WithContext(source->path());
}

Result<std::shared_ptr<const Model>> Model::Build(const ModelConfig& config, WeightProvider& weights,
                                                  std::shared_ptr<Backend> backend, const ModelOptions& options) {
  STERNA_RETURN_IF_ERROR(CheckModelConfig(config));
  auto model = std::shared_ptr<Model>(new Model());
  model->config_ = config;
  model->max_context_ = options.max_context > 0 ? std::min(options.max_context, config.context) : config.context;
  STERNA_RETURN_IF_ERROR(CheckRopeTable(model->max_context_, config.head_dim));
  model->output_ = options.output;
  Binder binder(config, weights, *backend, options);
  STERNA_ASSIGN_OR_RETURN(const BoundModel bound, binder.Bind(model->max_context_));
  // A GGUF file says it by having no head of its own.
  if (options.output == ModelOutput::kLogits) model->config_.tied_head = bound.head == bound.embedding;
  auto plan = std::make_shared<Plan>(BuildDecoderPlan(config, bound));
  STERNA_RETURN_IF_ERROR(CheckPlan(*plan));
  model->plan_ = std::move(plan);
  model->bytes_per_token_ = binder.bytes_per_token();
  model->head_bytes_ = binder.head_bytes();
  model->head_type_ = binder.head_type();
  model->screen_bytes_ = binder.screen_bytes();
  model->macs_per_token_ = binder.macs_per_token();
  model->backend_ = std::move(backend);
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace sterna
