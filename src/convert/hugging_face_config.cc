#include "convert/hugging_face_config.h"

#include <fmt/format.h>

#include <cmath>

#include "formats/quoted.h"

namespace sterna {
namespace {

/// The members of one object, in the order they are added.
class JsonObject {
 public:
  void Add(std::string_view key, std::string_view json) {
    body_ += fmt::format("{}\n{}{}: {}", body_.empty() ? "" : ",", indent_, JsonText(key), json);
  }
  void Add(std::string_view key, int64_t value) { Add(key, fmt::format("{}", value)); }
  void Add(std::string_view key, bool value) { Add(key, std::string_view(value ? "true" : "false")); }
  /// The shortest digits that give the same number back, with a point: Python tells 1.0 from 1.
  void AddFloat(std::string_view key, double value) {
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".en") == std::string::npos) text += ".0";
    Add(key, text);
  }
  void AddText(std::string_view key, std::string_view text) { Add(key, JsonText(text)); }
  explicit JsonObject(std::string_view indent) : indent_(indent) {}
  std::string Close() const { return fmt::format("{{{}\n{}}}", body_, indent_.substr(0, indent_.size() - 2)); }

 private:
  std::string_view indent_;
  std::string body_;
};

/// The class of transformers that runs the same graph.
struct ModelClass {
  std::string_view name, model_type;
};
Result<ModelClass> ClassOf(const ModelConfig& config) {
  if (config.has_sub_norms && config.has_qk_norms) {
    return Unsupported("transformers has no model with both sub-norms and norms of query and key heads");
  }
  if (config.has_post_norms) return ModelClass{"Gemma3ForCausalLM", "gemma3_text"};
  if (config.has_sub_norms) return ModelClass{"BitNetForCausalLM", "bitnet"};
  if (config.architecture == "qwen2") return ModelClass{"Qwen2ForCausalLM", "qwen2"};
  if (config.has_qk_norms) return ModelClass{"Qwen3ForCausalLM", "qwen3"};
  return ModelClass{"LlamaForCausalLM", "llama"};
}

std::string_view NameOf(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return "silu";
    case Activation::kReluSquared:
      return "relu2";
    case Activation::kGeluTanh:
      return "gelu_pytorch_tanh";
  }
  return "";
}

/// The keys of Gemma3TextConfig beyond a Llama's.
void AddGemma(const ModelConfig& config, JsonObject* out) {
  out->AddText("hidden_activation", NameOf(config.activation));
  const double scale = config.attention_scale;
  out->Add("query_pre_attn_scalar", scale > 0 ? static_cast<int64_t>(std::llround(1 / (scale * scale))) : config.head_dim);
  out->Add("sliding_window", config.sliding_window);
  if (config.is_sliding.empty()) return;
  out->AddFloat("rope_local_base_freq", config.sliding_rope_theta);
  std::string types;
  for (const bool is_sliding : config.is_sliding) {
    types += fmt::format("{}{}", types.empty() ? "" : ", ", JsonText(is_sliding ? "sliding_attention" : "full_attention"));
  }
  out->Add("layer_types", fmt::format("[{}]", types));
}

void AddRope(const ModelConfig& config, JsonObject* out) {
  out->AddFloat("rope_theta", config.rope_theta);
  const RopeScaling& scaling = config.rope_scaling;
  if (scaling.kind == RopeScaling::Kind::kNone) return;
  JsonObject rope("    ");
  rope.AddText("rope_type", scaling.kind == RopeScaling::Kind::kLinear ? "linear" : "llama3");
  rope.AddFloat("factor", scaling.factor);
  if (scaling.kind == RopeScaling::Kind::kLlama3) {
    rope.AddFloat("low_freq_factor", scaling.low_frequency_factor);
    rope.AddFloat("high_freq_factor", scaling.high_frequency_factor);
    rope.Add("original_max_position_embeddings", static_cast<int64_t>(scaling.original_context));
  }
  out->Add("rope_scaling", rope.Close());
}

void AddToken(const Metadata& metadata, std::string_view key, std::string_view gguf_key, JsonObject* out) {
  for (const std::string_view candidate : {gguf_key, key}) {
    if (const Result<int64_t> id = metadata.GetInt(candidate); id.ok()) {
      out->Add(key, *id);
      return;
    }
  }
}

}  // namespace

std::string JsonText(std::string_view text) {
  // Quoted text that is no UTF-8 would make the document invalid; such names are for people only.
  return IsValidUtf8(text) ? JsonString(text) : "\"\\ufffd\"";
}

Result<std::string> MakeHuggingFaceConfig(const ModelConfig& config, const WeightSource& source, const HuggingFaceForm& form) {
  STERNA_ASSIGN_OR_RETURN(const ModelClass model_class, ClassOf(config));
  JsonObject out("  ");
  out.Add("architectures", fmt::format("[{}]", JsonText(model_class.name)));
  out.AddText("model_type", model_class.model_type);
  if (!config.name.empty()) out.AddText("_name_or_path", config.name);
  AddToken(source.metadata(), "bos_token_id", "tokenizer.ggml.bos_token_id", &out);
  AddToken(source.metadata(), "eos_token_id", "tokenizer.ggml.eos_token_id", &out);
  AddToken(source.metadata(), "pad_token_id", "tokenizer.ggml.padding_token_id", &out);
  out.Add("attention_bias", form.has_attention_bias);
  out.Add("head_dim", config.head_dim);
  out.AddText("hidden_act", NameOf(config.activation));
  out.Add("hidden_size", config.d_model);
  out.Add("intermediate_size", config.d_ff);
  out.Add("max_position_embeddings", config.context);
  out.Add("mlp_bias", form.has_feed_forward_bias);
  out.Add("num_attention_heads", config.heads);
  out.Add("num_hidden_layers", config.layers);
  out.Add("num_key_value_heads", config.kv_heads);
  // The shortest decimal of the f32: 1e-05, not the digits of its widening.
  out.Add("rms_norm_eps", std::string_view(fmt::format("{}", config.rms_epsilon)));
  AddRope(config, &out);
  if (config.has_post_norms) AddGemma(config, &out);
  out.Add("tie_word_embeddings", !form.has_head);
  out.AddText("torch_dtype", form.torch_dtype);
  out.Add("vocab_size", config.vocab);
  if (form.is_ternary) {
    JsonObject quantization("    ");
    quantization.AddText("quant_method", "bitnet");
    quantization.AddText("linear_class", "autobitlinear");
    quantization.AddText("quantization_mode", "offline");
    quantization.Add("use_rms_norm", form.has_linear_norms);
    if (form.has_linear_norms) {
      quantization.Add("rms_norm_eps", std::string_view(fmt::format("{}", config.linear_norm_epsilon)));
    }
    out.Add("quantization_config", quantization.Close());
  }
  return out.Close() + "\n";
}

}  // namespace sterna
