#include "backend/cpu/cpu_backend.h"

#include <fmt/format.h>

#include "backend/cpu/cpu_program.h"
#include "backend/cpu/cpu_weights.h"
#include "backend/cpu/kernel_set.h"
#include "base/cpu_topology.h"
#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

class CpuMemory final : public DeviceMemory {
 public:
  explicit CpuMemory(Buffer buffer) : buffer_(std::move(buffer)) {}
  void* address() override { return buffer_.data(); }

 private:
  Buffer buffer_;
};

class CpuBackend final : public Backend {
 public:
  CpuBackend(const ThreadPoolOptions& threads, const CpuBackendOptions& options)
      : context_(std::make_shared<CpuContext>(CpuContext{
            KernelSet(options.isa, options.refused), std::make_unique<ThreadPool>(threads), Arena(MemoryTag::kWeights), {}})),
        layouts_(options.layouts) {}

  std::string name() const override { return "cpu"; }
  int threads() const override { return context_->pool->threads(); }

  Result<WeightId> AddVector(std::span<const float> values) override { return Add(MakeCpuVector(values, context_->arena)); }
  Result<WeightId> AddTable(DenseMatrixSource source) override {
    if (source.is_resident) resident_bytes_ += static_cast<int64_t>(source.bytes.size());
    return Add(MakeCpuTable(std::move(source)));
  }
  Result<WeightId> AddDense(DenseMatrixSource source, DenseActivations activations) override {
    if (activations == DenseActivations::kInt8 && HasBlockTiles(source.dtype)) {
      return Add(MakeCpuBlockMatrix(std::move(source), context_->arena, *context_->pool));
    }
    if (source.is_resident) resident_bytes_ += static_cast<int64_t>(source.bytes.size());
    return Add(MakeCpuDense(std::move(source), context_->arena, *context_->pool));
  }
  Result<WeightId> AddTernary(const TernaryMatrixSource& source) override {
    return Add(MakeCpuTernary(source, layouts_[LayoutClass(source.cols)], context_->arena, *context_->pool));
  }
  int64_t TernaryBytes(int64_t rows, int64_t cols) const override {
    const int64_t tiles = TernaryPaddedRows(rows) / kTernaryTileRows;
    return tiles * LayoutInfo(layouts_[LayoutClass(cols)]).tile_bytes(cols) + rows * static_cast<int64_t>(sizeof(float));
  }
  Result<WeightId> AddScreen(WeightId weight) override {
    const CpuWeight* const found = weight >= 0 && static_cast<size_t>(weight) < context_->weights.size()
                                       ? &context_->weights[static_cast<size_t>(weight)]
                                       : nullptr;
    if (found != nullptr && std::holds_alternative<CpuBlockMatrix>(*found)) return WeightId{kNoWeight};
    const auto* matrix = found != nullptr ? std::get_if<CpuDense>(found) : nullptr;
    if (matrix == nullptr) return Internal(fmt::format("weight {} is no dense matrix that could be screened", weight));
    STERNA_ASSIGN_OR_RETURN(std::optional<CpuWeight> screen, MakeCpuScreen(*matrix, context_->arena, *context_->pool));
    if (!screen) return WeightId{kNoWeight};
    return Add(*std::move(screen));
  }
  Result<WeightId> AddRopeTable(std::span<const double> inverse_frequencies, int64_t positions) override {
    return Add(MakeCpuRopeTable(inverse_frequencies, positions, context_->arena));
  }

  Result<std::unique_ptr<Program>> Compile(std::shared_ptr<const Plan> plan, const ProgramLimits& limits) override {
    return CpuProgram::Make(context_, std::move(plan), limits);
  }

  Result<std::unique_ptr<DeviceMemory>> AllocateKvBlock(const KvShape& shape) override {
    STERNA_ASSIGN_OR_RETURN(Buffer buffer, Buffer::Allocate(static_cast<size_t>(KvBlockBytes(shape)), MemoryTag::kKv));
    return std::unique_ptr<DeviceMemory>(std::make_unique<CpuMemory>(std::move(buffer)));
  }

  int64_t weight_bytes() const override { return context_->arena.bytes() + resident_bytes_; }

  std::vector<std::pair<std::string, std::string>> ChosenKernels() const override { return context_->kernels.Names(); }

 private:
  Result<WeightId> Add(Result<CpuWeight> weight) {
    if (!weight.ok()) return weight.status();
    context_->weights.push_back(*std::move(weight));
    return static_cast<WeightId>(context_->weights.size() - 1);
  }

  std::shared_ptr<CpuContext> context_;
  LayoutChoice layouts_;
  int64_t resident_bytes_ = 0;  // of dense matrices used in place
};

}  // namespace

Result<std::shared_ptr<Backend>> MakeCpuBackend(const CpuBackendOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const ThreadPoolOptions threads,
                          PlaceThreads({.threads = options.threads, .cpus = options.cpus, .is_pinned = options.is_pinned}));
  return std::shared_ptr<Backend>(std::make_shared<CpuBackend>(threads, options));
}

}  // namespace sterna
