#include "backend/cpu/cpu_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/checked_math.h"
#include "kernels/ternary/tile_layout.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

constexpr int64_t kFloatPadding = 16;
// Below this many elements a fork-join (a few microseconds) costs more than it saves.
constexpr int64_t kForkThreshold = 1 << 15;
constexpr int64_t kMaxAttentionBlocks = int64_t{1} << 17;

/// Logits go to the caller, who expects rows back to back; all other rows are padded for the kernels that read them.
int64_t Stride(const Slot& slot, bool is_logits) {
  if (is_logits) return slot.width;
  return slot.kind == Slot::Kind::kFloat ? RoundUp(slot.width, kFloatPadding) : PaddedActivations(slot.width);
}

}  // namespace

int64_t KvBlockBytes(const KvShape& shape) {
  return shape.layers * shape.kv_heads * 2 * kKvBlockTokens * shape.head_dim * static_cast<int64_t>(sizeof(float));
}

Result<std::unique_ptr<Program>> CpuProgram::Make(std::shared_ptr<CpuContext> context, std::shared_ptr<const Plan> plan,
                                                  const ProgramLimits& limits) {
  STERNA_RETURN_IF_ERROR(CheckPlan(*plan));
  auto program = std::unique_ptr<CpuProgram>(new CpuProgram(std::move(context), std::move(plan), limits));
  STERNA_RETURN_IF_ERROR(program->AllocateBuffers());
  return std::unique_ptr<Program>(std::move(program));
}

Status CpuProgram::AllocateBuffers() {
  int64_t widest = 0;
  for (size_t id = 0; id < plan_->slots.size(); ++id) {
    const Slot& slot = plan_->slots[id];
    const int64_t rows = slot.rows == Slot::Rows::kTokens ? limits_.max_tokens : limits_.max_selected;
    SlotMemory memory;
    memory.stride = Stride(slot, static_cast<SlotId>(id) == plan_->logits);
    const bool is_float = slot.kind == Slot::Kind::kFloat;
    const auto bytes = static_cast<size_t>(rows * memory.stride) * (is_float ? sizeof(float) : 1);
    STERNA_ASSIGN_OR_RETURN(memory.data, Buffer::Allocate(bytes));
    if (!is_float) {
      STERNA_ASSIGN_OR_RETURN(memory.scales, Buffer::Allocate(static_cast<size_t>(rows) * sizeof(float)));
      STERNA_ASSIGN_OR_RETURN(memory.sums, Buffer::Allocate(static_cast<size_t>(rows) * sizeof(int32_t)));
    }
    slots_.push_back(std::move(memory));
    widest = std::max(widest, slot.width);
  }
  size_t scratch_bytes = static_cast<size_t>(RoundUp(widest, kFloatPadding)) * sizeof(float);
  for (const Op& op : plan_->ops) {
    if (const auto* ternary = std::get_if<TernaryLinearOp>(&op)) {
      scratch_bytes = std::max(scratch_bytes, TernaryLinearScratchBytes(ternary->in.width, limits_.max_tokens));
    } else if (const auto* dense = std::get_if<DenseLinearOp>(&op)) {
      scratch_bytes = std::max(scratch_bytes, DenseLinearScratchBytes(dense->in.width, limits_.max_tokens));
    } else if (std::holds_alternative<AttentionOp>(op)) {
      scratch_bytes = std::max(scratch_bytes, 2 * kMaxAttentionBlocks * sizeof(float*));
    }
  }
  for (int i = 0; i < context_->pool->threads(); ++i) {
    STERNA_ASSIGN_OR_RETURN(Buffer scratch, Buffer::Allocate(scratch_bytes));
    scratch_.push_back(std::move(scratch));
  }
  return Status::Ok();
}

int64_t CpuProgram::activation_bytes() const {
  size_t bytes = 0;
  for (const SlotMemory& slot : slots_) bytes += slot.data.size() + slot.scales.size() + slot.sums.size();
  for (const Buffer& scratch : scratch_) bytes += scratch.size();
  return static_cast<int64_t>(bytes);
}

Result<std::span<const float>> CpuProgram::Run(const StepBatch& batch) {
  if (static_cast<int64_t>(batch.tokens.size()) > limits_.max_tokens ||
      static_cast<int64_t>(batch.selected.size()) > limits_.max_selected) {
    return Internal(fmt::format("a step of {} tokens and {} selected rows exceeds the program's limits of {} and {}", batch.tokens.size(),
                                batch.selected.size(), limits_.max_tokens, limits_.max_selected));
  }
  batch_ = &batch;
  for (const Op& op : plan_->ops) {
    std::visit([this](const auto& operation) { Execute(operation); }, op);
  }
  batch_ = nullptr;
  const SlotMemory& logits = slots_[static_cast<size_t>(plan_->logits)];
  return logits.data.as<float>().first(batch.selected.size() * static_cast<size_t>(logits.stride));
}

int64_t CpuProgram::Rows(const SlotView& view) const {
  const bool is_tokens = plan_->slots[static_cast<size_t>(view.slot)].rows == Slot::Rows::kTokens;
  return static_cast<int64_t>(is_tokens ? batch_->tokens.size() : batch_->selected.size());
}

