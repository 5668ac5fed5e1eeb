#include "backend/plan.h"

#include <fmt/format.h>

#include <array>

namespace sterna {
namespace {

constexpr std::array<std::string_view, 11> kOpNames = {
    "embed", "norm", "quantize", "ternary linear", "dense linear", "rope append", "attention", "gate", "add", "add bias", "gather"};
static_assert(kOpNames.size() == std::variant_size_v<Op>);

/// Collects the first rule an operation breaks.
class Checker {
 public:
  Checker(const Plan& plan, size_t index) : plan_(plan), index_(index) {}

  const Status& status() const { return status_; }

  void View(const SlotView& view, Slot::Kind kind) {
    if (view.slot < 0 || static_cast<size_t>(view.slot) >= plan_.slots.size()) return Fail("a view names no slot");
    const Slot& slot = plan_.slots[static_cast<size_t>(view.slot)];
    if (view.offset < 0 || view.width < 1 || view.width > slot.width || view.offset > slot.width - view.width) {
      return Fail(fmt::format("columns {}..{} lie outside a slot of width {}", view.offset, view.offset + view.width, slot.width));
    }
    if (slot.kind != kind) return Fail("a slot has the wrong kind");
    if (kind == Slot::Kind::kQuantized && view.width != slot.width) return Fail("a quantized slot is used in part");
  }
  void Float(const SlotView& view) { View(view, Slot::Kind::kFloat); }
  void Quantized(const SlotView& view) { View(view, Slot::Kind::kQuantized); }
  void SameWidth(const SlotView& a, const SlotView& b) {
    if (a.width != b.width) Fail(fmt::format("widths {} and {} differ", a.width, b.width));
  }
  /// Operations on each row of `in` write as many rows.
  void SameRows(const SlotView& in, const SlotView& out) {
    if (status_.ok() && RowsOf(in) != RowsOf(out)) Fail("one slot has a row per token, the other per selected token");
  }
  void AllTokens(const SlotView& view) {
    if (status_.ok() && RowsOf(view) != Slot::Rows::kTokens) Fail("a slot needs a row per token");
  }
  void Divides(int64_t part, int64_t whole) {
    if (part < 1 || whole % part != 0) Fail(fmt::format("{} does not divide {}", part, whole));
  }
  bool IsQuantized(const SlotView& view) const {
    return plan_.slots[static_cast<size_t>(view.slot)].kind == Slot::Kind::kQuantized;
  }
  Slot::Rows RowsOf(const SlotView& view) const { return plan_.slots[static_cast<size_t>(view.slot)].rows; }
  void Fail(std::string_view rule) {
    if (status_.ok()) status_ = Internal(fmt::format("plan operation {} ({}): {}", index_, OpName(plan_.ops[index_]), rule));
  }

  void operator()(const EmbedOp& op) {
    Float(op.out);
    AllTokens(op.out);
  }
  void operator()(const NormOp& op) {
    Float(op.in);
    SameWidth(op.in, op.out);
    Divides(op.group, op.in.width);
    if (!status_.ok()) return;
    if (!IsQuantized(op.out)) {
      Float(op.out);
      return SameRows(op.in, op.out);
    }
    Quantized(op.out);
    SameRows(op.in, op.out);
    if (op.group != op.in.width) Fail("a quantized norm has groups");
  }
  void operator()(const QuantizeOp& op) {
    Float(op.in);
    Quantized(op.out);
    SameWidth(op.in, op.out);
    SameRows(op.in, op.out);
  }
  void operator()(const TernaryLinearOp& op) {
    Quantized(op.in);
    Float(op.out);
    SameRows(op.in, op.out);
  }
  void operator()(const DenseLinearOp& op) {
    Float(op.in);
    Float(op.out);
    SameRows(op.in, op.out);
    if (op.in.offset % 16 != 0) Fail("a dense product reads from an unaligned column");
    if (op.screen == kNoWeight || !status_.ok()) return;
    const Slot& slot = plan_.slots[static_cast<size_t>(op.out.slot)];
    if (index_ + 1 != plan_.ops.size() || op.out.slot != plan_.output || op.out.width != slot.width) {
      Fail("only the product that gives the output can be screened");
    }
  }
  void operator()(const RopeAppendOp& op) {
    Float(op.q);
    Float(op.k);
    Float(op.v);
    SameWidth(op.k, op.v);
    for (const SlotView& view : {op.q, op.k, op.v}) AllTokens(view);
    Divides(op.head_dim, op.q.width);
    if (op.head_dim != plan_.kv.head_dim || op.k.width != plan_.kv.kv_heads * plan_.kv.head_dim || op.layer < 0 ||
        op.layer >= plan_.kv.layers) {
      Fail("the key-value cache has another shape");
    }
  }
  void operator()(const AttentionOp& op) {
    Float(op.q);
    Float(op.out);
    SameWidth(op.q, op.out);
    AllTokens(op.q);
    AllTokens(op.out);
    Divides(op.head_dim * op.kv_heads, op.q.width);
    if (op.kv_heads != plan_.kv.kv_heads || op.head_dim != plan_.kv.head_dim || op.layer < 0 || op.layer >= plan_.kv.layers) {
      Fail("the key-value cache has another shape");
    }
    if (op.window < 0) Fail("a window is negative");
  }
  void operator()(const GateOp& op) {
    Float(op.gate);
    Float(op.up);
    Float(op.out);
    SameWidth(op.gate, op.up);
    SameWidth(op.gate, op.out);
    SameRows(op.gate, op.up);
    SameRows(op.gate, op.out);
  }
  void operator()(const AddOp& op) {
    Float(op.in);
    Float(op.out);
    SameWidth(op.in, op.out);
    SameRows(op.in, op.out);
  }
  void operator()(const AddBiasOp& op) { Float(op.out); }
  void operator()(const GatherOp& op) {
    Float(op.in);
    Float(op.out);
    SameWidth(op.in, op.out);
    AllTokens(op.in);
    if (status_.ok() && RowsOf(op.out) != Slot::Rows::kSelected) Fail("the output is not selected rows");
  }

 private:
  const Plan& plan_;
  size_t index_;
  Status status_;
};

}  // namespace

std::string_view OpName(const Op& op) {
  return kOpNames[op.index()];
}

SlotView Plan::AddSlot(Slot::Kind kind, int64_t width, Slot::Rows rows) {
  slots.push_back({kind, rows, width});
  return {static_cast<SlotId>(slots.size() - 1), 0, width};
}

Status CheckPlan(const Plan& plan) {
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    Checker checker(plan, i);
    std::visit(checker, plan.ops[i]);
    STERNA_RETURN_IF_ERROR(checker.status());
  }
  const bool has_slot = plan.output >= 0 && static_cast<size_t>(plan.output) < plan.slots.size();
  const Slot output = has_slot ? plan.slots[static_cast<size_t>(plan.output)] : Slot();
  if (output.rows != Slot::Rows::kSelected || output.kind != Slot::Kind::kFloat) {
    return Internal("the plan names no output slot");
  }
  return Status::Ok();
}

}  // namespace sterna
