// Several sequences on one model, stepped with pseudo-random tokens and counted: the engine of the benchmark.
#ifndef STERNA_API_STEP_RUNNER_H_
#define STERNA_API_STEP_RUNNER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "model/kv_pool.h"
#include "model/model.h"

namespace sterna {

/// What steps did since the counters were last reset.
struct StepCounts {
  int64_t steps = 0;
  int64_t tokens = 0;
  int64_t selected = 0;      ///< rows of logits
  int64_t kv_positions = 0;  ///< cached positions that steps had to read, each once per step: those of every sequence it touched
};

/// One thread.
class StepRunner {
 public:
  struct Options {
    int64_t sequences = 1;
    int64_t positions = 1;    ///< the most one sequence will have
    int64_t step_tokens = 1;  ///< the most a step will have
    int64_t step_selected = 1;
    int64_t top_logits = 0;               ///< Program::RunTop is asked for so many; 0: all logits, by Program::Run
    std::function<Status()> before_step;  ///< an error it returns ends the call
  };
  static Result<std::unique_ptr<StepRunner>> Create(std::shared_ptr<const Model> model, Options options);

  enum class Select : uint8_t { kNone, kLast, kAll };
  /// Appends `tokens` tokens to one sequence in steps of at most options.step_tokens. kLast: the logits of the very last token.
  Status Append(size_t sequence, int64_t tokens, Select select);
  /// One step: one token more for every sequence, all logits.
  Status DecodeTogether();
  /// Forgets, in every sequence, what lies behind the first `positions` tokens.
  void Rewind(int64_t positions);

  const StepCounts& counts() const { return counts_; }
  void ResetCounts() { counts_ = {}; }
  ScreenCounts screen_counts() const { return program_->screen_counts(); }
  int64_t kv_bytes() const { return pool_->allocated_bytes(); }
  KvPoolUse kv_use() const { return pool_->use(); }

 private:
  struct Sequence {
    std::unique_ptr<KvSequence> cache;
    int64_t positions = 0;
  };

  explicit StepRunner(Options options) : options_(std::move(options)) {}

  int32_t NextToken();
  /// Runs the step collected in step_.
  Status Run(std::span<const int32_t> selected);

  Options options_;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Program> program_;
  std::shared_ptr<KvPool> pool_;
  std::vector<Sequence> sequences_;
  std::vector<StepToken> step_;
  std::vector<int32_t> all_;  // 0, 1, 2, …
  RngStream rng_{.key = 1, .stream = 0, .counter = 0};
  StepCounts counts_;
};

}  // namespace sterna

#endif  // STERNA_API_STEP_RUNNER_H_
