// Random weights in the shape of a real model, made in memory: speed and memory do not depend on the weights' values.
#ifndef STERNA_MODEL_RANDOM_WEIGHTS_H_
#define STERNA_MODEL_RANDOM_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/weight_provider.h"

namespace sterna {

/// Ternary projections (half zeros, a quarter each -1 and +1), unit norms, and a random head of `head_type` (F16, BF16, F32, Q8_0,
/// Q6_K, Q4_0 or Q4_1). The same seed gives the same weights.
class RandomWeights final : public WeightProvider {
 public:
  /// kSizes: tables without bytes, for a backend that only counts memory.
  enum class Tables : uint8_t { kFilled, kSizes };

  RandomWeights(const ModelConfig& config, DType head_type, uint64_t seed, Tables tables = Tables::kFilled)
      : config_(config), head_type_(head_type), seed_(seed), tables_(tables) {}

  Result<std::vector<float>> Norm(int64_t layer, LayerNorm norm, int64_t size) override;
  Result<std::vector<float>> FinalNorm(int64_t size) override;
  Result<std::vector<float>> LinearNorm(int64_t layer, Projection projection, int64_t size) override;
  Result<std::vector<float>> Bias(int64_t layer, Projection projection, int64_t rows) override;
  Result<LinearSource> Linear(int64_t layer, Projection projection, int64_t rows, int64_t cols) override;
  Result<DenseMatrixSource> Embedding(int64_t rows, int64_t cols) override;
  Result<std::optional<DenseMatrixSource>> Head(int64_t rows, int64_t cols) override;
  Result<std::vector<float>> RopeFactors(int64_t) override { return std::vector<float>(); }
  Status CheckAllUsed() const override { return Status::Ok(); }

 private:
  Result<DenseMatrixSource> RandomTable(uint64_t stream, int64_t rows, int64_t cols) const;

  ModelConfig config_;
  DType head_type_;
  uint64_t seed_;
  Tables tables_;
};

}  // namespace sterna

#endif  // STERNA_MODEL_RANDOM_WEIGHTS_H_
