#include "backend/cpu/cpu_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backend/cpu/check_weights.h"
#include "backend/cpu/cpu_activation_sizes.h"
#include "base/checked_math.h"
#include "kernels/blockquant/tiles.h"
#include "kernels/ternary/tile_layout.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

// Below this many elements a fork-join (a few microseconds) costs more than it saves.
constexpr int64_t kForkThreshold = 1 << 15;
// A worker that loses its processor holds up one piece, not its whole share; the others take the rest of it.
constexpr int64_t kPiecesPerWorker = 4;
// Below this much, claiming a piece and starting on it costs more than it balances.
constexpr int64_t kLeastPieceBytes = int64_t{16} << 10;

Result<Buffer> AllocateActivations(size_t bytes) {
  return Buffer::Allocate(bytes, MemoryTag::kActivations);
}

}  // namespace

int64_t KvBlockBytes(const KvShape& shape) {
  return shape.layers * shape.kv_heads * 2 * kKvBlockTokens * shape.head_dim * static_cast<int64_t>(sizeof(float));
}

Result<std::unique_ptr<Program>> CpuProgram::Make(std::shared_ptr<CpuContext> context, std::shared_ptr<const Plan> plan,
                                                  const ProgramLimits& limits) {
  STERNA_RETURN_IF_ERROR(CheckPlan(*plan));
  STERNA_RETURN_IF_ERROR(CheckWeights(*plan, context->weights));
  auto program = std::unique_ptr<CpuProgram>(new CpuProgram(std::move(context), std::move(plan), limits));
  STERNA_RETURN_IF_ERROR(program->AllocateBuffers());
  return std::unique_ptr<Program>(std::move(program));
}

Status CpuProgram::AllocateBuffers() {
  const CpuActivationSizes sizes = MeasureActivations(*plan_, limits_, [this](const DenseLinearOp& op) { return UsesBlocks(op); });
  const auto allocate = [](const CpuRowsSize& size, SlotMemory* memory) -> Status {
    memory->stride = size.stride;
    STERNA_ASSIGN_OR_RETURN(memory->data, AllocateActivations(size.data_bytes));
    STERNA_ASSIGN_OR_RETURN(memory->scales, AllocateActivations(size.number_bytes));
    STERNA_ASSIGN_OR_RETURN(memory->sums, AllocateActivations(size.number_bytes));
    return Status::Ok();
  };
  for (const CpuRowsSize& slot : sizes.slots) {
    slots_.emplace_back();
    STERNA_RETURN_IF_ERROR(allocate(slot, &slots_.back()));
  }
  STERNA_RETURN_IF_ERROR(allocate(sizes.block_input, &block_input_));
  STERNA_ASSIGN_OR_RETURN(block_group_sums_, AllocateActivations(2 * sizes.block_input.number_bytes));
  block_scale_stride_ = sizes.block_scale_stride;
  STERNA_RETURN_IF_ERROR(AllocateHead());
  for (int i = 0; i < context_->pool->threads(); ++i) {
    STERNA_ASSIGN_OR_RETURN(Buffer scratch, AllocateActivations(sizes.scratch_bytes));
    scratch_.push_back(std::move(scratch));
  }
  return Status::Ok();
}

Status CpuProgram::AllocateHead() {
  const auto* op = plan_->ops.empty() ? nullptr : std::get_if<DenseLinearOp>(&plan_->ops.back());
  if (op == nullptr || op->screen == kNoWeight) return Status::Ok();
  STERNA_ASSIGN_OR_RETURN(
      head_, ScreenedHead::Make(context_, Get<CpuDense>(op->weight), Get<CpuScreen>(op->screen), limits_.max_selected));
  return Status::Ok();
}

int64_t CpuProgram::activation_bytes() const {
  size_t bytes = block_input_.data.size() + block_input_.scales.size() + block_input_.sums.size() + block_group_sums_.size();
  if (head_ != nullptr) bytes += static_cast<size_t>(head_->buffer_bytes());
  for (const SlotMemory& slot : slots_) bytes += slot.data.size() + slot.scales.size() + slot.sums.size();
  for (const Buffer& scratch : scratch_) bytes += scratch.size();
  return static_cast<int64_t>(bytes);
}

Status CpuProgram::CheckLimits(const StepBatch& batch) const {
  if (static_cast<int64_t>(batch.tokens.size()) <= limits_.max_tokens &&
      static_cast<int64_t>(batch.selected.size()) <= limits_.max_selected) {
    return Status::Ok();
  }
  return Internal(fmt::format("a step of {} tokens and {} selected rows exceeds the program's limits of {} and {}",
                              batch.tokens.size(), batch.selected.size(), limits_.max_tokens, limits_.max_selected));
}

