// What a device offers: it takes weights, compiles plans to programs, and runs them.
#ifndef STERNA_BACKEND_BACKEND_H_
#define STERNA_BACKEND_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/plan.h"
#include "base/buffer.h"
#include "base/status.h"
#include "kernels/attention/attention.h"
#include "tensor/dtype.h"

namespace sterna {

/// A ternary matrix that yields its rows on demand, so that no expanded copy ever exists. `read_row(row, values, scale)` writes
/// cols values in {-1, 0, +1} and the row's multiply-scale; it is called from several threads at once, for each row once.
struct TernaryMatrixSource {
  int64_t rows = 0;
  int64_t cols = 0;
  std::function<Status(int64_t row, int8_t* values, float* scale)> read_row;
};

/// A dense or block-quantized matrix as it lies in a file (row-major, rows back to back). `keep_alive` owns the bytes. For I2_S the
/// tensor's tail is part of `bytes`.
struct DenseMatrixSource {
  DType dtype;
  int64_t rows = 0;
  int64_t cols = 0;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keep_alive;
  bool is_resident = false;  ///< the bytes lie in a Buffer, not in a mapped file: they may be used in place
};

/// Memory of the device that backs one block of the key-value cache.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual void* address() = 0;
};

/// One token of a step.
struct StepToken {
  int32_t token;     ///< checked against the vocabulary by the engine
  int32_t sequence;  ///< index into StepBatch::sequences
  int64_t position;  ///< in its sequence; earlier positions are cached or come earlier in this batch
};

/// The cache of one sequence: block b holds positions 32b .. 32b+31 of all layers and KV heads (KvBlockBytes).
struct SequenceBlocks {
  std::span<void* const> blocks;
};

struct StepBatch {
  std::span<const StepToken> tokens;
  std::span<const SequenceBlocks> sequences;
  std::span<const int32_t> selected;  ///< indices into `tokens` whose logits are wanted, rising
};

/// Limits a program's buffers are sized for.
struct ProgramLimits {
  int64_t max_tokens = 512;
  int64_t max_selected = 1;
};

/// One entry of the vocabulary and its logit.
struct TokenLogit {
  int32_t token;
  float logit;

  bool operator==(const TokenLogit&) const = default;
};

/// What RunTop did, since the program was made.
struct ScreenCounts {
  int64_t rows = 0;       ///< rows of logits asked for
  int64_t fallbacks = 0;  ///< of these, computed in full
  int64_t rescored = 0;   ///< exact logits computed for the others
};

/// Most logits that RunTop gives per selected token.
inline constexpr int64_t kMaxTopLogits = 1024;

/// A plan compiled for a device. Owns its activation buffers; one thread at a time.
class Program {
 public:
  virtual ~Program() = default;
  /// Runs one step and returns the logits, [selected.size()][vocab], valid until the next Run. Internal where the batch exceeds the
  /// limits.
  virtual Result<std::span<const float>> Run(const StepBatch& batch) = 0;
  /// Runs one step and returns, for each selected token, the first `count` logits in the order of ComesBefore (top_logits.h):
  /// [selected.size()][count], valid until the next call. They are those of Run, to the bit; a device may find them without
  /// computing the others. Internal where the batch exceeds the limits or count is not in 1 .. min(vocab, kMaxTopLogits).
  virtual Result<std::span<const TokenLogit>> RunTop(const StepBatch& batch, int64_t count);
  virtual ScreenCounts screen_counts() const { return {}; }
  /// Bytes of activation buffers.
  virtual int64_t activation_bytes() const = 0;

 protected:
  /// Internal where `count` is out of range for `vocab`.
  static Status CheckTopCount(int64_t count, int64_t vocab);
  /// top_: the largest of each row of `logits`, [rows][vocab].
  std::span<const TokenLogit> SelectTop(std::span<const float> logits, int64_t rows, int64_t count);

  std::vector<TokenLogit> top_;  // reused from step to step
};

/// Weights are added while a model loads (one thread), then the backend is immutable and shared.
class Backend {
 public:
  virtual ~Backend() = default;

  /// "cpu".
  virtual std::string name() const = 0;
  virtual int threads() const = 0;

  virtual Result<WeightId> AddVector(std::span<const float> values) = 0;
  /// A matrix that only EmbedOp reads. The source's bytes stay in use.
  virtual Result<WeightId> AddTable(DenseMatrixSource source) = 0;
  /// A matrix that is multiplied, and perhaps looked up too. `activations`: what its products see of their input, which decides how
  /// the device keeps the matrix.
  virtual Result<WeightId> AddDense(DenseMatrixSource source, DenseActivations activations) = 0;
  virtual Result<WeightId> AddTernary(const TernaryMatrixSource& source) = 0;
  /// Bytes of codes and scales that one pass over such a matrix reads; they depend on the layout this device gives it.
  virtual int64_t TernaryBytes(int64_t rows, int64_t cols) const = 0;
  /// What DenseLinearOp::screen names, made from the dense matrix `weight`; kNoWeight where this device or this matrix cannot be
  /// screened.
  virtual Result<WeightId> AddScreen(WeightId weight);
  /// Rotation angles of each position: position * inverse_frequencies[i], for positions < positions.
  virtual Result<WeightId> AddRopeTable(std::span<const double> inverse_frequencies, int64_t positions) = 0;

  virtual Result<std::unique_ptr<Program>> Compile(std::shared_ptr<const Plan> plan, const ProgramLimits& limits) = 0;
  virtual Result<std::unique_ptr<DeviceMemory>> AllocateKvBlock(const KvShape& shape) = 0;

  /// Bytes of memory that weights take on this device (mapped file pages not counted).
  virtual int64_t weight_bytes() const = 0;
  /// The kernels chosen for a weight type or operation: pairs of family and variant, for `doctor` and tests.
  virtual std::vector<std::pair<std::string, std::string>> ChosenKernels() const = 0;
};

/// Positions in one block of the key-value cache.
inline constexpr int64_t kKvBlockPositions = kKvBlockTokens;

/// Bytes of one cache block: layers * kv_heads * (keys, values) * 32 positions * head_dim floats.
int64_t KvBlockBytes(const KvShape& shape);

}  // namespace sterna

#endif  // STERNA_BACKEND_BACKEND_H_
