// How the two checkpoint formats call the parts of a decoder.
#ifndef STERNA_MODEL_TENSOR_NAMES_H_
#define STERNA_MODEL_TENSOR_NAMES_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sterna {

/// The seven matrices of a layer, [out, in].
enum class Projection : uint8_t { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };

/// The norms of a layer; the last four exist in some families only.
enum class LayerNorm : uint8_t { kAttention, kFeedForward, kAttentionSub, kFeedForwardSub, kQueryHead, kKeyHead };

/// The naming scheme of GGUF (`blk.0.attn_q`) or of Hugging Face (`model.layers.0.self_attn.q_proj`).
class TensorNames {
 public:
  explicit TensorNames(bool is_gguf) : is_gguf_(is_gguf) {}

  bool is_gguf() const { return is_gguf_; }
  std::string Embedding() const { return is_gguf_ ? "token_embd.weight" : "model.embed_tokens.weight"; }
  std::string FinalNorm() const { return is_gguf_ ? "output_norm.weight" : "model.norm.weight"; }
  std::string Head() const { return is_gguf_ ? "output.weight" : "lm_head.weight"; }
  /// Frequency factors of the rotary embedding; GGUF only.
  std::string RopeFactors() const { return "rope_freqs.weight"; }
  /// Without a suffix: ".weight", ".weight_scale", ".scale", ".rms_norm.weight" follow.
  std::string Base(int64_t layer, Projection projection) const;
  /// All spellings of a norm's weight, the usual one first: Hugging Face checkpoints have two for the sub-norms.
  std::vector<std::string> Norm(int64_t layer, LayerNorm norm) const;

 private:
  bool is_gguf_;
};

}  // namespace sterna

#endif  // STERNA_MODEL_TENSOR_NAMES_H_
