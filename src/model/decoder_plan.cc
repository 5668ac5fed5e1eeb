#include "model/decoder_plan.h"

#include <algorithm>
#include <cmath>

namespace sterna {
namespace {

class DecoderPlanner {
 public:
  DecoderPlanner(const ModelConfig& config, const BoundModel& model) : config_(config), model_(model) {
    plan_.kv = {.layers = config.layers, .kv_heads = config.kv_heads, .head_dim = config.head_dim};
    const int64_t q_width = config.heads * config.head_dim;
    const int64_t kv_width = config.kv_heads * config.head_dim;
    residual_ = Float(config.d_model);
    normed_ = Float(std::max({config.d_model, config.d_ff, q_width}));
    quantized_model_ = Quantized(config.d_model);
    quantized_attention_ = Quantized(q_width);
    quantized_hidden_ = Quantized(config.d_ff);
    query_key_value_ = Float(q_width + 2 * kv_width);
    attention_ = Float(q_width);
    gate_up_ = Float(2 * config.d_ff);
    hidden_ = Float(config.d_ff);
    update_ = Float(config.d_model);
  }

  Plan Build() {
    Add(EmbedOp{.table = model_.embedding, .out = residual_, .scale = config_.embedding_scale});
    for (int64_t layer = 0; layer < config_.layers; ++layer) {
      Attention(static_cast<int32_t>(layer), model_.layers[static_cast<size_t>(layer)]);
      FeedForward(model_.layers[static_cast<size_t>(layer)]);
    }
    const SlotView last = plan_.AddSlot(Slot::Kind::kFloat, config_.d_model, Slot::Rows::kSelected);
    const SlotView last_normed = plan_.AddSlot(Slot::Kind::kFloat, config_.d_model, Slot::Rows::kSelected);
    Add(GatherOp{.in = residual_, .out = last});
    Add(NormOp{
        .in = last, .weight = model_.final_norm, .group = config_.d_model, .epsilon = config_.rms_epsilon, .out = last_normed});
    plan_.output = last_normed.slot;
    if (model_.head != kNoWeight) {
      const SlotView logits = plan_.AddSlot(Slot::Kind::kFloat, config_.vocab, Slot::Rows::kSelected);
      Add(DenseLinearOp{.weight = model_.head, .in = last_normed, .out = logits, .screen = model_.head_screen});
      plan_.output = logits.slot;
    }
    return std::move(plan_);
  }

 private:
  SlotView Float(int64_t width) { return plan_.AddSlot(Slot::Kind::kFloat, width); }
  SlotView Quantized(int64_t width) { return plan_.AddSlot(Slot::Kind::kQuantized, width); }
  static SlotView Part(const SlotView& view, int64_t offset, int64_t width) { return {view.slot, view.offset + offset, width}; }
  void Add(Op op) { plan_.ops.push_back(op); }

  /// Where a projection's own norm goes that no int8 form follows.
  SlotView OwnNormed(int64_t width) {
    if (own_normed_.slot < 0) own_normed_ = Float(normed_.width);
    return Part(own_normed_, 0, width);
  }

  void Dense(const BoundLinear& linear, const SlotView& in, const SlotView& out) {
    SlotView input = in;
    if (linear.norm != kNoWeight) {
      input = OwnNormed(in.width);
      Add(NormOp{.in = in, .weight = linear.norm, .group = in.width, .epsilon = config_.linear_norm_epsilon, .out = input});
    }
    Add(DenseLinearOp{.weight = linear.weight, .in = input, .out = out});
  }

  /// x += [post-norm of] the update.
  void AddUpdate(WeightId post_norm) {
    if (post_norm != kNoWeight) {
      Add(NormOp{.in = update_, .weight = post_norm, .group = config_.d_model, .epsilon = config_.rms_epsilon, .out = update_});
    }
    Add(AddOp{.in = update_, .out = residual_});
  }

  bool IsSliding(int32_t layer) const { return !config_.is_sliding.empty() && config_.is_sliding[static_cast<size_t>(layer)]; }

