// config.json for a model configuration, as `transformers` reads it.
#ifndef STERNA_CONVERT_HUGGING_FACE_CONFIG_H_
#define STERNA_CONVERT_HUGGING_FACE_CONFIG_H_

#include <string>

#include "base/status.h"
#include "formats/weight_source.h"
#include "model/config.h"

namespace sterna {

struct HuggingFaceForm {
  bool is_ternary = false;          ///< projections are codes beside a multiplying weight_scale: AutoBitLinear, offline
  bool has_head = false;            ///< a matrix of its own; else the head is tied to the embedding
  bool has_linear_norms = false;    ///< an RMS norm before every projection
  bool has_attention_bias = false;  ///< q, k, v and output
  bool has_feed_forward_bias = false;
  std::string torch_dtype;  ///< of what is not ternary: "float32", "float16", "bfloat16"
};

/// Token ids at the ends of a text are taken from `source` where it names them. Unsupported for models that transformers has no
/// class for: sub-norms belong to BitNetForCausalLM, norms of query and key heads to Qwen3ForCausalLM and Gemma3ForCausalLM, biases
/// of query, key and value alone to Qwen2ForCausalLM, nothing of that to LlamaForCausalLM.
Result<std::string> MakeHuggingFaceConfig(const ModelConfig& config, const WeightSource& source, const HuggingFaceForm& form);

/// `text` as a JSON string; bytes that are no UTF-8 become U+FFFD.
std::string JsonText(std::string_view text);

}  // namespace sterna

#endif  // STERNA_CONVERT_HUGGING_FACE_CONFIG_H_
