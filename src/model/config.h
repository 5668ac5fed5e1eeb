// The numbers and choices that define a decoder model, read from a checkpoint's metadata and checked once.
#ifndef STERNA_MODEL_CONFIG_H_
#define STERNA_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "kernels/gate/gate.h"

namespace sterna {

/// How rotation frequencies are stretched for long contexts.
struct RopeScaling {
  enum class Kind : uint8_t {
    kNone,
    kLinear,  ///< all frequencies divided by factor
    kLlama3,  ///< transformers modeling_rope_utils `_compute_llama3_parameters`
  };
  Kind kind = Kind::kNone;
  double factor = 1;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  double original_context = 8192;
};

/// What a projection without ternary codes in the file is: decided per checkpoint.
enum class FloatProjection : uint8_t {
  kDense,          ///< multiplied as it is
  kTernaryMaster,  ///< full-precision master weights, made ternary at load by the absolute mean
};

/// What `weight_scale` beside packed weights means (transformers integrations/bitnet.py).
enum class PackedScale : uint8_t {
  kMultiply,  ///< AutoBitLinear: the mean of |W|
  kDivide,    ///< BitLinear: its inverse
};

/// Which rows of the final norm make the embedding of a text.
enum class Pooling : uint8_t {
  kNone,   ///< the checkpoint names none: a model that generates
  kMean,   ///< of all tokens
  kFirst,  ///< the first token's (`cls`)
  kLast,   ///< the last token's
};

struct ModelConfig {
  std::string architecture;  ///< "bitnet", "bitnet-b1.58", "llama", "qwen3", "gemma3", … as the checkpoint names it
  std::string name;          ///< general.name or _name_or_path; may be empty

  int64_t layers = 0;
  int64_t d_model = 0;
  int64_t d_ff = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab = 0;
  int64_t context = 0;  ///< positions the model was made for
  float rms_epsilon = 0;
  double rope_theta = 0;
  RopeScaling rope_scaling;
  Activation activation = Activation::kSilu;
  double attention_scale = 0;     ///< factor of the scores before softmax; 0: 1 / sqrt(head_dim)
  float embedding_scale = 1;      ///< factor of the token embeddings
  int64_t sliding_window = 0;     ///< positions that a sliding layer's tokens see, themselves included; 0 without such layers
  std::vector<bool> is_sliding;   ///< per layer; empty without sliding layers
  double sliding_rope_theta = 0;  ///< rotation base of sliding layers, which are never stretched
  Pooling pooling = Pooling::kNone;

  bool has_sub_norms = false;   ///< RMS norms before the output and down projections
  bool has_qk_norms = false;    ///< RMS norms of each query and key head
  bool has_post_norms = false;  ///< RMS norms of what attention and feed-forward add to the residual
  bool norms_add_one = false;   ///< the file's norm weights are 1 too small (Gemma in Hugging Face checkpoints)
  bool has_linear_norms =
      false;  ///< `use_rms_norm`: every projection must have an RMS norm of its own; without it, it may have one
  float linear_norm_epsilon = 1e-6f;     ///< of norms before single projections
  bool rope_is_interleaved = false;      ///< q and k rows are permuted for interleaved pairs (GGUF of `llama`): undone at load
  bool needs_attention_bias = false;     ///< q, k and v must have a bias; without it, every projection may have one
  bool needs_feed_forward_bias = false;  ///< so must gate, up and down
  bool tied_head = false;                ///< the output head is the embedding table

  FloatProjection float_projection = FloatProjection::kDense;
  PackedScale packed_scale = PackedScale::kDivide;
};

/// Reads and checks the configuration. `format` is WeightSource::format(). Unsupported: an architecture or feature nothing here
/// runs; Malformed: a value that makes no model (zero heads, NaN epsilon, …), named with its key.
Result<ModelConfig> ReadModelConfig(std::string_view format, const Metadata& metadata);

/// The ranges every architecture must keep; called by ReadModelConfig and for `--shape` models.
Status CheckModelConfig(const ModelConfig& config);

/// 1 / theta^(2i/head_dim), i < head_dim/2, after scaling. `factors`: the GGUF tensor rope_freqs.weight (each frequency is divided
/// by its factor), or empty.
std::vector<double> RopeFrequencies(const ModelConfig& config, const std::vector<float>& factors);
/// sliding_rope_theta^(-2i/head_dim): those of sliding layers.
std::vector<double> SlidingRopeFrequencies(const ModelConfig& config);

}  // namespace sterna

#endif  // STERNA_MODEL_CONFIG_H_
