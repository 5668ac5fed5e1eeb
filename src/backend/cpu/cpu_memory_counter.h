// A CPU backend that holds nothing and runs nothing: it counts the memory that the real one would take.
#ifndef STERNA_BACKEND_CPU_CPU_MEMORY_COUNTER_H_
#define STERNA_BACKEND_CPU_CPU_MEMORY_COUNTER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"

namespace sterna {

/// Only shapes and types of what it is given are looked at: sources of dense matrices may have no bytes, and no ternary row is
/// read. Programs tell their activation_bytes; running one is an Internal error, and so is a block of cache.
class CpuMemoryCounter final : public Backend {
 public:
  /// `threads` >= 1: those of the backend that is meant.
  explicit CpuMemoryCounter(int threads) : threads_(threads) {}

  std::string name() const override { return "cpu"; }
  int threads() const override { return threads_; }

  Result<WeightId> AddVector(std::span<const float> values) override;
  Result<WeightId> AddTable(DenseMatrixSource source) override;
  Result<WeightId> AddDense(DenseMatrixSource source, DenseActivations activations) override;
  Result<WeightId> AddTernary(const TernaryMatrixSource& source) override;
  /// At two bits a weight, whatever layout is measured to be faster: the most that a matrix takes.
  int64_t TernaryBytes(int64_t rows, int64_t cols) const override;
  /// As if every weight were in the range that a screen can hold: sources have no bytes to look at.
  Result<WeightId> AddScreen(WeightId weight) override;
  /// Not counted in weight_bytes: RopeBytes tells it for any number of positions.
  Result<WeightId> AddRopeTable(std::span<const double> inverse_frequencies, int64_t positions) override;

  Result<std::unique_ptr<Program>> Compile(std::shared_ptr<const Plan> plan, const ProgramLimits& limits) override;
  Result<std::unique_ptr<DeviceMemory>> AllocateKvBlock(const KvShape& shape) override;

  int64_t weight_bytes() const override { return weight_bytes_; }
  /// Tables that stay in their mapped file: the system keeps of them what is used.
  int64_t mapped_bytes() const { return mapped_bytes_; }
  /// All rotary tables for `positions` positions each.
  int64_t RopeBytes(int64_t positions) const;
  std::vector<std::pair<std::string, std::string>> ChosenKernels() const override { return {}; }

 private:
  struct DenseMatrix {
    DType dtype;
    int64_t rows, cols;
    bool in_tiles = false;  // its products read int8 blocks
  };

  /// One more weight, with `matrix` where it is a dense one, in blocks of the backend's memory.
  Result<WeightId> Add(std::optional<DenseMatrix> matrix, std::initializer_list<int64_t> blocks);

  int threads_;
  std::vector<std::optional<DenseMatrix>> weights_;
  std::vector<int64_t> rope_halves_;
  int64_t weight_bytes_ = 0;
  int64_t mapped_bytes_ = 0;
};

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CPU_MEMORY_COUNTER_H_
