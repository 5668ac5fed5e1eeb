// The keys of a Hugging Face config.json that all families share (reference: transformers 5, configuration_*.py,
// modeling_rope_utils.py, integrations/bitnet.py). Both spellings of rotary settings are read: rope_theta + rope_scaling, and
// rope_parameters.
#include <fmt/format.h>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

Result<Activation> ReadActivation(const Metadata& metadata) {
  const std::string_view key = metadata.Has("hidden_activation") ? "hidden_activation" : "hidden_act";
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, metadata.GetStringOr(key, "silu"));
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "relu2") return Activation::kReluSquared;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new") return Activation::kGeluTanh;
  return Unsupported(fmt::format("{} '{}' is not supported; supported: silu, relu2, gelu_pytorch_tanh", key, name));
}

Status ReadRope(const Metadata& metadata, ModelConfig* config) {
  const auto has_group = [&](std::string_view name) {
    return metadata.Has(fmt::format("{}.rope_type", name)) || metadata.Has(fmt::format("{}.rope_theta", name));
  };
  // Models with sliding layers have one group for each kind of layer.
  const std::string_view group = has_group("rope_parameters.full_attention") ? "rope_parameters.full_attention"
                                 : has_group("rope_parameters")              ? "rope_parameters"
                                                                             : "rope_scaling";
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

/// sentence-transformers' 1_Pooling/config.json, which lies in a folder of its own.
Status ReadPooling(const Metadata& metadata, ModelConfig* config) {
  constexpr std::string_view kPrefix = "pooling.pooling_mode_";
  for (const Metadata::Item& item : metadata.items()) {
    if (!item.key.starts_with(kPrefix)) continue;
    STERNA_ASSIGN_OR_RETURN(const bool is_chosen, metadata.GetBool(item.key));
    if (!is_chosen) continue;
    const std::string_view mode = std::string_view(item.key).substr(kPrefix.size());
    const Pooling pooling = mode == "mean_tokens" ? Pooling::kMean
                            : mode == "cls_token" ? Pooling::kFirst
                            : mode == "lasttoken" ? Pooling::kLast
                                                  : Pooling::kNone;
    if (pooling == Pooling::kNone || config->pooling != Pooling::kNone) {
      return Unsupported(
          fmt::format("1_Pooling/config.json: {} is not supported; supported: one of pooling_mode_mean_tokens, "
                      "pooling_mode_cls_token and pooling_mode_lasttoken",
                      item.key.substr(std::string_view("pooling.").size())));
    }
    config->pooling = pooling;
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

Status RefuseSlidingWindow(const Metadata& metadata) {
  STERNA_ASSIGN_OR_RETURN(const bool is_sliding, metadata.GetBoolOr("use_sliding_window", false));
  return is_sliding ? Unsupported("use_sliding_window: sliding-window attention is not supported in this architecture")
                    : Status::Ok();
}

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
  config.linear_norm_epsilon = config.rms_epsilon;
  STERNA_ASSIGN_OR_RETURN(config.activation, ReadActivation(metadata));
  STERNA_ASSIGN_OR_RETURN(config.tied_head, metadata.GetBoolOr("tie_word_embeddings", false));
  STERNA_ASSIGN_OR_RETURN(config.needs_attention_bias, metadata.GetBoolOr("attention_bias", false));
  STERNA_ASSIGN_OR_RETURN(config.needs_feed_forward_bias, metadata.GetBoolOr("mlp_bias", false));
  STERNA_RETURN_IF_ERROR(ReadPooling(metadata, &config));
  STERNA_RETURN_IF_ERROR(ReadRope(metadata, &config));
  STERNA_RETURN_IF_ERROR(ReadQuantization(metadata, &config));
  return config;
}

}  // namespace sterna