  /// Several products of one input, one behind the other in `out`. `norm` (or kNoWeight) is applied to the input first; `quantized`
  /// is the slot for its int8 form.
  void Project(const std::vector<BoundLinear>& linears, const SlotView& in, WeightId norm, const SlotView& quantized,
               const SlotView& out) {
    const bool share_quantized =
        std::ranges::all_of(linears, [](const BoundLinear& l) { return l.is_ternary && l.norm == kNoWeight; });
    SlotView input = in;
    bool is_quantized = false;
    if (share_quantized && norm != kNoWeight) {
      Add(NormOp{.in = in, .weight = norm, .group = in.width, .epsilon = config_.rms_epsilon, .out = quantized});
      is_quantized = true;
    } else if (norm != kNoWeight) {
      input = Part(normed_, 0, in.width);
      Add(NormOp{.in = in, .weight = norm, .group = in.width, .epsilon = config_.rms_epsilon, .out = input});
    }
    int64_t offset = 0;
    for (const BoundLinear& linear : linears) {
      const SlotView target = Part(out, offset, linear.rows);
      offset += linear.rows;
      if (!linear.is_ternary) {
        Dense(linear, input, target);
        AddBias(linear, target);
        continue;
      }
      if (linear.norm != kNoWeight) {
        Add(NormOp{
            .in = input, .weight = linear.norm, .group = in.width, .epsilon = config_.linear_norm_epsilon, .out = quantized});
        is_quantized = false;  // the next projection has another norm
      } else if (!is_quantized) {
        Add(QuantizeOp{.in = input, .out = quantized});
        is_quantized = true;
      }
      Add(TernaryLinearOp{.weight = linear.weight, .in = quantized, .out = target});
      AddBias(linear, target);
    }
  }

  void AddBias(const BoundLinear& linear, const SlotView& out) {
    if (linear.bias != kNoWeight) Add(AddBiasOp{.bias = linear.bias, .out = out});
  }

  void Attention(int32_t index, const BoundLayer& layer) {
    const int64_t head_dim = config_.head_dim;
    const int64_t q_width = config_.heads * head_dim, kv_width = config_.kv_heads * head_dim;
    const SlotView q = Part(query_key_value_, 0, q_width);
    const SlotView k = Part(query_key_value_, q_width, kv_width);
    const SlotView v = Part(query_key_value_, q_width + kv_width, kv_width);
    Project(layer.query_key_value, residual_, layer.attention_norm, quantized_model_, query_key_value_);
    if (config_.has_qk_norms) {
      Add(NormOp{.in = q, .weight = layer.query_head_norm, .group = head_dim, .epsilon = config_.rms_epsilon, .out = q});
      Add(NormOp{.in = k, .weight = layer.key_head_norm, .group = head_dim, .epsilon = config_.rms_epsilon, .out = k});
    }
    const bool is_sliding = IsSliding(index);
    const WeightId rope_table = is_sliding ? model_.sliding_rope_table : model_.rope_table;
    Add(RopeAppendOp{.layer = index, .rope_table = rope_table, .head_dim = head_dim, .q = q, .k = k, .v = v});
    const double default_scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
    Add(AttentionOp{.layer = index,
                    .head_dim = head_dim,
                    .kv_heads = config_.kv_heads,
                    .score_scale = static_cast<float>(config_.attention_scale > 0 ? config_.attention_scale : default_scale),
                    .q = q,
                    .out = attention_,
                    .window = is_sliding ? config_.sliding_window : 0});
    Project({layer.output}, attention_, layer.attention_sub_norm, quantized_attention_, update_);
    AddUpdate(layer.attention_post_norm);
  }

  void FeedForward(const BoundLayer& layer) {
    Project(layer.gate_up, residual_, layer.feed_forward_norm, quantized_model_, gate_up_);
    Add(GateOp{.activation = config_.activation,
               .gate = Part(gate_up_, 0, config_.d_ff),
               .up = Part(gate_up_, config_.d_ff, config_.d_ff),
               .out = hidden_});
    Project({layer.down}, hidden_, layer.feed_forward_sub_norm, quantized_hidden_, update_);
    AddUpdate(layer.feed_forward_post_norm);
  }

  const ModelConfig& config_;
  const BoundModel& model_;
  Plan plan_;
  SlotView residual_, normed_, quantized_model_, quantized_attention_, quantized_hidden_;
  SlotView query_key_value_, attention_, gate_up_, hidden_, update_, own_normed_;
};

}  // namespace

Plan BuildDecoderPlan(const ModelConfig& config, const BoundModel& model) {
  return DecoderPlanner(config, model).Build();
}

}  // namespace sterna
