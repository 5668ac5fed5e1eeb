#include "backend/cpu/cpu_activation_sizes.h"

#include <algorithm>
#include <variant>

#include "base/checked_math.h"
#include "kernels/blockquant/quantize.h"
#include "kernels/dense/linear.h"
#include "kernels/ternary/linear.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

constexpr int64_t kFloatPadding = 16;

/// The output goes to the caller, who expects rows back to back; all other rows are padded for the kernels that read them.
int64_t Stride(const Slot& slot, bool is_output) {
  if (is_output) return slot.width;
  return slot.kind == Slot::Kind::kFloat ? RoundUp(slot.width, kFloatPadding) : PaddedActivations(slot.width);
}

}  // namespace

int64_t CpuActivationSizes::TotalBytes(int threads) const {
  size_t bytes = block_input.data_bytes + 4 * block_input.number_bytes + scratch_bytes * static_cast<size_t>(threads);
  for (const CpuRowsSize& slot : slots) bytes += slot.data_bytes + 2 * slot.number_bytes;
  return static_cast<int64_t>(bytes);
}

CpuActivationSizes MeasureActivations(const Plan& plan, const ProgramLimits& limits,
                                      FunctionRef<bool(const DenseLinearOp&)> uses_blocks) {
  const auto rows_of = [&](const Slot& slot) { return slot.rows == Slot::Rows::kTokens ? limits.max_tokens : limits.max_selected; };
  CpuActivationSizes sizes;
  int64_t widest = 0;
  for (size_t id = 0; id < plan.slots.size(); ++id) {
    const Slot& slot = plan.slots[id];
    const int64_t rows = rows_of(slot);
    const bool is_float = slot.kind == Slot::Kind::kFloat;
    CpuRowsSize size;
    size.stride = Stride(slot, static_cast<SlotId>(id) == plan.output);
    size.data_bytes = static_cast<size_t>(rows * size.stride) * (is_float ? sizeof(float) : 1);
    size.number_bytes = is_float ? 0 : static_cast<size_t>(rows) * sizeof(float);
    sizes.slots.push_back(size);
    widest = std::max(widest, slot.width);
  }
  sizes.scratch_bytes = static_cast<size_t>(RoundUp(widest, kFloatPadding)) * sizeof(float);
  int64_t widest_blocks = 0, block_rows = 0;
  for (const Op& op : plan.ops) {
    if (const auto* ternary = std::get_if<TernaryLinearOp>(&op)) {
      sizes.scratch_bytes = std::max(sizes.scratch_bytes, TernaryLinearScratchBytes(ternary->in.width, limits.max_tokens));
    } else if (const auto* dense = std::get_if<DenseLinearOp>(&op)) {
      sizes.scratch_bytes = std::max(sizes.scratch_bytes, DenseLinearScratchBytes(dense->in.width, limits.max_tokens));
      if (!uses_blocks(*dense)) continue;
      widest_blocks = std::max(widest_blocks, dense->in.width);
      block_rows = std::max(block_rows, rows_of(plan.slots[static_cast<size_t>(dense->in.slot)]));
    } else if (std::holds_alternative<AttentionOp>(op)) {
      sizes.scratch_bytes = std::max(sizes.scratch_bytes, 2 * static_cast<size_t>(kMaxAttentionBlocks) * sizeof(float*));
    }
  }
  constexpr int64_t kAlignment = 64;  // what the block kernels ask of rows
  sizes.block_input.stride = RoundUp(widest_blocks, kAlignment);
  sizes.block_scale_stride = widest_blocks / kQuantBlock;
  sizes.block_input.data_bytes = static_cast<size_t>(block_rows * sizes.block_input.stride);
  sizes.block_input.number_bytes = static_cast<size_t>(block_rows * sizes.block_scale_stride) * sizeof(float);
  return sizes;
}

}  // namespace sterna
