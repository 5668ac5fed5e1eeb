#include "api/step_runner.h"

#include <algorithm>
#include <numeric>

namespace sterna {

Result<std::unique_ptr<StepRunner>> StepRunner::Create(std::shared_ptr<const Model> model, Options options) {
  auto runner = std::unique_ptr<StepRunner>(new StepRunner(std::move(options)));
  const Options& wanted = runner->options_;
  STERNA_ASSIGN_OR_RETURN(runner->program_,
                          model->NewProgram({.max_tokens = wanted.step_tokens, .max_selected = wanted.step_selected}));
  const int64_t blocks = wanted.sequences * (wanted.positions / kKvBlockPositions + 1);
  runner->pool_ = std::make_shared<KvPool>(model->shared_backend(), model->kv_shape(), blocks);
  for (int64_t i = 0; i < wanted.sequences; ++i) {
    runner->sequences_.push_back({.cache = std::make_unique<KvSequence>(runner->pool_), .positions = 0});
  }
  runner->all_.resize(static_cast<size_t>(wanted.step_selected));
  std::iota(runner->all_.begin(), runner->all_.end(), 0);
  runner->model_ = std::move(model);
  return runner;
}

int32_t StepRunner::NextToken() {
  return static_cast<int32_t>(rng_.NextUint64() % static_cast<uint64_t>(model_->config().vocab));
}

Status StepRunner::Run(std::span<const int32_t> selected) {
  if (options_.before_step) STERNA_RETURN_IF_ERROR(options_.before_step());
  std::vector<SequenceBlocks> blocks;
  blocks.reserve(sequences_.size());
  std::vector<bool> touched(sequences_.size());
  for (const StepToken& token : step_) {
    const auto index = static_cast<size_t>(token.sequence);
    Sequence& sequence = sequences_[index];
    sequence.positions = token.position + 1;
    STERNA_RETURN_IF_ERROR(sequence.cache->Reserve(sequence.positions));
    touched[index] = true;
  }
  for (size_t i = 0; i < sequences_.size(); ++i) {
    blocks.push_back(sequences_[i].cache->blocks());
    if (touched[i]) counts_.kv_positions += sequences_[i].positions;
  }
  const StepBatch batch{.tokens = step_, .sequences = blocks, .selected = selected};
  const bool wants_top = options_.top_logits > 0 && !selected.empty();
  STERNA_RETURN_IF_ERROR(wants_top ? program_->RunTop(batch, options_.top_logits).status() : program_->Run(batch).status());
  counts_.steps += 1;
  counts_.tokens += static_cast<int64_t>(step_.size());
  counts_.selected += static_cast<int64_t>(selected.size());
  return Status::Ok();
}

Status StepRunner::Append(size_t sequence, int64_t tokens, Select select) {
  while (tokens > 0) {
    const int64_t chunk = std::min(tokens, options_.step_tokens);
    tokens -= chunk;
    step_.clear();
    for (int64_t i = 0; i < chunk; ++i) {
      step_.push_back(
          {.token = NextToken(), .sequence = static_cast<int32_t>(sequence), .position = sequences_[sequence].positions + i});
    }
    const auto last = static_cast<int32_t>(chunk - 1);
    std::span<const int32_t> selected;
    if (select == Select::kAll) selected = std::span(all_).first(static_cast<size_t>(chunk));
    if (select == Select::kLast && tokens == 0) selected = {&last, 1};
    STERNA_RETURN_IF_ERROR(Run(selected));
  }
  return Status::Ok();
}

Status StepRunner::DecodeTogether() {
  step_.clear();
  for (size_t i = 0; i < sequences_.size(); ++i) {
    step_.push_back({.token = NextToken(), .sequence = static_cast<int32_t>(i), .position = sequences_[i].positions});
  }
  return Run(all_);
}

void StepRunner::Rewind(int64_t positions) {
  for (Sequence& sequence : sequences_) {
    sequence.positions = std::min(sequence.positions, positions);
    sequence.cache->ShrinkTo(sequence.positions);
  }
}

}  // namespace sterna
