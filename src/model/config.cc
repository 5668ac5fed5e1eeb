#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

// Above these a value can only be an error; they keep every later product far from overflow.
constexpr int64_t kMaxWidth = int64_t{1} << 22;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxVocab = int64_t{1} << 24;
constexpr int64_t kMaxHeads = 4096;

Status CheckRange(std::string_view what, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return Status::Ok();
  return Malformed(fmt::format("{}: expected {} to {}, found {}", what, low, high, value));
}

Status CheckSlidingLayers(const ModelConfig& config) {
  if (!(config.attention_scale >= 0 && std::isfinite(config.attention_scale))) {
    return Malformed(fmt::format("attention scale: expected a positive number, found {}", config.attention_scale));
  }
  if (config.is_sliding.empty()) return Status::Ok();
  if (static_cast<int64_t>(config.is_sliding.size()) != config.layers) {
    return Malformed(fmt::format("kinds of attention layers: expected {}, found {}", config.layers, config.is_sliding.size()));
  }
  STERNA_RETURN_IF_ERROR(CheckRange("sliding window", config.sliding_window, 1, kMaxWidth));
  if (!(config.sliding_rope_theta > 0 && std::isfinite(config.sliding_rope_theta))) {
    return Malformed(fmt::format("rope base of sliding layers: expected a positive number, found {}", config.sliding_rope_theta));
  }
  return Status::Ok();
}

/// The checkpoints of 1bitLLM (bitnet_b1_58-large, -3B) say model_type "llama" and name a class of their own, whose sub-norms a
/// Llama lacks.
Result<std::string_view> HuggingFaceFamily(const Metadata& metadata, std::string_view model_type) {
  if (model_type != "llama" || !metadata.Has("architectures")) return model_type;
  STERNA_ASSIGN_OR_RETURN(const std::vector<std::string>* classes, metadata.GetStrings("architectures"));
  return std::ranges::find(*classes, "BitnetForCausalLM") == classes->end() ? model_type : std::string_view("bitnet");
}

}  // namespace

Result<ModelConfig> ReadModelConfig(std::string_view format, const Metadata& metadata) {
  const bool is_gguf = format == "GGUF";
  const std::string_view key = is_gguf ? "general.architecture" : "model_type";
  STERNA_ASSIGN_OR_RETURN(std::string_view name, metadata.GetString(key));
  if (!is_gguf) {
    STERNA_ASSIGN_OR_RETURN(name, HuggingFaceFamily(metadata, name));
  }
  const Architecture* architecture = FindArchitecture(name);
  if (architecture == nullptr) {
    return Unsupported(fmt::format("{} '{}' is not a supported architecture; supported: {}", key, name, SupportedArchitectures()));
  }
  STERNA_ASSIGN_OR_RETURN(ModelConfig config, is_gguf ? ReadGgufConfig(metadata, name) : ReadHuggingFaceConfig(metadata));
  config.architecture = name;
  STERNA_RETURN_IF_ERROR(architecture->adapt(metadata, is_gguf, &config));
  STERNA_RETURN_IF_ERROR(CheckModelConfig(config));
  return config;
}

Status CheckModelConfig(const ModelConfig& config) {
  STERNA_RETURN_IF_ERROR(CheckRange("number of layers", config.layers, 1, kMaxLayers));
  STERNA_RETURN_IF_ERROR(CheckRange("hidden size", config.d_model, 1, kMaxWidth));
  STERNA_RETURN_IF_ERROR(CheckRange("feed-forward size", config.d_ff, 1, kMaxWidth));
  STERNA_RETURN_IF_ERROR(CheckRange("number of attention heads", config.heads, 1, kMaxHeads));
  STERNA_RETURN_IF_ERROR(CheckRange("number of key-value heads", config.kv_heads, 1, config.heads));
  STERNA_RETURN_IF_ERROR(CheckRange("head dimension", config.head_dim, 2, 4096));
  STERNA_RETURN_IF_ERROR(CheckRange("vocabulary size", config.vocab, 1, kMaxVocab));
  STERNA_RETURN_IF_ERROR(CheckRange("context length", config.context, 1, kMaxWidth));
  if (config.heads % config.kv_heads != 0) {
    return Malformed(fmt::format("{} attention heads cannot share {} key-value heads evenly", config.heads, config.kv_heads));
  }
  if (config.head_dim % 2 != 0) return Malformed(fmt::format("head dimension: expected an even number, found {}", config.head_dim));
  if (!(config.rms_epsilon > 0 && config.rms_epsilon < 1)) {
    return Malformed(fmt::format("RMS norm epsilon: expected a number between 0 and 1, found {}", config.rms_epsilon));
  }
  if (!(config.linear_norm_epsilon > 0 && config.linear_norm_epsilon < 1)) {
    return Malformed(
        fmt::format("RMS norm epsilon of projections: expected a number between 0 and 1, found {}", config.linear_norm_epsilon));
  }
  if (!(config.rope_theta > 0 && std::isfinite(config.rope_theta))) {
    return Malformed(fmt::format("rope base: expected a positive number, found {}", config.rope_theta));
  }
  if (!(config.rope_scaling.factor > 0 && std::isfinite(config.rope_scaling.factor))) {
    return Malformed(fmt::format("rope scaling factor: expected a positive number, found {}", config.rope_scaling.factor));
  }
  return CheckSlidingLayers(config);
}

std::vector<double> SlidingRopeFrequencies(const ModelConfig& config) {
  ModelConfig sliding = config;
  sliding.rope_theta = config.sliding_rope_theta;
  sliding.rope_scaling = {};
  return RopeFrequencies(sliding, {});
}

std::vector<double> RopeFrequencies(const ModelConfig& config, const std::vector<float>& factors) {
  const RopeScaling& scaling = config.rope_scaling;
  constexpr double kTwoPi = 6.283185307179586476925;
  std::vector<double> frequencies;
  for (int64_t i = 0; i < config.head_dim / 2; ++i) {
    double frequency = std::pow(config.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim));
    switch (scaling.kind) {
      case RopeScaling::Kind::kNone:
        break;
      case RopeScaling::Kind::kLinear:
        frequency /= scaling.factor;
        break;
      case RopeScaling::Kind::kLlama3: {
        const double wavelength = kTwoPi / frequency;
        if (wavelength > scaling.original_context / scaling.low_frequency_factor) {
          frequency /= scaling.factor;
        } else if (wavelength >= scaling.original_context / scaling.high_frequency_factor) {
          const double smooth = (scaling.original_context / wavelength - scaling.low_frequency_factor) /
                                (scaling.high_frequency_factor - scaling.low_frequency_factor);
          frequency = (1 - smooth) * frequency / scaling.factor + smooth * frequency;
        }
        break;
      }
    }
    if (!factors.empty()) frequency /= static_cast<double>(factors[static_cast<size_t>(i)]);
    frequencies.push_back(frequency);
  }
  return frequencies;
}

}  // namespace sterna
