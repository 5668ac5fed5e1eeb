// Where a model's weights come from: a checkpoint, or a random generator for benchmarks.
#ifndef STERNA_MODEL_WEIGHT_PROVIDER_H_
#define STERNA_MODEL_WEIGHT_PROVIDER_H_

#include <optional>
#include <variant>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "model/config.h"
#include "model/tensor_names.h"

namespace sterna {

using LinearSource = std::variant<TernaryMatrixSource, DenseMatrixSource>;

/// Every call checks names, shapes and values; errors name the tensor, expected and found. Sources stay valid as long as the
/// provider. One thread while loading; a ternary source's read_row may be called from several.
class WeightProvider {
 public:
  virtual ~WeightProvider() = default;

  virtual Result<std::vector<float>> Norm(int64_t layer, LayerNorm norm, int64_t size) = 0;
  virtual Result<std::vector<float>> FinalNorm(int64_t size) = 0;
  /// The norm before one projection (`use_rms_norm`), or empty.
  virtual Result<std::vector<float>> LinearNorm(int64_t layer, Projection projection, int64_t size) = 0;
  /// What is added to a projection's output, or empty.
  virtual Result<std::vector<float>> Bias(int64_t layer, Projection projection, int64_t rows) = 0;
  virtual Result<LinearSource> Linear(int64_t layer, Projection projection, int64_t rows, int64_t cols) = 0;
  virtual Result<DenseMatrixSource> Embedding(int64_t rows, int64_t cols) = 0;
  /// Nothing where the head is the embedding table.
  virtual Result<std::optional<DenseMatrixSource>> Head(int64_t rows, int64_t cols) = 0;
  /// rope_freqs.weight, or empty.
  virtual Result<std::vector<float>> RopeFactors(int64_t size) = 0;
  /// What was handed out so far has been read, apart from tables that stay in use: the system may take back its file pages.
  virtual void ReleasePages() const {}
  /// After the last call: Malformed where the checkpoint holds tensors that nothing asked for.
  virtual Status CheckAllUsed() const = 0;
};

}  // namespace sterna

#endif  // STERNA_MODEL_WEIGHT_PROVIDER_H_
