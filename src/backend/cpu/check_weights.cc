#include "backend/cpu/check_weights.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <variant>

namespace sterna {
namespace {

/// Collects the first weight that an operation cannot use.
class Checker {
 public:
  explicit Checker(std::span<const CpuWeight> weights) : weights_(weights) {}

  const Status& status() const { return status_; }
  void Begin(size_t index, const Op& op) {
    index_ = index;
    name_ = OpName(op);
  }

  void operator()(const EmbedOp& op) {
    if (const std::optional<Extents> table = FindDense(op.table); table && table->cols != op.out.width)
      Shape(table->rows, table->cols);
  }
  void operator()(const NormOp& op) {
    if (op.weight == kNoWeight) return;
    const auto* weight = Find<CpuVector>(op.weight);
    if (weight != nullptr && static_cast<int64_t>(weight->values.size()) != op.group) Shape(1, std::ssize(weight->values));
  }
  void operator()(const TernaryLinearOp& op) {
    const auto* weight = Find<CpuTernary>(op.weight);
    if (weight != nullptr && (weight->rows != op.out.width || weight->cols != op.in.width)) Shape(weight->rows, weight->cols);
  }
  void operator()(const DenseLinearOp& op) {
    const std::optional<Extents> weight = FindDense(op.weight);
    if (weight && (weight->rows != op.out.width || weight->cols != op.in.width)) Shape(weight->rows, weight->cols);
    if (op.screen == kNoWeight) return;
    const auto* screen = Find<CpuScreen>(op.screen);
    if (screen != nullptr && (screen->rows != op.out.width || screen->cols != op.in.width)) Shape(screen->rows, screen->cols);
  }
  void operator()(const RopeAppendOp& op) {
    const auto* table = Find<CpuRopeTable>(op.rope_table);
    if (table != nullptr && 2 * table->half != op.head_dim) Shape(table->positions, table->half);
  }
  void operator()(const QuantizeOp&) {}
  void operator()(const AttentionOp&) {}
  void operator()(const GateOp&) {}
  void operator()(const AddOp&) {}
  void operator()(const AddBiasOp& op) {
    const auto* bias = Find<CpuVector>(op.bias);
    if (bias != nullptr && std::ssize(bias->values) != op.out.width) Shape(1, std::ssize(bias->values));
  }
  void operator()(const GatherOp&) {}

 private:
  struct Extents {
    int64_t rows, cols;
  };

  /// A matrix in rows or in tiles.
  std::optional<Extents> FindDense(WeightId id) {
    const bool exists = id >= 0 && static_cast<size_t>(id) < weights_.size();
    if (const auto* tiles = exists ? std::get_if<CpuBlockMatrix>(&weights_[static_cast<size_t>(id)]) : nullptr) {
      return Extents{tiles->rows, tiles->cols};
    }
    const auto* matrix = Find<CpuDense>(id);
    if (matrix == nullptr) return std::nullopt;
    return Extents{matrix->source.rows, matrix->source.cols};
  }
  template <class Weight>
  const Weight* Find(WeightId id) {
    if (id < 0 || static_cast<size_t>(id) >= weights_.size()) {
      Fail(fmt::format("weight {} does not exist; the backend has {}", id, weights_.size()));
      return nullptr;
    }
    const auto* weight = std::get_if<Weight>(&weights_[static_cast<size_t>(id)]);
    if (weight == nullptr) Fail(fmt::format("weight {} is of another kind", id));
    return weight;
  }
  void Shape(int64_t rows, int64_t cols) { Fail(fmt::format("its weight of [{}, {}] does not fit its columns", rows, cols)); }
  void Fail(std::string_view what) {
    if (status_.ok()) status_ = Internal(fmt::format("plan operation {} ({}): {}", index_, name_, what));
  }

  std::span<const CpuWeight> weights_;
  size_t index_ = 0;
  std::string_view name_;
  Status status_;
};

}  // namespace

Status CheckWeights(const Plan& plan, std::span<const CpuWeight> weights) {
  Checker checker(weights);
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    checker.Begin(i, plan.ops[i]);
    std::visit(checker, plan.ops[i]);
  }
  return checker.status();
}

}  // namespace sterna
