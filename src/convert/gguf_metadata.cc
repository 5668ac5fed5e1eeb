#include "convert/gguf_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sterna {
namespace {

/// llama.cpp's and bitnet.cpp's number for "mostly this type" (general.file_type); nothing where they have none.
std::optional<uint32_t> FileType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kQ4_0:
      return 2;
    case DType::kQ4_1:
      return 3;
    case DType::kQ8_0:
      return 7;
    case DType::kQ6_K:
      return 18;
    case DType::kBF16:
      return 32;
    case DType::kTQ1_0:
      return 36;
    case DType::kTQ2_0:
      return 37;
    case DType::kI2_S:
      return 40;
    default:
      return std::nullopt;
  }
}

}  // namespace

/// What GGUF files say of Gemma's layers. Unsupported where they cannot: one layer of every so many sees everything, and scores are
/// divided by the root of the head dimension.
Status SetGemmaKeys(const ModelConfig& config, Metadata* out) {
  if (config.attention_scale > 0 && config.attention_scale != 1 / std::sqrt(static_cast<double>(config.head_dim))) {
    return Unsupported(
        fmt::format("query_pre_attn_scalar: GGUF's gemma3 has no other than the head dimension {}", config.head_dim));
  }
  if (config.is_sliding.empty()) return Status::Ok();
  const auto first_full = std::ranges::find(config.is_sliding, false);
  const auto pattern = first_full - config.is_sliding.begin() + 1;
  for (std::ptrdiff_t layer = 0; layer < std::ssize(config.is_sliding); ++layer) {
    if (config.is_sliding[static_cast<size_t>(layer)] == ((layer + 1) % pattern == 0)) {
      return Unsupported("layer_types: GGUF's gemma3 has one layer of full attention in every so many, the last of each group");
    }
  }
  out->Set("gemma3.attention.sliding_window", static_cast<uint32_t>(config.sliding_window));
  out->Set("gemma3.attention.sliding_window_pattern", static_cast<uint32_t>(pattern));
  out->Set("gemma3.rope.freq_base_swa", static_cast<float>(config.sliding_rope_theta));
  return Status::Ok();
}

Result<std::string> GgufArchitecture(const ModelConfig& config) {
  if (config.has_post_norms) return std::string("gemma3");
  if (config.has_sub_norms) return std::string(config.activation == Activation::kReluSquared ? "bitnet-b1.58" : "bitnet");
  if (config.activation != Activation::kSilu)
    return Unsupported(fmt::format("GGUF's {} has no activation but SiLU", config.architecture));
  if (config.architecture == "qwen2") return std::string("qwen2");
  return std::string(config.has_qk_norms ? "qwen3" : "llama");
}

Result<Metadata> MakeGgufMetadata(const ModelConfig& config, const WeightSource& source, const ConvertOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const std::string architecture, GgufArchitecture(config));
  Metadata out;
  out.Set("general.architecture", architecture);
  if (!config.name.empty()) out.Set("general.name", config.name);
  if (options.types.projection) {
    if (const auto file_type = FileType(*options.types.projection)) out.Set("general.file_type", *file_type);
  }
  out.Set("general.quantization_version", uint32_t{2});
  const auto set_number = [&](std::string_view suffix, int64_t value) {
    out.Set(fmt::format("{}.{}", architecture, suffix), static_cast<uint32_t>(value));
  };
  const auto set_float = [&](std::string_view suffix, double value) {
    out.Set(fmt::format("{}.{}", architecture, suffix), static_cast<float>(value));
  };
  set_number("vocab_size", config.vocab);
  set_number("context_length", config.context);
  set_number("embedding_length", config.d_model);
  set_number("block_count", config.layers);
  set_number("feed_forward_length", config.d_ff);
  set_number("attention.head_count", config.heads);
  set_number("attention.head_count_kv", config.kv_heads);
  set_number("attention.key_length", config.head_dim);
  set_number("attention.value_length", config.head_dim);
  set_number("rope.dimension_count", config.head_dim);
  set_float("rope.freq_base", config.rope_theta);
  set_float("attention.layer_norm_rms_epsilon", static_cast<double>(config.rms_epsilon));
  if (config.rope_scaling.kind == RopeScaling::Kind::kLinear) {
    out.Set(architecture + ".rope.scaling.type", std::string("linear"));
    set_float("rope.scaling.factor", config.rope_scaling.factor);
  }
  if (config.pooling != Pooling::kNone) set_number("pooling_type", static_cast<int64_t>(config.pooling));
  if (architecture == "gemma3") STERNA_RETURN_IF_ERROR(SetGemmaKeys(config, &out));
  if (source.format() == "GGUF") {
    for (const Metadata::Item& item : source.metadata().items()) {
      const bool is_known = out.Has(item.key) || item.key == "general.file_type" || item.key == "general.alignment";
      if (item.key.starts_with("tokenizer.") || (item.key.starts_with("general.") && !is_known)) out.Set(item.key, item.value);
    }
  }
  if (!options.tokenizer_json.empty()) out.Set("tokenizer.huggingface.json", options.tokenizer_json);
  if (!options.tokenizer_config_json.empty()) out.Set("tokenizer.huggingface.config", options.tokenizer_config_json);
  if (!options.chat_template.empty()) out.Set("tokenizer.chat_template", options.chat_template);
  return out;
}

}  // namespace sterna
