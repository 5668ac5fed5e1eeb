// The forward pass of every decoder family here: norms, projections, attention and gated feed-forward, as a plan.
#ifndef STERNA_MODEL_DECODER_PLAN_H_
#define STERNA_MODEL_DECODER_PLAN_H_

#include <vector>

#include "backend/plan.h"
#include "model/config.h"
#include "model/tensor_names.h"

namespace sterna {

/// One product of a layer: a projection, or several fused into one ternary matrix (q, k, v; gate, up), whose outputs lie one behind
/// the other.
struct BoundLinear {
  bool is_ternary = false;
  WeightId weight = kNoWeight;
  WeightId norm = kNoWeight;  ///< the projection's own norm
  WeightId bias = kNoWeight;
  int64_t rows = 0;
};

struct BoundLayer {
  WeightId attention_norm = kNoWeight, feed_forward_norm = kNoWeight;
  WeightId attention_sub_norm = kNoWeight, feed_forward_sub_norm = kNoWeight;
  WeightId query_head_norm = kNoWeight, key_head_norm = kNoWeight;
  WeightId attention_post_norm = kNoWeight, feed_forward_post_norm = kNoWeight;
  std::vector<BoundLinear> query_key_value;  ///< one fused, or three in this order
  BoundLinear output;
  std::vector<BoundLinear> gate_up;  ///< one fused, or two in this order
  BoundLinear down;
};

struct BoundModel {
  WeightId embedding = kNoWeight;
  WeightId rope_table = kNoWeight;
  WeightId sliding_rope_table = kNoWeight;  ///< of layers with a sliding window
  WeightId final_norm = kNoWeight;
  WeightId head = kNoWeight;         ///< kNoWeight: the plan ends with the final norm
  WeightId head_screen = kNoWeight;  ///< DenseLinearOp::screen of the head
  std::vector<BoundLayer> layers;
};

/// Per layer (transformers modeling_llama.py, modeling_bitnet.py, modeling_qwen2.py, modeling_qwen3.py, modeling_gemma3.py):
///   h = norm(x);  q, k, v = projections of h;  [head norms of q, k];  rope;  a = attention
///   x += [post-norm of] output projection of [sub-norm of] a
///   h = norm(x);  f = act(gate h) * (up h);  x += [post-norm of] down projection of [sub-norm of] f
/// where a projection may have a norm before it and a bias behind it; and logits = head of norm(x), or norm(x) itself. Ternary
/// projections see int8 activations, quantized once per input; dense ones what their weights were made for.
Plan BuildDecoderPlan(const ModelConfig& config, const BoundModel& model);

}  // namespace sterna

#endif  // STERNA_MODEL_DECODER_PLAN_H_
