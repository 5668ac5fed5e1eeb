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
constexpr std::array<std::string_view, 6> kGgufNorms = {"attn_norm",    "ffn_norm",    "attn_sub_norm",
                                                        "ffn_sub_norm", "attn_q_norm", "attn_k_norm"};
constexpr std::array<std::string_view, 6> kHuggingFaceNorms = {"input_layernorm",         "post_attention_layernorm",
                                                               "self_attn.attn_sub_norm", "mlp.ffn_sub_norm",
                                                               "self_attn.q_norm",        "self_attn.k_norm"};

}  // namespace

std::string TensorNames::Base(int64_t layer, Projection projection) const {
  const auto index = static_cast<size_t>(projection);
  return is_gguf_ ? fmt::format("blk.{}.{}", layer, kGgufProjections[index])
                  : fmt::format("model.layers.{}.{}", layer, kHuggingFaceProjections[index]);
}

std::vector<std::string> TensorNames::Norm(int64_t layer, LayerNorm norm) const {
  const auto index = static_cast<size_t>(norm);
  if (is_gguf_) return {fmt::format("blk.{}.{}.weight", layer, kGgufNorms[index])};
  std::vector<std::string> names = {fmt::format("model.layers.{}.{}.weight", layer, kHuggingFaceNorms[index])};
  // 1bitLLM's checkpoints.
  if (norm == LayerNorm::kAttentionSub) names.push_back(fmt::format("model.layers.{}.self_attn.inner_attn_ln.weight", layer));
  if (norm == LayerNorm::kFeedForwardSub) names.push_back(fmt::format("model.layers.{}.mlp.ffn_layernorm.weight", layer));
  return names;
}

}  // namespace sterna
