// One sequence on a model: feed tokens, get the logits of what comes next.
#ifndef STERNA_ENGINE_SESSION_H_
#define STERNA_ENGINE_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "base/memory_pressure.h"
#include "base/status.h"
#include "model/kv_pool.h"
#include "model/model.h"

namespace sterna {

struct SessionOptions {
  int64_t max_chunk = 256;   ///< tokens evaluated at once while reading a prompt; >= 1
  int64_t max_selected = 1;  ///< rows of logits computed at once by EvaluateAll; >= 1
  /// Asked before the cache grows; gets the cache's free blocks where memory is short. May be null; used by one thread.
  std::shared_ptr<MemoryPressure> pressure = nullptr;
};

/// Owns its cache and activation buffers; one thread.
class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  static Result<std::unique_ptr<Session>> Create(std::shared_ptr<const Model> model, const SessionOptions& options = {});

  /// Appends tokens to the sequence and returns the logits after the last one, [vocab], valid until the next call. Results do not
  /// depend on how a sequence is cut into calls or chunks. Errors: InvalidArgument (no tokens, an id outside the vocabulary),
  /// OutOfRange (past the context), Cancelled where keep_going, which is asked before every chunk and may be empty, says no; the
  /// sequence is unchanged then.
  Result<std::span<const float>> Append(std::span<const int32_t> tokens, const std::function<bool()>& keep_going = nullptr);

  /// The same with only the first `count` of these logits, in the order of ComesBefore (backend/top_logits.h): the same tokens and
  /// bits, for less work where the head is screened. Clamped to 1 .. min(vocab, kMaxTopLogits).
  Result<std::span<const TokenLogit>> AppendTop(std::span<const int32_t> tokens, int64_t count,
                                                const std::function<bool()>& keep_going = nullptr);

  /// Append, with the logits after every token: `row(index, logits)` is called in order; an error it returns ends the call.
  Status EvaluateAll(std::span<const int32_t> tokens,
                     const std::function<Status(size_t index, std::span<const float> logits)>& row);

  /// Forgets everything after the first `positions` tokens.
  void Rewind(int64_t positions);

  const std::vector<int32_t>& tokens() const { return tokens_; }
  int64_t positions() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t max_context() const { return model_->max_context(); }
  const Model& model() const { return *model_; }
  int64_t kv_bytes() const { return pool_->allocated_bytes(); }
  KvPoolUse kv_use() const { return pool_->use(); }
  int64_t activation_bytes() const { return program_->activation_bytes(); }

 private:
  Session() = default;

  Status Check(std::span<const int32_t> tokens) const;
  /// Evaluates one chunk, with `run` doing the step of `selected` (chunk-relative indices).
  Status Step(std::span<const int32_t> chunk, std::span<const int32_t> selected, FunctionRef<Status(const StepBatch& batch)> run);
  /// Append, with `run` doing each step; only the last one selects a token.
  Status AppendSteps(std::span<const int32_t> tokens, const std::function<bool()>& keep_going,
                     FunctionRef<Status(const StepBatch& batch)> run);

  std::shared_ptr<const Model> model_;
  SessionOptions options_;
  std::unique_ptr<Program> program_;
  std::shared_ptr<KvPool> pool_;
  std::unique_ptr<KvSequence> cache_;
  std::vector<int32_t> tokens_;
  std::vector<StepToken> step_;  // reused from step to step
  int64_t pressure_number_ = 0;  // where options_.pressure is set
};

}  // namespace sterna

#endif  // STERNA_ENGINE_SESSION_H_
