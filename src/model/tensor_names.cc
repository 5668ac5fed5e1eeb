#include "model/tensor_names.h"

#include <fmt/format.h>

namespace sterna {
namespace {

// In the order of Projection.
constexpr std::array<std::string_view, 7> kGgufProjections = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                              "ffn_gate", "ffn_up", "ffn_down"};
constexpr std::array<std::string_view, 7> kHuggingFaceProjections = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                                                     "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                                                     "mlp.down_proj"};
// In the order of LayerNorm.
constexpr std::array<std::string_view, 8> kGgufNorms = {"attn_norm",   "ffn_norm",    "attn_sub_norm",       "ffn_sub_norm",
                                                        "attn_q_norm", "attn_k_norm", "post_attention_norm", "post_ffw_norm"};
constexpr std::array<std::string_view, 8> kHuggingFaceNorms = {
    "input_layernorm",  "post_attention_layernorm", "self_attn.attn_sub_norm",  "mlp.ffn_sub_norm",
    "self_attn.q_norm", "self_attn.k_norm",         "post_attention_layernorm", "post_feedforward_layernorm"};

}  // namespace

std::string TensorNames::Base(int64_t layer, Projection projection) const {
  const auto index = static_cast<size_t>(projection);
  return is_gguf() ? fmt::format("blk.{}.{}", layer, kGgufProjections[index])
                   : fmt::format("{}layers.{}.{}", scheme_.prefix, layer, kHuggingFaceProjections[index]);
}

std::vector<std::string> TensorNames::LinearNorm(int64_t layer, Projection projection) const {
  const std::string base = Base(layer, projection);
  if (is_gguf()) return {base + "_norm_in.weight"};
  return {base + ".rms_norm.weight", base + ".norm.weight"};
}

std::vector<std::string> TensorNames::Norm(int64_t layer, LayerNorm norm) const {
  const auto index = static_cast<size_t>(norm);
  if (is_gguf()) return {fmt::format("blk.{}.{}.weight", layer, kGgufNorms[index])};
  const auto name = [&](std::string_view part) { return fmt::format("{}layers.{}.{}.weight", scheme_.prefix, layer, part); };
  if (norm == LayerNorm::kFeedForward && scheme_.has_post_norms) return {name("pre_feedforward_layernorm")};
  std::vector<std::string> names = {name(kHuggingFaceNorms[index])};
  // 1bitLLM's checkpoints.
  if (norm == LayerNorm::kAttentionSub) names.push_back(name("self_attn.inner_attn_ln"));
  if (norm == LayerNorm::kFeedForwardSub) names.push_back(name("mlp.ffn_layernorm"));
  return names;
}

}  // namespace sterna