void CpuProgram::RunOps(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const Op& op = plan_->ops[i];
    if (!std::holds_alternative<DenseLinearOp>(op)) block_view_ = {};
    std::visit([this](const auto& operation) { Execute(operation); }, op);
  }
}

Result<std::span<const float>> CpuProgram::Run(const StepBatch& batch) {
  STERNA_RETURN_IF_ERROR(CheckLimits(batch));
  batch_ = &batch;
  RunOps(plan_->ops.size());
  batch_ = nullptr;
  const SlotMemory& output = slots_[static_cast<size_t>(plan_->output)];
  return output.data.as<float>().first(batch.selected.size() * static_cast<size_t>(output.stride));
}

Result<std::span<const TokenLogit>> CpuProgram::RunTop(const StepBatch& batch, int64_t count) {
  const auto rows = static_cast<int64_t>(batch.selected.size());
  // Many rows share one pass over the full head, which costs little more than one of them.
  if (head_ == nullptr || rows == 0 || rows > head_->max_tokens()) return Program::RunTop(batch, count);
  STERNA_RETURN_IF_ERROR(CheckLimits(batch));
  const auto& op = std::get<DenseLinearOp>(plan_->ops.back());
  STERNA_RETURN_IF_ERROR(CheckTopCount(count, op.out.width));
  batch_ = &batch;
  RunOps(plan_->ops.size() - 1);
  batch_ = nullptr;
  top_.resize(static_cast<size_t>(rows * count));
  head_->Top(Float(op.in, 0), slots_[static_cast<size_t>(op.in.slot)].stride, rows, top_);
  return std::span<const TokenLogit>(top_);
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

void CpuProgram::ForEachPiece(int64_t rows, int64_t row_bytes, int64_t grain,
                              FunctionRef<void(int64_t begin, int64_t end, int worker)> body) {
  const int64_t most = kPiecesPerWorker * context_->pool->threads();
  const int64_t least_rows = kLeastPieceBytes / std::max<int64_t>(row_bytes, 1) + 1;
  context_->pool->ParallelFor(rows, RoundUp(std::max((rows + most - 1) / most, least_rows), grain), body);
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
  ForEachRow(Rows(op.out), op.out.width, [&](int64_t row, int worker) {
    const int64_t token = batch_->tokens[static_cast<size_t>(row)].token;
    float* out = Float(op.out, row);
    if (const auto* tiles = std::get_if<CpuBlockMatrix>(&context_->weights[static_cast<size_t>(op.table)])) {
      const std::byte* tile = tiles->tiles.data() + token / kBlockTileRows * BlockTile(tiles->dtype, tiles->cols).end;
      UnpackBlockRow(tiles->dtype, tile, token % kBlockTileRows, tiles->cols, Scratch(worker));
      DequantizeRow(tiles->dtype, Scratch(worker), tiles->cols, /*tensor_scale=*/1, out);
    } else {
      const auto& table = Get<CpuDense>(op.table);
      DequantizeRow(table.source.dtype, table.source.bytes.data() + token * table.row_bytes, table.source.cols, table.tensor_scale,
                    out);
    }
    if (op.scale == 1.0f) return;
    for (int64_t i = 0; i < op.out.width; ++i) out[i] *= op.scale;
  });
}

void CpuProgram::Execute(const NormOp& op) {
  const float* weight = op.weight == kNoWeight ? nullptr : Get<CpuVector>(op.weight).values.data();
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

void CpuProgram::Execute(const GateOp& op) {
  ForEachRow(Rows(op.out), op.out.width, [&](int64_t row, int) {
    context_->kernels.gate.function({.activation = op.activation,
                                     .gate = Float(op.gate, row),
                                     .up = Float(op.up, row),
                                     .n = op.out.width,
                                     .y = Float(op.out, row)});
  });
}

void CpuProgram::Execute(const AddOp& op) {
  ForEachRow(Rows(op.out), op.out.width, [&](int64_t row, int) {
    const float* in = Float(op.in, row);
    float* out = Float(op.out, row);
    for (int64_t i = 0; i < op.out.width; ++i) out[i] += in[i];
  });
}

void CpuProgram::Execute(const AddBiasOp& op) {
  const float* bias = Get<CpuVector>(op.bias).values.data();
  ForEachRow(Rows(op.out), op.out.width, [&](int64_t row, int) {
    float* out = Float(op.out, row);
    for (int64_t i = 0; i < op.out.width; ++i) out[i] += bias[i];
  });
}

void CpuProgram::Execute(const GatherOp& op) {
  for (size_t i = 0; i < batch_->selected.size(); ++i) {
    std::memcpy(Float(op.out, static_cast<int64_t>(i)), Float(op.in, batch_->selected[i]),
                static_cast<size_t>(op.in.width) * sizeof(float));
  }
}

}  // namespace sterna
