// Random weights in the shape of a real model, made in memory: speed and memory do not depend on the weights' values.
#ifndef STERNA_MODEL_RANDOM_WEIGHTS_H_
#define STERNA_MODEL_RANDOM_WEIGHTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/weight_provider.h"

namespace sterna {

/// "2b4t": BitNet-b1.58-2B-4T; "3b": 1bitLLM bitnet_b1_58-3B; "8b": Llama3-8B-1.58; "tiny". InvalidArgument lists the names.
Result<ModelConfig> ShapeConfig(std::string_view shape);
std::vector<std::string> ShapeNames();

/// Ternary projections (half zeros, a quarter each -1 and +1), unit norms, and a random head of `head_type` (F16, BF16, F32, Q8_0,
/// Q6_K, Q4_0 or Q4_1). The same seed gives the same weights.
class RandomWeights final : public WeightProvider {
 public:
  RandomWeights(const ModelConfig& config, DType head_type, uint64_t seed) : config_(config), head_type_(head_type), seed_(seed) {}

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
};

}  // namespace sterna

#endif  // STERNA_MODEL_RANDOM_WEIGHTS_H_
