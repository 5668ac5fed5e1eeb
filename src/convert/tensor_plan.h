// The tensors of a new checkpoint, complete and in order, before a byte of them exists.
#ifndef STERNA_CONVERT_TENSOR_PLAN_H_
#define STERNA_CONVERT_TENSOR_PLAN_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "convert/matrix_encoder.h"
#include "convert/type_choice.h"
#include "formats/tensor_stream.h"
#include "formats/weight_source.h"
#include "model/checkpoint_weights.h"
#include "model/config.h"

namespace sterna {

inline constexpr std::array kProjections = {Projection::kQuery, Projection::kKey, Projection::kValue, Projection::kOutput,
                                            Projection::kGate,  Projection::kUp,  Projection::kDown};

/// Where the content of a new tensor comes from.
enum class TensorRole : uint8_t {
  kVector,  ///< PlannedTensor::values
  kEmbedding,
  kHead,
  kProjection,   ///< of PlannedTensor::layer
  kWeightScale,  ///< the one number beside a packed or unpacked projection
};

/// How a ternary projection is written to safetensors.
enum class TernaryForm : uint8_t { kEncoded, kPacked, kUnpacked };

struct PlannedTensor {
  TensorSpec spec;
  TensorRole role = TensorRole::kVector;
  std::vector<float> values = {};
  int64_t layer = 0;
  Projection projection = Projection::kQuery;
  TernaryForm form = TernaryForm::kEncoded;
  bool must_be_ternary = false;  ///< a dense matrix that is written to a ternary type: every row must hold -s, 0 and +s only
  RowOrder order = {};
};

struct MatrixShape {
  int64_t rows, cols;
};
MatrixShape ProjectionShape(const ModelConfig& config, Projection projection);

/// A checkpoint whose matrices can be opened again and again, so that none is kept. One thread.
class OpenCheckpoint {
 public:
  OpenCheckpoint(std::shared_ptr<const WeightSource> source, ModelConfig config)
      : source_(std::move(source)), config_(std::move(config)), weights_(source_, config_) {}

  const WeightSource& source() const { return *source_; }
  const ModelConfig& config() const { return config_; }
  CheckpointWeights& weights() { return weights_; }

  Result<LinearSource> Linear(int64_t layer, Projection projection);
  /// kEmbedding or kHead; NotFound where there is no head of its own.
  Result<LinearSource> Table(TensorRole role);
  /// The bytes of `tensor`, piece by piece.
  Status Write(const PlannedTensor& tensor, const PieceSink& sink);

 private:
  std::shared_ptr<const WeightSource> source_;
  ModelConfig config_;
  CheckpointWeights weights_;
};

/// Names and types of a GGUF file; `interleave`: rows of q and k as `llama` has them. Every tensor of the checkpoint finds its
/// place, or is named in an error. Unsupported where a type cannot hold a matrix; InvalidArgument for rules and types that apply to
/// nothing.
Result<std::vector<PlannedTensor>> PlanGguf(OpenCheckpoint* checkpoint, const TypeChoice& types, bool interleave);

/// The same for a Hugging Face directory: wider element types first. Ternary projections become packed U8 where
/// `types.projection` is empty, else their codes in F32, F16 or BF16, both beside an F32 weight_scale. Matrices of types that
/// safetensors cannot hold become F32 where nothing is asked.
Result<std::vector<PlannedTensor>> PlanSafetensors(OpenCheckpoint* checkpoint, const TypeChoice& types);

}  // namespace sterna

#endif  // STERNA_CONVERT_TENSOR_PLAN_H_
