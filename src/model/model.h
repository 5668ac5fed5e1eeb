// A loaded model: configuration, weights on a backend, and its forward pass as a plan. Immutable and shared by all sessions.
#ifndef STERNA_MODEL_MODEL_H_
#define STERNA_MODEL_MODEL_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "backend/backend.h"
#include "base/status.h"
#include "formats/weight_source.h"
#include "model/config.h"
#include "model/weight_provider.h"

namespace sterna {

/// What a step gives for the tokens it is asked about.
enum class ModelOutput : uint8_t {
  kLogits,  ///< [vocab]
  kHidden,  ///< the final norm, [d_model]: what embeddings are made of
};

/// Whether a 6-bit copy of the head is made, with which the largest logits are found by reading less (Program::RunTop).
enum class ScreenHead : uint8_t {
  kAuto,  ///< where the head is F32, F16 or BF16 and has at least kMinScreenedRows rows
  kOn,    ///< where the backend can, whatever the size
  kOff,
};
inline constexpr int64_t kMinScreenedRows = 16384;

struct ModelOptions {
  int64_t max_context = 0;  ///< positions to prepare for; 0 for the model's own
  DenseActivations dense_activations = DenseActivations::kFloat;
  ModelOutput output = ModelOutput::kLogits;
  ScreenHead screen_head = ScreenHead::kAuto;
};

/// Thread-safe after loading.
class Model {
 public:
  /// Reads the configuration, checks every tensor's name, shape and scale, and hands the weights to `backend`, which must be fresh.
  /// Errors name the tensor or key, expected and found.
  static Result<std::shared_ptr<const Model>> Load(std::shared_ptr<const WeightSource> source, std::shared_ptr<Backend> backend,
                                                   const ModelOptions& options = {});
  /// The same from any provider of weights.
  static Result<std::shared_ptr<const Model>> Build(const ModelConfig& config, WeightProvider& weights,
                                                    std::shared_ptr<Backend> backend, const ModelOptions& options = {});

  const ModelConfig& config() const { return config_; }
  const Plan& plan() const { return *plan_; }
  ModelOutput output() const { return output_; }
  /// Numbers that a step gives per selected token: the vocabulary, or the hidden size.
  int64_t output_width() const { return output_ == ModelOutput::kLogits ? config_.vocab : config_.d_model; }
  const KvShape& kv_shape() const { return plan_->kv; }
  /// Positions a sequence may have: the smaller of what the model was made for and what was asked for.
  int64_t max_context() const { return max_context_; }
  Backend& backend() const { return *backend_; }
  std::shared_ptr<Backend> shared_backend() const { return backend_; }
  /// Weights read per decoded token: every matrix once, the embedding as one row.
  int64_t bytes_per_token() const { return bytes_per_token_; }
  /// Of these, the head's; 0 where the model has no logits.
  int64_t head_bytes() const { return head_bytes_; }
  DType head_type() const { return head_type_; }
  /// What RunTop reads of the head at least, instead of head_bytes(); 0 where the head is not screened.
  int64_t screen_bytes() const { return screen_bytes_; }
  /// Multiply-accumulates of all matrices per decoded token.
  int64_t macs_per_token() const { return macs_per_token_; }

  Result<std::unique_ptr<Program>> NewProgram(const ProgramLimits& limits) const { return backend_->Compile(plan_, limits); }

 private:
  Model() = default;

  ModelConfig config_;
  std::shared_ptr<Backend> backend_;
  std::shared_ptr<const Plan> plan_;
  ModelOutput output_ = ModelOutput::kLogits;
  int64_t max_context_ = 0;
  int64_t bytes_per_token_ = 0;
  int64_t head_bytes_ = 0;
  DType head_type_ = DType::kF32;
  int64_t screen_bytes_ = 0;
  int64_t macs_per_token_ = 0;
};

}  // namespace sterna

#endif  // STERNA_MODEL_MODEL_H_
