// How the two checkpoint formats call the parts of a decoder.
#ifndef STERNA_MODEL_TENSOR_NAMES_H_
#define STERNA_MODEL_TENSOR_NAMES_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sterna {

/// The seven matrices of a layer, [out, in].
enum class Projection : uint8_t { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };

/// The norms of a layer; all but the first two exist in some families only.
enum class LayerNorm : uint8_t {
  kAttention,
  kFeedForward,
  kAttentionSub,
  kFeedForwardSub,
  kQueryHead,
  kKeyHead,
  kAttentionPost,
  kFeedForwardPost,
};

/// What a checkpoint's names depend on.
struct NamingScheme {
  bool is_gguf = false;
  bool has_post_norms = false;  ///< Hugging Face: `post_attention_layernorm` is the norm behind attention, not before feed-forward
  std::string prefix = "model.";  ///< Hugging Face; empty in checkpoints of a bare body (sentence-transformers)
};

/// The naming scheme of GGUF (`blk.0.attn_q`) or of Hugging Face (`model.layers.0.self_attn.q_proj`).
class TensorNames {
 public:
  explicit TensorNames(NamingScheme scheme) : scheme_(std::move(scheme)) {}

  bool is_gguf() const { return scheme_.is_gguf; }
  std::string Embedding() const { return is_gguf() ? "token_embd.weight" : scheme_.prefix + "embed_tokens.weight"; }
  std::string FinalNorm() const { return is_gguf() ? "output_norm.weight" : scheme_.prefix + "norm.weight"; }
  std::string Head() const { return is_gguf() ? "output.weight" : "lm_head.weight"; }
  /// Frequency factors of the rotary embedding; GGUF only.
  std::string RopeFactors() const { return "rope_freqs.weight"; }
  /// Without a suffix: ".weight", ".bias", ".weight_scale", ".scale" follow.
  std::string Base(int64_t layer, Projection projection) const;
  /// All spellings of the norm before one projection.
  std::vector<std::string> LinearNorm(int64_t layer, Projection projection) const;
  /// All spellings of a norm's weight, the usual one first: Hugging Face checkpoints have two for the sub-norms.
  std::vector<std::string> Norm(int64_t layer, LayerNorm norm) const;

 private:
  NamingScheme scheme_;
};

}  // namespace sterna

#endif  // STERNA_MODEL_TENSOR_NAMES_H_
