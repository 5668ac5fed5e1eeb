// The GGUF keys that all families share (reference: llama.cpp src/llama-arch.cpp, llama-model.cpp).
#include <fmt/format.h>

#include <iterator>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

/// Reads "ARCHITECTURE.suffix" keys.
class Keys {
 public:
  Keys(const Metadata& metadata, std::string_view architecture) : metadata_(metadata), architecture_(architecture) {}

  std::string Name(std::string_view suffix) const { return fmt::format("{}.{}", architecture_, suffix); }
  bool Has(std::string_view suffix) const { return metadata_.Has(Name(suffix)); }
  Result<int64_t> Int(std::string_view suffix) const { return metadata_.GetInt(Name(suffix)); }
  Result<int64_t> IntOr(std::string_view suffix, int64_t fallback) const { return Has(suffix) ? Int(suffix) : fallback; }
  Result<double> Float(std::string_view suffix) const { return metadata_.GetFloat(Name(suffix)); }
  Result<double> FloatOr(std::string_view suffix, double fallback) const { return metadata_.GetFloatOr(Name(suffix), fallback); }
  Result<std::string_view> StringOr(std::string_view suffix, std::string_view fallback) const {
    return metadata_.GetStringOr(Name(suffix), fallback);
  }

 private:
  const Metadata& metadata_;
  std::string_view architecture_;
};

Status ReadRope(const Keys& keys, ModelConfig* config) {
  STERNA_ASSIGN_OR_RETURN(config->rope_theta, keys.FloatOr("rope.freq_base", 10000.0));
  STERNA_ASSIGN_OR_RETURN(const int64_t rotated, keys.IntOr("rope.dimension_count", config->head_dim));
  if (rotated != config->head_dim) {
    return Unsupported(fmt::format("{}: rotating {} of {} head dimensions is not supported", keys.Name("rope.dimension_count"),
                                   rotated, config->head_dim));
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view kind, keys.StringOr("rope.scaling.type", "none"));
  if (kind == "linear") {
    config->rope_scaling.kind = RopeScaling::Kind::kLinear;
    STERNA_ASSIGN_OR_RETURN(config->rope_scaling.factor, keys.FloatOr("rope.scaling.factor", 1.0));
  } else if (kind != "none") {
    return Unsupported(fmt::format("{} '{}' is not supported; supported: none, linear", keys.Name("rope.scaling.type"), kind));
  }
  return Status::Ok();
}

/// llama.h, enum llama_pooling_type.
Status ReadPooling(const Keys& keys, ModelConfig* config) {
  constexpr Pooling kKinds[] = {Pooling::kNone, Pooling::kMean, Pooling::kFirst, Pooling::kLast};
  STERNA_ASSIGN_OR_RETURN(const int64_t kind, keys.IntOr("pooling_type", 0));
  if (kind < 0 || kind >= std::ssize(kKinds)) {
    return Unsupported(
        fmt::format("{} {} is not supported; supported: 0 (none), 1 (mean), 2 (cls), 3 (last)", keys.Name("pooling_type"), kind));
  }
  config->pooling = kKinds[kind];
  return Status::Ok();
}

}  // namespace

Result<ModelConfig> ReadGgufConfig(const Metadata& metadata, std::string_view architecture) {
  const Keys keys(metadata, architecture);
  ModelConfig config;
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, metadata.GetStringOr("general.name", ""));
  config.name = name;
  STERNA_ASSIGN_OR_RETURN(config.layers, keys.Int("block_count"));
  STERNA_ASSIGN_OR_RETURN(config.d_model, keys.Int("embedding_length"));
  STERNA_ASSIGN_OR_RETURN(config.d_ff, keys.Int("feed_forward_length"));
  STERNA_ASSIGN_OR_RETURN(config.heads, keys.Int("attention.head_count"));
  STERNA_ASSIGN_OR_RETURN(config.kv_heads, keys.IntOr("attention.head_count_kv", config.heads));
  STERNA_ASSIGN_OR_RETURN(config.context, keys.Int("context_length"));
  if (config.heads < 1)
    return Malformed(fmt::format("{}: expected at least 1, found {}", keys.Name("attention.head_count"), config.heads));
  if (!keys.Has("attention.key_length") && config.d_model % config.heads != 0) {
    return Malformed(fmt::format("{} {} is no multiple of {} {}", keys.Name("embedding_length"), config.d_model,
                                 keys.Name("attention.head_count"), config.heads));
  }
  STERNA_ASSIGN_OR_RETURN(config.head_dim, keys.IntOr("attention.key_length", config.d_model / config.heads));
  STERNA_ASSIGN_OR_RETURN(const int64_t value_dim, keys.IntOr("attention.value_length", config.head_dim));
  if (value_dim != config.head_dim) {
    return Unsupported(
        fmt::format("{} {} differs from the key length {}", keys.Name("attention.value_length"), value_dim, config.head_dim));
  }
  STERNA_ASSIGN_OR_RETURN(const double epsilon, keys.Float("attention.layer_norm_rms_epsilon"));
  config.rms_epsilon = static_cast<float>(epsilon);
  STERNA_RETURN_IF_ERROR(ReadRope(keys, &config));
  STERNA_RETURN_IF_ERROR(ReadPooling(keys, &config));
  // Only embedding models have norms before single projections here; their epsilon is the model's.
  config.linear_norm_epsilon = config.rms_epsilon;
  // The vocabulary is as long as the token list; files without a tokenizer may say it in a key of their own.
  if (metadata.Has("tokenizer.ggml.tokens")) {
    STERNA_ASSIGN_OR_RETURN(const auto* tokens, metadata.GetStrings("tokenizer.ggml.tokens"));
    config.vocab = static_cast<int64_t>(tokens->size());
  } else {
    STERNA_ASSIGN_OR_RETURN(config.vocab, keys.Int("vocab_size"));
  }
  return config;
}

}  // namespace sterna
