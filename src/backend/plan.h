// A forward pass as data: a list of about a dozen kinds of operations over activation slots and weights. Models write plans,
// backends compile them. The same plan can run on two backends and be compared operation by operation.
#ifndef STERNA_BACKEND_PLAN_H_
#define STERNA_BACKEND_PLAN_H_

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "kernels/gate/gate.h"

namespace sterna {

/// A weight that a backend holds; made by Backend::Add…. kNoWeight where an operation's weight is optional.
using WeightId = int32_t;
inline constexpr WeightId kNoWeight = -1;

/// One activation buffer, [rows, width].
struct Slot {
  enum class Kind : uint8_t {
    kFloat,      ///< f32
    kQuantized,  ///< int8 per token with one scale each (kernels/ternary/quantize.h)
  };
  enum class Rows : uint8_t {
    kTokens,    ///< one row per token of the step
    kSelected,  ///< one row per token whose logits were asked for
  };
  Kind kind = Kind::kFloat;
  Rows rows = Rows::kTokens;
  int64_t width = 0;
};
using SlotId = int32_t;

/// Columns [offset, offset + width) of a slot.
struct SlotView {
  SlotId slot = -1;
  int64_t offset = 0;
  int64_t width = 0;

  bool operator==(const SlotView&) const = default;
};

/// out[t] = scale * (row tokens[t] of the dense matrix `table`, as f32).
struct EmbedOp {
  WeightId table;
  SlotView out;
  float scale = 1.0f;
};

/// RMS normalization of each group of `group` columns (group divides width), times `weight` [group]. A quantized `out` is quantized
/// per token in the same pass; then group == width.
struct NormOp {
  SlotView in;
  WeightId weight;
  int64_t group;
  float epsilon;
  SlotView out;
};

/// Per-token int8 quantization without a norm.
struct QuantizeOp {
  SlotView in;
  SlotView out;
};

/// out = ternary weight [out.width, in.width] times quantized `in`.
struct TernaryLinearOp {
  WeightId weight;
  SlotView in;
  SlotView out;
};

/// What products with a dense weight see of their f32 input; the weight is made for it (Backend::AddDense).
enum class DenseActivations : uint8_t {
  kFloat,  ///< the f32 values
  /// int8 with one scale per 32 values (kernels/blockquant), as llama.cpp computes, where the weight is Q8_0, Q4_0, Q4_1 or Q6_K;
  /// the f32 values for every other type.
  kInt8,
};

/// out = dense or block-quantized weight [out.width, in.width] times f32 `in`, of which it sees what the weight was made for.
struct DenseLinearOp {
  WeightId weight;
  SlotView in;
  SlotView out;
  /// Backend::AddScreen of `weight`, for Program::RunTop. Only in a plan's last operation, with the whole output as `out` and f32
  /// activations.
  WeightId screen = kNoWeight;
};

/// Rotates the heads of q in place and those of k, then stores k and v of this layer in the key-value cache.
struct RopeAppendOp {
  int32_t layer;
  WeightId rope_table;  ///< Backend::AddRopeTable
  int64_t head_dim;
  SlotView q, k, v;
};

/// Causal attention of q's heads over the cached keys and values of this layer, this step's tokens included. `window` > 0: a token
/// sees itself and the window - 1 positions before it only.
struct AttentionOp {
  int32_t layer;
  int64_t head_dim;
  int64_t kv_heads;
  float score_scale;
  SlotView q;
  SlotView out;
  int64_t window = 0;
};

/// out = act(gate) * up.
struct GateOp {
  Activation activation;
  SlotView gate, up, out;
};

/// out += in.
struct AddOp {
  SlotView in, out;
};

/// out += the vector `bias` [out.width], in every row.
struct AddBiasOp {
  WeightId bias;
  SlotView out;
};

/// out = the rows of `in` whose logits were asked for; `out` is a kSelected slot.
struct GatherOp {
  SlotView in, out;
};

using Op = std::variant<EmbedOp, NormOp, QuantizeOp, TernaryLinearOp, DenseLinearOp, RopeAppendOp, AttentionOp, GateOp, AddOp,
                        AddBiasOp, GatherOp>;

/// "embed", "norm", "ternary linear", …
std::string_view OpName(const Op& op);

/// Size of the key-value cache that a plan's attention works on.
struct KvShape {
  int64_t layers = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
};

struct Plan {
  std::vector<Slot> slots;
  std::vector<Op> ops;
  SlotId output = -1;  ///< a kSelected f32 slot: what a step returns, as the logits
  KvShape kv;

  SlotView AddSlot(Slot::Kind kind, int64_t width, Slot::Rows rows = Slot::Rows::kTokens);
};

/// Internal where a view lies outside its slot, kinds, rows or widths do not match, or no output slot is named: a mistake of the
/// plan's author, never of a file.
Status CheckPlan(const Plan& plan);

}  // namespace sterna

#endif  // STERNA_BACKEND_PLAN_H_
