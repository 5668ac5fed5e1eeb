// Gemma 3, text only: scaled embeddings, norms behind attention and feed-forward too, most layers with a sliding window and a
// rotation of their own. References: transformers modeling_gemma3.py and configuration_gemma3.py, llama.cpp src/models/gemma3.cpp.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"gemma3", "gemma3_text"};
constexpr double kRopeTheta = 1000000, kSlidingRopeTheta = 10000;
constexpr int64_t kSlidingPattern = 6;  // one layer of so many sees everything, the last of each group

void SetPattern(int64_t pattern, ModelConfig* config) {
  // Layers are checked later: a wrong number must not size anything here.
  constexpr int64_t kMaxLayers = 4096;
  if (config->layers < 1 || config->layers > kMaxLayers) return;
  config->is_sliding.clear();
  for (int64_t layer = 0; layer < config->layers; ++layer) config->is_sliding.push_back((layer + 1) % pattern != 0);
}

Status CheckPattern(std::string_view key, int64_t pattern) {
  if (pattern >= 1) return Status::Ok();
  return Malformed(fmt::format("{}: expected at least 1, found {}", key, pattern));
}

Status AdaptGguf(const Metadata& metadata, ModelConfig* config) {
  config->activation = Activation::kGeluTanh;
  // The 27B model alone divides by the width of a head as if all heads shared the hidden size.
  constexpr int64_t kLayersOf27B = 62;
  if (config->layers == kLayersOf27B) {
    config->attention_scale = 1 / std::sqrt(static_cast<double>(config->d_model) / static_cast<double>(config->heads));
  }
  if (!metadata.Has("gemma3.attention.sliding_window")) return Status::Ok();
  STERNA_ASSIGN_OR_RETURN(config->sliding_window, metadata.GetInt("gemma3.attention.sliding_window"));
  if (config->sliding_window == 0) return Status::Ok();
  STERNA_ASSIGN_OR_RETURN(config->sliding_rope_theta, metadata.GetFloatOr("gemma3.rope.freq_base_swa", kSlidingRopeTheta));
  int64_t pattern = kSlidingPattern;
  constexpr std::string_view kPatternKey = "gemma3.attention.sliding_window_pattern";
  if (metadata.Has(kPatternKey)) {
    STERNA_ASSIGN_OR_RETURN(pattern, metadata.GetInt(kPatternKey));
    STERNA_RETURN_IF_ERROR(CheckPattern(kPatternKey, pattern));
  }
  SetPattern(pattern, config);
  return Status::Ok();
}

Status ReadLayerTypes(const Metadata& metadata, ModelConfig* config) {
  STERNA_ASSIGN_OR_RETURN(const std::vector<std::string>* types, metadata.GetStrings("layer_types"));
  config->is_sliding.clear();
  for (const std::string& type : *types) {
    if (type != "sliding_attention" && type != "full_attention") {
      return Unsupported(fmt::format("layer_types: expected sliding_attention or full_attention, found '{}'", type));
    }
    config->is_sliding.push_back(type == "sliding_attention");
  }
  return Status::Ok();
}

Status AdaptHuggingFace(const Metadata& metadata, ModelConfig* config) {
  config->norms_add_one = true;
  // The defaults of Gemma3TextConfig, which its to_dict() may leave out.
  if (!metadata.Has("hidden_activation")) config->activation = Activation::kGeluTanh;
  STERNA_ASSIGN_OR_RETURN(config->tied_head, metadata.GetBoolOr("tie_word_embeddings", true));
  for (const std::string_view key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (metadata.Has(key)) return Unsupported(fmt::format("{} is not supported", key));
  }
  STERNA_ASSIGN_OR_RETURN(const bool looks_ahead, metadata.GetBoolOr("use_bidirectional_attention", false));
  if (looks_ahead) return Unsupported("use_bidirectional_attention: attention to later tokens is not supported");
  STERNA_ASSIGN_OR_RETURN(const double scalar, metadata.GetFloatOr("query_pre_attn_scalar", 256));
  if (!(scalar > 0)) return Malformed(fmt::format("query_pre_attn_scalar: expected a positive number, found {}", scalar));
  config->attention_scale = 1 / std::sqrt(scalar);
  STERNA_ASSIGN_OR_RETURN(const double old_spelling, metadata.GetFloatOr("rope_local_base_freq", kSlidingRopeTheta));
  STERNA_ASSIGN_OR_RETURN(config->sliding_rope_theta,
                          metadata.GetFloatOr("rope_parameters.sliding_attention.rope_theta", old_spelling));
  if (!metadata.Has("rope_theta") && !metadata.Has("rope_parameters.full_attention.rope_theta")) config->rope_theta = kRopeTheta;
  STERNA_ASSIGN_OR_RETURN(config->sliding_window, metadata.GetInt("sliding_window"));
  if (config->sliding_window == 0) return Status::Ok();
  if (metadata.Has("layer_types")) return ReadLayerTypes(metadata, config);
  int64_t pattern = kSlidingPattern;
  if (metadata.Has("sliding_window_pattern")) {
    STERNA_ASSIGN_OR_RETURN(pattern, metadata.GetInt("sliding_window_pattern"));
    STERNA_RETURN_IF_ERROR(CheckPattern("sliding_window_pattern", pattern));
  }
  SetPattern(pattern, config);
  return Status::Ok();
}

Status Adapt(const Metadata& metadata, bool is_gguf, ModelConfig* config) {
  config->has_qk_norms = true;
  config->has_post_norms = true;
  config->embedding_scale = std::sqrt(static_cast<float>(config->d_model));
  return is_gguf ? AdaptGguf(metadata, config) : AdaptHuggingFace(metadata, config);
}

}  // namespace

const Architecture kGemma3Architecture = {kNames, Adapt};

}  // namespace sterna
