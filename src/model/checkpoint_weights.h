// The weights of a checkpoint file: finds each tensor by its format's name, checks it, and says how to read it.
#ifndef STERNA_MODEL_CHECKPOINT_WEIGHTS_H_
#define STERNA_MODEL_CHECKPOINT_WEIGHTS_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "formats/weight_source.h"
#include "model/hadamard_fold.h"
#include "model/weight_provider.h"

namespace sterna {

/// Handles ternary types, packed uint8 with either scale rule, full-precision masters, dense and block types. Ternary types whose
/// groups have scales of their own are dense types here. Undoes the q/k permutation of llama GGUF files and Hadamard rotations of
/// weights. Keeps `source` alive in what it returns.
class CheckpointWeights final : public WeightProvider {
 public:
  CheckpointWeights(std::shared_ptr<const WeightSource> source, const ModelConfig& config);

  Result<std::vector<float>> Norm(int64_t layer, LayerNorm norm, int64_t size) override;
  Result<std::vector<float>> FinalNorm(int64_t size) override;
  Result<std::vector<float>> LinearNorm(int64_t layer, Projection projection, int64_t size) override;
  Result<std::vector<float>> Bias(int64_t layer, Projection projection, int64_t rows) override;
  Result<LinearSource> Linear(int64_t layer, Projection projection, int64_t rows, int64_t cols) override;
  Result<DenseMatrixSource> Embedding(int64_t rows, int64_t cols) override;
  Result<std::optional<DenseMatrixSource>> Head(int64_t rows, int64_t cols) override;
  Result<std::vector<float>> RopeFactors(int64_t size) override;
  Status CheckAllUsed() const override;
  void ReleasePages() const override { source_->ReleasePages(); }

 private:
  /// The first of `names` that exists, marked as used. NotFound naming the first spelling.
  Result<const TensorEntry*> Require(const std::vector<std::string>& names);
  const TensorEntry* FindOptional(const std::string& name);
  /// The first of `names` that exists, marked as used; null where none does.
  const TensorEntry* FindFirst(const std::vector<std::string>& names);
  /// A norm's weights as they multiply.
  Result<std::vector<float>> NormVector(const TensorEntry& entry, int64_t size) const;
  /// A one-dimensional tensor of finite numbers.
  Result<std::vector<float>> Vector(const TensorEntry& entry, int64_t size) const;
  Result<DenseMatrixSource> Matrix(const TensorEntry& entry, int64_t rows, int64_t cols) const;
  /// The matrix as f32, unfolded where it is folded.
  Result<DenseMatrixSource> DecodedMatrix(const TensorEntry& entry, int64_t rows, int64_t cols) const;
  /// Whether the file holds this projection's rows in GGUF llama's order.
  bool IsPermuted(Projection projection) const {
    return config_.rope_is_interleaved && (projection == Projection::kQuery || projection == Projection::kKey);
  }
  bool IsFolded(const TensorEntry& entry) const { return fold_.ok() && *fold_ && (*fold_)->tensors.contains(entry.name); }
  Result<TernaryMatrixSource> PackedMatrix(const TensorEntry& entry, const std::string& base, int64_t rows, int64_t cols);
  Result<TernaryMatrixSource> MasterMatrix(const TensorEntry& entry, const std::string& base, int64_t rows, int64_t cols);
  /// Nothing where groups have scales of their own: then Matrix reads it.
  Result<std::optional<TernaryMatrixSource>> EncodedMatrix(const TensorEntry& entry, const std::string& base, int64_t rows,
                                                           int64_t cols);
  /// The scale beside a ternary tensor, or nothing.
  Result<std::optional<float>> Scale(const std::string& name);

  std::shared_ptr<const WeightSource> source_;
  const ModelConfig config_;
  TensorNames names_;
  Result<std::optional<HadamardFold>> fold_;  ///< its error is reported by the first matrix
  std::set<std::string, std::less<>> used_;
};

}  // namespace sterna

#endif  // STERNA_MODEL_CHECKPOINT_WEIGHTS_H_
