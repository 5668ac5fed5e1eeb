// Operations of a program that multiply by weight matrices.
#include "backend/cpu/cpu_program.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

constexpr int64_t kDenseGrainRows = 8;  // twice the rows of the widest tile

}  // namespace

void CpuProgram::Execute(const TernaryLinearOp& op) {
  const auto& weight = Get<CpuTernary>(op.weight);
  SlotMemory& in = slots_[static_cast<size_t>(op.in.slot)];
  SlotMemory& out = slots_[static_cast<size_t>(op.out.slot)];
  const int64_t tokens = Rows(op.in);
  if (tokens == 0) return;
  const TernaryLinearArgs args{.codes = reinterpret_cast<const uint8_t*>(weight.codes.data()),
                               .row_scales = weight.row_scales.data(),
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
  const TernaryLinearFunction function = context_->kernels.ternary_linear(weight.layout).function;
  constexpr int64_t kGrainRows = 2 * kTernaryTileRows;
  ForEachPiece(weight.rows, LayoutInfo(weight.layout).tile_bytes(weight.cols) / kTernaryTileRows, kGrainRows,
               [&](int64_t begin, int64_t end, int worker) {
                 TernaryLinearArgs mine = args;
                 mine.row_begin = begin;
                 mine.row_end = end;
                 mine.scratch = Scratch(worker);
                 function(mine);
               });
}

void CpuProgram::Execute(const DenseLinearOp& op) {
  if (Rows(op.in) == 0) return;
  if (UsesBlocks(op)) {
    QuantizeBlocks(op.in);
    MultiplyBlocks(op);
  } else {
    MultiplyFloats(op);
  }
  if (op.out.slot == block_view_.slot) block_view_ = {};
}

bool CpuProgram::UsesBlocks(const DenseLinearOp& op) const {
  return std::holds_alternative<CpuBlockMatrix>(context_->weights[static_cast<size_t>(op.weight)]);
}

void CpuProgram::QuantizeBlocks(const SlotView& in) {
  if (block_view_ == in) return;
  const BlockQuantizeFunction function = context_->kernels.block_quantize.function;
  ForEachRow(Rows(in), in.width, [&](int64_t row, int) {
    const int64_t number = row * block_scale_stride_;
    function({.x = Float(in, row),
              .n = in.width,
              .q = block_input_.data.as<int8_t>().data() + row * block_input_.stride,
              .scales = block_input_.scales.as<float>().data() + number,
              .sums = block_input_.sums.as<float>().data() + number,
              .group_sums = block_group_sums_.as<int32_t>().data() + 2 * number});
  });
  block_view_ = in;
}

void CpuProgram::MultiplyBlocks(const DenseLinearOp& op) {
  const auto& weight = Get<CpuBlockMatrix>(op.weight);
  SlotMemory& out = slots_[static_cast<size_t>(op.out.slot)];
  const BlockLinearFunction function = context_->kernels.block_linear(weight.dtype).function;
  const BlockLinearArgs args{.tiles = weight.tiles.data(),
                             .rows = weight.rows,
                             .cols = weight.cols,
                             .row_begin = 0,
                             .row_end = weight.rows,
                             .q = block_input_.data.as<int8_t>().data(),
                             .q_stride = block_input_.stride,
                             .scales = block_input_.scales.as<float>().data(),
                             .sums = block_input_.sums.as<float>().data(),
                             .group_sums = block_group_sums_.as<int32_t>().data(),
                             .scale_stride = block_scale_stride_,
                             .tokens = Rows(op.in),
                             .y = out.data.as<float>().data() + op.out.offset,
                             .y_stride = out.stride};
  ForEachPiece(weight.rows, BlockTile(weight.dtype, weight.cols).end / kBlockTileRows, kBlockTileRows,
               [&](int64_t begin, int64_t end, int) {
                 BlockLinearArgs mine = args;
                 mine.row_begin = begin;
                 mine.row_end = end;
                 function(mine);
               });
}

void CpuProgram::MultiplyFloats(const DenseLinearOp& op) {
  const auto& weight = Get<CpuDense>(op.weight);
  SlotMemory& out = slots_[static_cast<size_t>(op.out.slot)];
  const DenseLinearFunction function = context_->kernels.dense_linear(weight.source.dtype).function;
  const DenseLinearArgs args{.weights = weight.source.bytes.data(),
                             .row_bytes = weight.row_bytes,
                             .rows = weight.source.rows,
                             .cols = weight.source.cols,
                             .row_begin = 0,
                             .row_end = weight.source.rows,
                             .x = Float(op.in, 0),
                             .x_stride = slots_[static_cast<size_t>(op.in.slot)].stride,
                             .tokens = Rows(op.in),
                             .y = out.data.as<float>().data() + op.out.offset,
                             .y_stride = out.stride,
                             .scratch = nullptr};
  ForEachPiece(weight.source.rows, weight.row_bytes, kDenseGrainRows, [&](int64_t begin, int64_t end, int worker) {
    DenseLinearArgs mine = args;
    mine.row_begin = begin;
    mine.row_end = end;
    mine.scratch = Scratch(worker);
    function(mine);
  });
}

}  // namespace sterna
