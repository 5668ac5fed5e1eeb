#include "model/named_shapes.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>

namespace sterna {
namespace {

// Sizes as the models' makers publish them; the published counts of parameters check them to 2 %. Not so Falcon-E: its widths are
// worked out from the sizes of its files, and so is its count, which therefore proves nothing.
using enum ShapeFamily;
// clang-format off
constexpr auto kShapes = std::to_array<NamedShape>({
    // name, model, family, layers, d_model, d_ff, heads, kv_heads, head_dim, vocab, context, rope base, tied, published millions
    {"tiny", "a model for trying things out", kBitnetReluSquared, 4, 256, 768, 4, 2, 64, 512, 512, 500000, true, 0},
    {"2b4t", "microsoft/bitnet-b1.58-2B-4T", kBitnetReluSquared, 30, 2560, 6912, 20, 5, 128, 128256, 4096, 500000, true, 2412.8},
    {"large", "1bitLLM/bitnet_b1_58-large", kBitnetSilu, 24, 1536, 4096, 16, 16, 96, 32002, 2048, 10000, true, 729},
    {"3b", "1bitLLM/bitnet_b1_58-3B", kBitnetSilu, 26, 3200, 8640, 32, 32, 100, 32002, 2048, 10000, true, 3320},
    {"8b", "HF1BitLLM/Llama3-8B-1.58-100B-tokens", kLlama, 32, 4096, 14336, 32, 8, 128, 128256, 8192, 500000, false, 8030},
    {"falcon3-1b", "tiiuae/Falcon3-1B-Instruct-1.58bit", kLlama, 18, 2048, 8192, 8, 4, 256, 131072, 8192, 1000042, false, 1669},
    {"falcon3-3b", "tiiuae/Falcon3-3B-Instruct-1.58bit", kLlama, 22, 3072, 9216, 12, 4, 256, 131072, 32768, 1000042, false, 3228},
    {"falcon3-7b", "tiiuae/Falcon3-7B-Instruct-1.58bit", kLlama, 28, 3072, 23040, 12, 4, 256, 131080, 32768, 1000042, false, 7456},
    {"falcon3-10b", "tiiuae/Falcon3-10B-Instruct-1.58bit", kLlama, 40, 3072, 23040, 12, 4, 256, 131072, 32768, 1000042, false, 10306},
    {"falcon-e-1b", "tiiuae/Falcon-E-1B-Instruct", kLlama, 24, 2048, 9216, 16, 2, 128, 32768, 32768, 1000042, false, 1720},
    {"falcon-e-3b", "tiiuae/Falcon-E-3B-Instruct", kLlama, 32, 2048, 13312, 16, 2, 128, 32768, 32768, 1000042, false, 3050},
    {"trilm-99m", "SpectraSuite/TriLM_99M_Unpacked", kLlama, 16, 512, 1280, 8, 8, 64, 50304, 2048, 10000, false, 99.7},
    {"trilm-190m", "SpectraSuite/TriLM_190M_Unpacked", kLlama, 16, 768, 2048, 12, 12, 64, 50304, 2048, 10000, false, 190},
    {"trilm-390m", "SpectraSuite/TriLM_390M_Unpacked", kLlama, 24, 1024, 2560, 16, 16, 64, 50304, 2048, 10000, false, 392},
    {"trilm-560m", "SpectraSuite/TriLM_560M_Unpacked", kLlama, 24, 1280, 3072, 20, 20, 64, 50304, 2048, 10000, false, 569},
    {"trilm-830m", "SpectraSuite/TriLM_830M_Unpacked", kLlama, 24, 1536, 4096, 24, 24, 64, 50304, 2048, 10000, false, 834},
    {"trilm-1.1b", "SpectraSuite/TriLM_1.1B_Unpacked", kLlama, 24, 1792, 5120, 28, 28, 64, 50432, 2048, 10000, false, 1149},
    {"trilm-1.5b", "SpectraSuite/TriLM_1.5B_Unpacked", kLlama, 24, 2048, 6144, 32, 32, 64, 50432, 2048, 10000, false, 1515},
    {"trilm-2.4b", "SpectraSuite/TriLM_2.4B_Unpacked", kLlama, 30, 2304, 7680, 36, 36, 64, 50304, 2048, 10000, false, 2461},
    {"trilm-3.9b", "SpectraSuite/TriLM_3.9B_Unpacked", kLlama, 30, 3072, 9216, 24, 24, 128, 50688, 2048, 10000, false, 3992},
    {"embedding-0.6b", "microsoft/BitNet-embedding-0.6B", kQwen3Embedding, 28, 1024, 3072, 16, 8, 128, 151936, 32768, 1000000, true, 596},
    {"embedding-270m", "microsoft/BitNet-embedding-270M", kGemma3Embedding, 18, 640, 2048, 4, 1, 256, 262144, 32768, 1000000, true, 268.1},
    {"bonsai-1.7b", "prism-ml/Ternary-Bonsai-1.7B", kQwen3, 28, 2048, 6144, 16, 8, 128, 151936, 32768, 1000000, true, 1720},
    {"bonsai-4b", "prism-ml/Ternary-Bonsai-4B", kQwen3, 36, 2560, 9728, 32, 8, 128, 151936, 32768, 1000000, true, 4022},
    {"bonsai-8b", "prism-ml/Ternary-Bonsai-8B", kQwen3, 36, 4096, 12288, 32, 8, 128, 151936, 65536, 1000000, false, 8190},
    {"smollm2-135m", "HuggingFaceTB/SmolLM2-135M", kLlama, 30, 576, 1536, 9, 3, 64, 49152, 8192, 100000, true, 134.5},
    {"smollm2-360m", "HuggingFaceTB/SmolLM2-360M", kLlama, 32, 960, 2560, 15, 5, 64, 49152, 8192, 100000, true, 361.8},
    {"smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B", kLlama, 24, 2048, 8192, 32, 32, 64, 49152, 8192, 130000, true, 1711},
    {"llama-1b", "meta-llama/Llama-3.2-1B", kLlama, 16, 2048, 8192, 32, 8, 64, 128256, 131072, 500000, true, 1235.8},
    {"llama-3b", "meta-llama/Llama-3.2-3B", kLlama, 28, 3072, 8192, 24, 8, 128, 128256, 131072, 500000, true, 3212.7},
    {"llama-7b", "meta-llama/Llama-2-7b-hf", kLlama, 32, 4096, 11008, 32, 32, 128, 32000, 4096, 10000, false, 6738.4},
    {"llama-8b", "meta-llama/Llama-3.1-8B", kLlama, 32, 4096, 14336, 32, 8, 128, 128256, 131072, 500000, false, 8030.3},
    {"llama-13b", "meta-llama/Llama-2-13b-hf", kLlama, 40, 5120, 13824, 40, 40, 128, 32000, 4096, 10000, false, 13015.9},
    {"llama-70b", "meta-llama/Llama-3.1-70B", kLlama, 80, 8192, 28672, 64, 8, 128, 128256, 131072, 500000, false, 70553.7},
    {"qwen2-0.5b", "Qwen/Qwen2-0.5B", kQwen2, 24, 896, 4864, 14, 2, 64, 151936, 131072, 1000000, true, 494},
    {"qwen2-1.5b", "Qwen/Qwen2-1.5B", kQwen2, 28, 1536, 8960, 12, 2, 128, 151936, 131072, 1000000, true, 1543.7},
    {"qwen2.5-3b", "Qwen/Qwen2.5-3B", kQwen2, 36, 2048, 11008, 16, 2, 128, 151936, 32768, 1000000, true, 3085.9},
    {"qwen2-7b", "Qwen/Qwen2-7B", kQwen2, 28, 3584, 18944, 28, 4, 128, 152064, 131072, 1000000, false, 7615.6},
    {"qwen2.5-14b", "Qwen/Qwen2.5-14B", kQwen2, 48, 5120, 13824, 40, 8, 128, 152064, 131072, 1000000, false, 14770},
    {"qwen2.5-32b", "Qwen/Qwen2.5-32B", kQwen2, 64, 5120, 27648, 40, 8, 128, 152064, 131072, 1000000, false, 32763.9},
    {"qwen2-72b", "Qwen/Qwen2-72B", kQwen2, 80, 8192, 29568, 64, 8, 128, 152064, 131072, 1000000, false, 72706.2},
    {"qwen3-0.6b", "Qwen/Qwen3-0.6B", kQwen3, 28, 1024, 3072, 16, 8, 128, 151936, 40960, 1000000, true, 596},
    {"qwen3-1.7b", "Qwen/Qwen3-1.7B", kQwen3, 28, 2048, 6144, 16, 8, 128, 151936, 40960, 1000000, true, 1720.6},
    {"qwen3-4b", "Qwen/Qwen3-4B", kQwen3, 36, 2560, 9728, 32, 8, 128, 151936, 40960, 1000000, true, 4022.5},
    {"qwen3-8b", "Qwen/Qwen3-8B", kQwen3, 36, 4096, 12288, 32, 8, 128, 151936, 40960, 1000000, false, 8190.7},
    {"qwen3-14b", "Qwen/Qwen3-14B", kQwen3, 40, 5120, 17408, 40, 8, 128, 151936, 40960, 1000000, false, 14768.3},
    {"qwen3-32b", "Qwen/Qwen3-32B", kQwen3, 64, 5120, 25600, 64, 8, 128, 151936, 40960, 1000000, false, 32762.1},
    {"gemma3-270m", "google/gemma-3-270m", kGemma3, 18, 640, 2048, 4, 1, 256, 262144, 32768, 1000000, true, 268.1},
    {"gemma3-1b", "google/gemma-3-1b-pt", kGemma3, 26, 1152, 6912, 4, 1, 256, 262144, 32768, 1000000, true, 999.9},
});
// clang-format on

constexpr int64_t kGemmaSlidingWindow = 512;
constexpr int64_t kGemmaSlidingPattern = 6;
constexpr double kGemmaSlidingRopeTheta = 10000;

void ApplyFamily(ShapeFamily family, ModelConfig* config) {
  switch (family) {
    case kBitnetReluSquared:
      config->architecture = "bitnet-b1.58";
      config->activation = Activation::kReluSquared;
      config->has_sub_norms = true;
      return;
    case kBitnetSilu:
      config->architecture = "bitnet";
      config->has_sub_norms = true;
      return;
    case kLlama:
      config->architecture = "llama";
      return;
    case kQwen2:
      config->architecture = "qwen2";
      config->needs_attention_bias = true;
      return;
    case kQwen3Embedding:
      config->has_linear_norms = true;
      config->pooling = Pooling::kLast;
      [[fallthrough]];
    case kQwen3:
      config->architecture = "qwen3";
      config->has_qk_norms = true;
      return;
    case kGemma3Embedding:
      config->has_linear_norms = true;
      config->pooling = Pooling::kLast;
      [[fallthrough]];
    case kGemma3:
      config->architecture = "gemma3";
      config->activation = Activation::kGeluTanh;
      config->has_qk_norms = true;
      config->has_post_norms = true;
      config->embedding_scale = std::sqrt(static_cast<float>(config->d_model));
      config->sliding_window = kGemmaSlidingWindow;
      config->sliding_rope_theta = kGemmaSlidingRopeTheta;
      for (int64_t layer = 0; layer < config->layers; ++layer) {
        config->is_sliding.push_back((layer + 1) % kGemmaSlidingPattern != 0);
      }
      return;
  }
}

}  // namespace

std::span<const NamedShape> NamedShapes() {
  return kShapes;
}

Result<ModelConfig> ShapeConfig(std::string_view name) {
  for (const NamedShape& shape : kShapes) {
    if (shape.name != name) continue;
    ModelConfig config;
    config.name = fmt::format("random weights in the shape {}", name);
    config.layers = shape.layers;
    config.d_model = shape.d_model;
    config.d_ff = shape.d_ff;
    config.heads = shape.heads;
    config.kv_heads = shape.kv_heads;
    config.head_dim = shape.head_dim;
    config.vocab = shape.vocab;
    config.context = shape.context;
    config.rms_epsilon = 1e-5f;
    config.rope_theta = shape.rope_theta;
    config.tied_head = shape.tied_head;
    ApplyFamily(shape.family, &config);
    return config;
  }
  return InvalidArgument(fmt::format("unknown shape '{}'; `sterna bench --list-shapes` lists them", name));
}

Result<DType> ShapeHeadType(const ModelConfig& config, std::string_view name) {
  if (name.empty()) return config.d_model % Info(DType::kQ6_K).block_elements == 0 ? DType::kQ6_K : DType::kQ8_0;
  const auto dtype = DTypeFromName(name);
  if (!dtype) return InvalidArgument(fmt::format("unknown type '{}' for the output head", name));
  return *dtype;
}

int64_t ParameterCount(const ModelConfig& config) {
  const int64_t q_width = config.heads * config.head_dim, kv_width = config.kv_heads * config.head_dim;
  int64_t layer = config.d_model * (q_width + 2 * kv_width) + q_width * config.d_model + 3 * config.d_model * config.d_ff;
  layer += 2 * config.d_model;
  if (config.has_sub_norms) layer += q_width + config.d_ff;
  if (config.has_qk_norms) layer += 2 * config.head_dim;
  if (config.has_post_norms) layer += 2 * config.d_model;
  if (config.has_linear_norms) layer += 5 * config.d_model + q_width + config.d_ff;
  if (config.needs_attention_bias) layer += q_width + 2 * kv_width;
  if (config.needs_feed_forward_bias) layer += 2 * config.d_ff + config.d_model;
  return config.layers * layer + config.vocab * config.d_model * (config.tied_head ? 1 : 2) + config.d_model;
}

}  // namespace sterna