float* CpuProgram::Float(const SlotView& view, int64_t row) {
  SlotMemory& slot = slots_[static_cast<size_t>(view.slot)];
  return slot.data.as<float>().data() + row * slot.stride + view.offset;
}

void CpuProgram::ForEachRow(int64_t rows, int64_t work_per_row, FunctionRef<void(int64_t row, int worker)> body) {
  if (rows * work_per_row < kForkThreshold) {
    for (int64_t row = 0; row < rows; ++row) body(row, 0);
    return;
  }
  context_->pool->ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t row = begin; row < end; ++row) body(row, worker);
  });
}

void CpuProgram::QuantizeRow(const float* x, int64_t n, const SlotView& out, int64_t row) {
  SlotMemory& slot = slots_[static_cast<size_t>(out.slot)];
  context_->kernels.quantize.function({.x = x,
                                       .n = n,
                                       .q = slot.data.as<int8_t>().data() + row * slot.stride,
                                       .scale = slot.scales.as<float>().data() + row,
                                       .sum = slot.sums.as<int32_t>().data() + row});
}

void CpuProgram::Execute(const EmbedOp& op) {
  const auto& table = Get<CpuDense>(op.table);
  ForEachRow(Rows(op.out), op.out.width, [&](int64_t row, int) {
    const std::byte* bytes = table.source.bytes.data() + batch_->tokens[static_cast<size_t>(row)].token * table.row_bytes;
    DequantizeRow(table.source.dtype, bytes, table.source.cols, table.tensor_scale, Float(op.out, row));
  });
}

void CpuProgram::Execute(const NormOp& op) {
  const float* weight = op.weight == kNoWeight ? nullptr : Get<CpuVector>(op.weight).values.as<float>().data();
  const bool quantized = plan_->slots[static_cast<size_t>(op.out.slot)].kind == Slot::Kind::kQuantized;
  ForEachRow(Rows(op.in), op.in.width, [&](int64_t row, int worker) {
    const float* in = Float(op.in, row);
    float* out = quantized ? reinterpret_cast<float*>(Scratch(worker)) : Float(op.out, row);
    for (int64_t at = 0; at < op.in.width; at += op.group) {
      context_->kernels.rms_norm.function({.x = in + at, .weight = weight, .n = op.group, .epsilon = op.epsilon, .y = out + at});
    }
    if (quantized) QuantizeRow(out, op.in.width, op.out, row);
  });
}

void CpuProgram::Execute(const QuantizeOp& op) {
  ForEachRow(Rows(op.in), op.in.width, [&](int64_t row, int) { QuantizeRow(Float(op.in, row), op.in.width, op.out, row); });
}

void CpuProgram::Execute(const TernaryLinearOp& op) {
  const auto& weight = Get<CpuTernary>(op.weight);
  SlotMemory& in = slots_[static_cast<size_t>(op.in.slot)];
  SlotMemory& out = slots_[static_cast<size_t>(op.out.slot)];
  const int64_t tokens = Rows(op.in);
  if (tokens == 0) return;
  TernaryLinearArgs args{.codes = reinterpret_cast<const uint8_t*>(weight.codes.data()),
                         .row_scales = weight.row_scales.as<float>().data(),
                         .rows = weight.rows,
                         .cols = weight.cols,
                         .row_begin = 0,
                         .row_end = weight.rows,
                         .x = in.data.as<int8_t>().data(),
                         .x_stride = in.stride,
                         .x_scales = in.scales.as<float>().data(),
                         .x_sums = in.sums.as<int32_t>().data(),
                         .tokens = tokens,
                         .y = out.data.as<float>().data() + op.out.offset,
                         .y_stride = out.stride,
                         .scratch = nullptr};
  // Equal shares of whole tile pairs: each worker streams one contiguous run of the weights.
  constexpr int64_t kGrainRows = 2 * kTernaryTileRows;
  const int64_t workers = context_->pool->threads();
  const int64_t share = RoundUp((weight.rows + workers - 1) / workers, kGrainRows);
  context_->pool->Run([&](int worker) {
    TernaryLinearArgs mine = args;
    mine.row_begin = std::min(worker * share, weight.rows);
    mine.row_end = std::min(mine.row_begin + share, weight.rows);
    mine.scratch = Scratch(worker);
    if (mine.row_begin < mine.row_end) context_->kernels.ternary_linear.function(mine);
  });
}

