// The keys of a Hugging Face config.json that all families share (reference: transformers 5, configuration_*.py,
// modeling_rope_utils.py, integrations/bitnet.py). Both spellings of rotary settings are read: rope_theta + rope_scaling, and
// rope_parameters.
#include <fmt/format.h>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

Result<Activation> ReadActivation(const Metadata& metadata) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, metadata.GetStringOr("hidden_act", "silu"));
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "relu2") return Activation::kReluSquared;
  return Unsupported(fmt::format("hidden_act '{}' is not supported; supported: silu, relu2", name));
}

Status ReadRope(const Metadata& metadata, ModelConfig* config) {
  const std::string_view group =
      metadata.Has("rope_parameters.rope_type") || metadata.Has("rope_parameters.rope_theta") ? "rope_parameters" : "rope_scaling";
  const auto key = [&](std::string_view suffix) { return fmt::format("{}.{}", group, suffix); };
  STERNA_ASSIGN_OR_RETURN(const double theta, metadata.GetFloatOr("rope_theta", 10000.0));
  STERNA_ASSIGN_OR_RETURN(config->rope_theta, metadata.GetFloatOr(key("rope_theta"), theta));
  STERNA_ASSIGN_OR_RETURN(const std::string_view old_spelling, metadata.GetStringOr(key("type"), "default"));
  STERNA_ASSIGN_OR_RETURN(const std::string_view kind, metadata.GetStringOr(key("rope_type"), old_spelling));
  RopeScaling& scaling = config->rope_scaling;
  if (kind == "default") return Status::Ok();
  if (kind != "linear" && kind != "llama3")
    return Unsupported(fmt::format("{} '{}' is not supported; supported: default, linear, llama3", key("rope_type"), kind));
  STERNA_ASSIGN_OR_RETURN(scaling.factor, metadata.GetFloat(key("factor")));
  if (kind == "linear") {
    scaling.kind = RopeScaling::Kind::kLinear;
    return Status::Ok();
  }
  scaling.kind = RopeScaling::Kind::kLlama3;
  STERNA_ASSIGN_OR_RETURN(scaling.low_frequency_factor, metadata.GetFloat(key("low_freq_factor")));
  STERNA_ASSIGN_OR_RETURN(scaling.high_frequency_factor, metadata.GetFloat(key("high_freq_factor")));
  STERNA_ASSIGN_OR_RETURN(scaling.original_context, metadata.GetFloat(key("original_max_position_embeddings")));
  if (!(scaling.low_frequency_factor > 0 && scaling.high_frequency_factor > scaling.low_frequency_factor &&
        scaling.original_context > 0)) {
    return Malformed(
        fmt::format("{}: expected 0 < low_freq_factor < high_freq_factor and a positive original context, found {}, {}, {}", group,
                    scaling.low_frequency_factor, scaling.high_frequency_factor, scaling.original_context));
  }
  return Status::Ok();
}

Status ReadQuantization(const Metadata& metadata, ModelConfig* config) {
  if (!metadata.Has("quantization_config.quant_method")) return Status::Ok();
  STERNA_ASSIGN_OR_RETURN(const std::string_view method, metadata.GetString("quantization_config.quant_method"));
  if (method != "bitnet") {
    return Unsupported(fmt::format("quantization_config.quant_method '{}' is not supported; supported: bitnet", method));
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view layer, metadata.GetStringOr("quantization_config.linear_class", "bitlinear"));
  if (layer != "bitlinear" && layer != "autobitlinear") {
    return Unsupported(fmt::format("quantization_config.linear_class '{}': expected bitlinear or autobitlinear", layer));
  }
  config->packed_scale = layer == "autobitlinear" ? PackedScale::kMultiply : PackedScale::kDivide;
  STERNA_ASSIGN_OR_RETURN(const std::string_view mode, metadata.GetStringOr("quantization_config.quantization_mode", "offline"));
  if (mode != "offline" && mode != "online") {
    return Unsupported(fmt::format("quantization_config.quantization_mode '{}': expected offline or online", mode));
  }
  // Float weights are masters whatever the mode says: an unpacked `offline` tensor holds -1, 0, +1 and its scale lies beside it.
  config->float_projection = FloatProjection::kTernaryMaster;
  STERNA_ASSIGN_OR_RETURN(config->has_linear_norms, metadata.GetBoolOr("quantization_config.use_rms_norm", false));
  STERNA_ASSIGN_OR_RETURN(const double epsilon, metadata.GetFloatOr("quantization_config.rms_norm_eps", 1e-6));
  config->linear_norm_epsilon = static_cast<float>(epsilon);
  return Status::Ok();
}

}  // namespace

Result<ModelConfig> ReadHuggingFaceConfig(const Metadata& metadata) {
  ModelConfig config;
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, metadata.GetStringOr("_name_or_path", ""));
  config.name = name;
  STERNA_ASSIGN_OR_RETURN(config.layers, metadata.GetInt("num_hidden_layers"));
  STERNA_ASSIGN_OR_RETURN(config.d_model, metadata.GetInt("hidden_size"));
  STERNA_ASSIGN_OR_RETURN(config.d_ff, metadata.GetInt("intermediate_size"));
  STERNA_ASSIGN_OR_RETURN(config.heads, metadata.GetInt("num_attention_heads"));
  config.kv_heads = config.heads;
  if (metadata.Has("num_key_value_heads")) {
    STERNA_ASSIGN_OR_RETURN(config.kv_heads, metadata.GetInt("num_key_value_heads"));
  }
  STERNA_ASSIGN_OR_RETURN(config.vocab, metadata.GetInt("vocab_size"));
  STERNA_ASSIGN_OR_RETURN(config.context, metadata.GetInt("max_position_embeddings"));
  if (config.heads < 1) return Malformed(fmt::format("num_attention_heads: expected at least 1, found {}", config.heads));
  if (metadata.Has("head_dim")) {
    STERNA_ASSIGN_OR_RETURN(config.head_dim, metadata.GetInt("head_dim"));
  } else if (config.d_model % config.heads != 0) {
    return Malformed(fmt::format("hidden_size {} is no multiple of num_attention_heads {}", config.d_model, config.heads));
  } else {
    config.head_dim = config.d_model / config.heads;
  }
  STERNA_ASSIGN_OR_RETURN(const double epsilon, metadata.GetFloat("rms_norm_eps"));
  config.rms_epsilon = static_cast<float>(epsilon);
  STERNA_ASSIGN_OR_RETURN(config.activation, ReadActivation(metadata));
  STERNA_ASSIGN_OR_RETURN(config.tied_head, metadata.GetBoolOr("tie_word_embeddings", false));
  for (const std::string_view key : {"attention_bias", "mlp_bias"}) {
    STERNA_ASSIGN_OR_RETURN(const bool has_bias, metadata.GetBoolOr(key, false));
    if (has_bias) return Unsupported(fmt::format("{}: projections with a bias are not supported", key));
  }
  STERNA_RETURN_IF_ERROR(ReadRope(metadata, &config));
  STERNA_RETURN_IF_ERROR(ReadQuantization(metadata, &config));
  return config;
}

}  // namespace sterna
