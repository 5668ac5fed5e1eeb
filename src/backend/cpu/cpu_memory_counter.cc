#include "backend/cpu/cpu_memory_counter.h"

#include <fmt/format.h>

#include <variant>

#include "backend/cpu/cpu_activation_sizes.h"
#include "backend/cpu/cpu_weights.h"
#include "backend/cpu/screened_head.h"
#include "base/arena.h"
#include "kernels/blockquant/tiles.h"
#include "kernels/ternary/pack.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

class CountedProgram final : public Program {
 public:
  explicit CountedProgram(int64_t bytes) : bytes_(bytes) {}
  Result<std::span<const float>> Run(const StepBatch&) override { return Internal("a program that only counts memory was run"); }
  int64_t activation_bytes() const override { return bytes_; }

 private:
  int64_t bytes_;
};

constexpr int64_t kFloatBytes = sizeof(float);

Result<int64_t> DenseBytes(const DenseMatrixSource& source) {
  const int64_t shape[] = {source.rows, source.cols};
  return TensorBytes(source.dtype, shape);
}

}  // namespace

Result<WeightId> CpuMemoryCounter::Add(std::optional<DenseMatrix> matrix, std::initializer_list<int64_t> blocks) {
  for (const int64_t block : blocks) {
    const std::optional<size_t> padded = Arena::PaddedBytes(static_cast<size_t>(block));
    if (!padded) return ResourceExhausted(fmt::format("cannot allocate {} bytes", block));
    weight_bytes_ += static_cast<int64_t>(*padded);
  }
  weights_.push_back(matrix);
  return static_cast<WeightId>(weights_.size() - 1);
}

Result<WeightId> CpuMemoryCounter::AddVector(std::span<const float> values) {
  return Add({}, {static_cast<int64_t>(values.size_bytes())});
}

Result<WeightId> CpuMemoryCounter::AddTable(DenseMatrixSource source) {
  STERNA_ASSIGN_OR_RETURN(const int64_t bytes, DenseBytes(source));
  (source.is_resident ? weight_bytes_ : mapped_bytes_) += bytes;
  return Add(DenseMatrix{source.dtype, source.rows, source.cols}, {});
}

Result<WeightId> CpuMemoryCounter::AddDense(DenseMatrixSource source, DenseActivations activations) {
  STERNA_ASSIGN_OR_RETURN(const int64_t bytes, DenseBytes(source));
  DenseMatrix matrix{source.dtype, source.rows, source.cols};
  if (activations == DenseActivations::kInt8 && HasBlockTiles(source.dtype)) {
    matrix.in_tiles = true;
    return Add(matrix, {BlockTilesBytes(source.dtype, source.rows, source.cols)});
  }
  if (!source.is_resident) return Add(matrix, {bytes});
  weight_bytes_ += bytes;
  return Add(matrix, {});
}

Result<WeightId> CpuMemoryCounter::AddTernary(const TernaryMatrixSource& source) {
  return Add({}, {TernaryMatrixBytes(source.rows, source.cols), source.rows * kFloatBytes});
}

int64_t CpuMemoryCounter::TernaryBytes(int64_t rows, int64_t cols) const {
  return TernaryMatrixBytes(rows, cols) + rows * kFloatBytes;
}

Result<WeightId> CpuMemoryCounter::AddScreen(WeightId weight) {
  const std::optional<DenseMatrix>& matrix = weights_[static_cast<size_t>(weight)];
  if (!matrix || !CanBeScreened(matrix->dtype, matrix->cols)) return WeightId{kNoWeight};
  return Add({}, {ScreenBytes(matrix->rows, matrix->cols)});
}

Result<WeightId> CpuMemoryCounter::AddRopeTable(std::span<const double> inverse_frequencies, int64_t) {
  rope_halves_.push_back(static_cast<int64_t>(inverse_frequencies.size()));
  return Add({}, {});
}

int64_t CpuMemoryCounter::RopeBytes(int64_t positions) const {
  int64_t bytes = 0;
  for (const int64_t half : rope_halves_) {
    // Cosines and sines. Far below 2^62: the model checks both numbers.
    bytes += 2 * static_cast<int64_t>(Arena::PaddedBytes(static_cast<size_t>(positions * half * kFloatBytes)).value_or(0));
  }
  return bytes;
}

Result<std::unique_ptr<Program>> CpuMemoryCounter::Compile(std::shared_ptr<const Plan> plan, const ProgramLimits& limits) {
  STERNA_RETURN_IF_ERROR(CheckPlan(*plan));
  const auto uses_blocks = [this](const DenseLinearOp& op) {
    const std::optional<DenseMatrix>& matrix = weights_[static_cast<size_t>(op.weight)];
    return matrix && matrix->in_tiles;
  };
  int64_t bytes = MeasureActivations(*plan, limits, uses_blocks).TotalBytes(threads_);
  const auto* head = plan->ops.empty() ? nullptr : std::get_if<DenseLinearOp>(&plan->ops.back());
  if (head != nullptr && head->screen != kNoWeight) {
    bytes += ScreenedHead::BufferBytes(head->out.width, head->in.width, limits.max_selected, threads_);
  }
  return std::unique_ptr<Program>(std::make_unique<CountedProgram>(bytes));
}

Result<std::unique_ptr<DeviceMemory>> CpuMemoryCounter::AllocateKvBlock(const KvShape&) {
  return Internal("a backend that only counts memory was asked for some");
}

}  // namespace sterna
