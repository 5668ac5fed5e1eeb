// A plan on the CPU: buffers for its slots, and one function per kind of operation.
#ifndef STERNA_BACKEND_CPU_CPU_PROGRAM_H_
#define STERNA_BACKEND_CPU_CPU_PROGRAM_H_

#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/cpu_context.h"
#include "backend/cpu/screened_head.h"

namespace sterna {

class CpuProgram final : public Program {
 public:
  static Result<std::unique_ptr<Program>> Make(std::shared_ptr<CpuContext> context, std::shared_ptr<const Plan> plan,
                                               const ProgramLimits& limits);

  Result<std::span<const float>> Run(const StepBatch& batch) override;
  Result<std::span<const TokenLogit>> RunTop(const StepBatch& batch, int64_t count) override;
  ScreenCounts screen_counts() const override { return head_ == nullptr ? ScreenCounts() : head_->counts(); }
  int64_t activation_bytes() const override;

 private:
  /// Memory of one slot (cpu_activation_sizes.h).
  struct SlotMemory {
    Buffer data;
    int64_t stride = 0;   // elements from row to row
    Buffer scales, sums;  // quantized slots only, one per row
  };

  CpuProgram(std::shared_ptr<CpuContext> context, std::shared_ptr<const Plan> plan, const ProgramLimits& limits)
      : context_(std::move(context)), plan_(std::move(plan)), limits_(limits) {}

  Status AllocateBuffers();
  Status AllocateHead();
  /// Internal where the batch exceeds the limits.
  Status CheckLimits(const StepBatch& batch) const;
  /// The first `count` operations of the plan.
  void RunOps(size_t count);

  void Execute(const EmbedOp& op);
  void Execute(const NormOp& op);
  void Execute(const QuantizeOp& op);
  void Execute(const TernaryLinearOp& op);
  void Execute(const DenseLinearOp& op);
  void Execute(const RopeAppendOp& op);
  void Execute(const AttentionOp& op);
  void Execute(const GateOp& op);
  void Execute(const AddOp& op);
  void Execute(const AddBiasOp& op);
  void Execute(const GatherOp& op);

  /// Rows that this step has in the slot of `view`.
  int64_t Rows(const SlotView& view) const;
  float* Float(const SlotView& view, int64_t row);
  void QuantizeRow(const float* x, int64_t n, const SlotView& out, int64_t row);
  /// Whether the product reads int8 blocks: its weight is in tiles.
  bool UsesBlocks(const DenseLinearOp& op) const;
  /// Puts the int8 form of `in` into block_input_, unless the operation before left it there.
  void QuantizeBlocks(const SlotView& in);
  void MultiplyBlocks(const DenseLinearOp& op);
  void MultiplyFloats(const DenseLinearOp& op);
  /// body(row) for each row: across threads where `work_per_row` elements make that worth a fork.
  void ForEachRow(int64_t rows, int64_t work_per_row, FunctionRef<void(int64_t row, int worker)> body);
  /// body(begin, end, worker) for contiguous pieces of a matrix's rows, in whole grains, which workers claim one by one.
  void ForEachPiece(int64_t rows, int64_t row_bytes, int64_t grain, FunctionRef<void(int64_t begin, int64_t end, int worker)> body);
  float* KvHead(const StepToken& token, int64_t block, int64_t layer, int64_t head) const;

  template <class Weight>
  const Weight& Get(WeightId id) const {
    return std::get<Weight>(context_->weights[static_cast<size_t>(id)]);
  }
  std::byte* Scratch(int worker) { return scratch_[static_cast<size_t>(worker)].data(); }

  std::shared_ptr<CpuContext> context_;
  std::shared_ptr<const Plan> plan_;
  ProgramLimits limits_;
  std::vector<SlotMemory> slots_;
  SlotMemory block_input_;          // int8 rows, with scales and sums (f32) per block of 32; empty where no product reads blocks
  Buffer block_group_sums_;         // int32, two per block
  int64_t block_scale_stride_ = 0;  // floats
  SlotView block_view_;             // whose int8 form block_input_ holds, while products of one input follow each other
  std::vector<Buffer> scratch_;     // one per worker
  std::unique_ptr<ScreenedHead> head_;  // null where the plan's last operation is not screened
  const StepBatch* batch_ = nullptr;    // during Run
};

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CPU_PROGRAM_H_