void CpuProgram::Execute(const DenseLinearOp& op) {
  const auto& weight = Get<CpuDense>(op.weight);
  SlotMemory& out = slots_[static_cast<size_t>(op.out.slot)];
  const int64_t tokens = Rows(op.in);
  if (tokens == 0) return;
  const DenseLinearFunction function = context_->kernels.dense_linear(weight.source.dtype).function;
  DenseLinearArgs args{.weights = weight.source.bytes.data(),
                       .row_bytes = weight.row_bytes,
                       .rows = weight.source.rows,
                       .cols = weight.source.cols,
                       .row_begin = 0,
                       .row_end = weight.source.rows,
                       .x = Float(op.in, 0),
                       .x_stride = slots_[static_cast<size_t>(op.in.slot)].stride,
                       .tokens = tokens,
                       .y = out.data.as<float>().data() + op.out.offset,
                       .y_stride = out.stride,
                       .scratch = nullptr};
  constexpr int64_t kGrainRows = 8;
  const int64_t workers = context_->pool->threads();
  const int64_t share = RoundUp((weight.source.rows + workers - 1) / workers, kGrainRows);
  context_->pool->Run([&](int worker) {
    DenseLinearArgs mine = args;
    mine.row_begin = std::min(worker * share, weight.source.rows);
    mine.row_end = std::min(mine.row_begin + share, weight.source.rows);
    mine.scratch = Scratch(worker);
    if (mine.row_begin < mine.row_end) function(mine);
  });
}

float* CpuProgram::KvHead(const StepToken& token, int64_t block, int64_t layer, int64_t head) const {
  const KvShape& shape = plan_->kv;
  void* base = batch_->sequences[static_cast<size_t>(token.sequence)].blocks[static_cast<size_t>(block)];
  return static_cast<float*>(base) + (layer * shape.kv_heads + head) * 2 * kKvBlockTokens * shape.head_dim;
}

void CpuProgram::Execute(const RopeAppendOp& op) {
  const auto& table = Get<CpuRopeTable>(op.rope_table);
  const int64_t head_dim = op.head_dim;
  const int64_t kv_heads = op.k.width / head_dim;
  ForEachRow(Rows(op.q), op.q.width + op.k.width, [&](int64_t row, int) {
    const StepToken& token = batch_->tokens[static_cast<size_t>(row)];
    const float* cos = table.cos.as<float>().data() + token.position * table.half;
    const float* sin = table.sin.as<float>().data() + token.position * table.half;
    float* k = Float(op.k, row);
    const float* v = Float(op.v, row);
    context_->kernels.rope.function({.x = Float(op.q, row), .heads = op.q.width / head_dim, .head_dim = head_dim, .cos = cos, .sin = sin});
    context_->kernels.rope.function({.x = k, .heads = kv_heads, .head_dim = head_dim, .cos = cos, .sin = sin});
    const int64_t column = token.position % kKvBlockTokens;
    for (int64_t head = 0; head < kv_heads; ++head) {
      float* keys = KvHead(token, token.position / kKvBlockTokens, op.layer, head);
      float* values = keys + kKvBlockTokens * head_dim;
      for (int64_t d = 0; d < head_dim; ++d) keys[d * kKvBlockTokens + column] = k[head * head_dim + d];
      std::memcpy(values + column * head_dim, v + head * head_dim, static_cast<size_t>(head_dim) * sizeof(float));
    }
  });
}

void CpuProgram::Execute(const AttentionOp& op) {
  const int64_t tokens = Rows(op.q);
  const int64_t group_width = op.q.width / op.kv_heads;
  if (tokens == 0) return;
  const int64_t last_position = batch_->tokens.back().position;
  // One task is one token and one KV head with its group of query heads.
  ForEachRow(tokens * op.kv_heads, (last_position + 1) * group_width, [&](int64_t task, int worker) {
    const int64_t row = task / op.kv_heads, head = task % op.kv_heads;
    const StepToken& token = batch_->tokens[static_cast<size_t>(row)];
    const int64_t blocks = token.position / kKvBlockTokens + 1;
    auto** keys = reinterpret_cast<const float**>(Scratch(worker));
    const float** values = keys + blocks;
    for (int64_t block = 0; block < blocks; ++block) {
      keys[block] = KvHead(token, block, op.layer, head);
      values[block] = keys[block] + kKvBlockTokens * op.head_dim;
    }
    context_->kernels.attention.function({.q = Float(op.q, row) + head * group_width,
                                          .queries = group_width / op.head_dim,
                                          .head_dim = op.head_dim,
                                          .keys = keys,
                                          .values = values,
                                          .positions = token.position + 1,
                                          .score_scale = op.score_scale,
                                          .y = Float(op.out, row) + head * group_width});
  });
}

void CpuProgram::Execute(const GateOp& op) {
  ForEachRow(Rows(op.out), op.out.width, [&](int64_t row, int) {
    context_->kernels.gate.function(
        {.activation = op.activation, .gate = Float(op.gate, row), .up = Float(op.up, row), .n = op.out.width, .y = Float(op.out, row)});
  });
}

void CpuProgram::Execute(const AddOp& op) {
  ForEachRow(Rows(op.out), op.out.width, [&](int64_t row, int) {
    const float* in = Float(op.in, row);
    float* out = Float(op.out, row);
    for (int64_t i = 0; i < op.out.width; ++i) out[i] += in[i];
  });
}

void CpuProgram::Execute(const GatherOp& op) {
  for (size_t i = 0; i < batch_->selected.size(); ++i) {
    std::memcpy(Float(op.out, static_cast<int64_t>(i)), Float(op.in, batch_->selected[i]), static_cast<size_t>(op.in.width) * sizeof(float));
  }
}

}  // namespace sterna
