#include "engine/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace sterna {

Result<std::unique_ptr<Session>> Session::Create(std::shared_ptr<const Model> model, const SessionOptions& options) {
  if (options.max_chunk < 1) return InvalidArgument(fmt::format("max_chunk: expected at least 1, found {}", options.max_chunk));
  if (options.max_selected < 1)
    return InvalidArgument(fmt::format("max_selected: expected at least 1, found {}", options.max_selected));
  auto session = std::unique_ptr<Session>(new Session());
  session->options_ = options;
  session->options_.pressure = nullptr;  // until this session is registered there
  const ProgramLimits limits{.max_tokens = std::min(options.max_chunk, model->max_context()),
                             .max_selected = std::min(options.max_selected, model->max_context())};
  session->options_.max_chunk = limits.max_tokens;
  session->options_.max_selected = limits.max_selected;
  STERNA_ASSIGN_OR_RETURN(session->program_, model->NewProgram(limits));
  const int64_t blocks = model->max_context() / kKvBlockPositions + 1;
  session->pool_ = std::make_shared<KvPool>(model->shared_backend(), model->kv_shape(), blocks);
  session->cache_ = std::make_unique<KvSequence>(session->pool_);
  if (options.pressure != nullptr) {
    session->options_.pressure = options.pressure;
    session->pressure_number_ = options.pressure->Add([pool = session->pool_.get()] { return pool->ReleaseFree(); });
  }
  session->step_.reserve(static_cast<size_t>(limits.max_tokens));
  session->tokens_.reserve(static_cast<size_t>(std::min<int64_t>(model->max_context(), 8192)));
  session->model_ = std::move(model);
  return session;
}

Session::~Session() {
  if (options_.pressure != nullptr) options_.pressure->Remove(pressure_number_);
}

Status Session::Check(std::span<const int32_t> tokens) const {
  if (tokens.empty()) return InvalidArgument("the prompt is empty: at least one token is needed");
  const int64_t vocab = model_->config().vocab;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= vocab) {
      return InvalidArgument(fmt::format("token {} of the input: expected an id from 0 to {}, found {}", i, vocab - 1, tokens[i]));
    }
  }
  const auto wanted = positions() + static_cast<int64_t>(tokens.size());
  if (wanted > max_context()) {
    return OutOfRange(fmt::format("the context holds {} tokens, but {} are needed ({} before, {} new)", max_context(), wanted,
                                  positions(), tokens.size()));
  }
  return Status::Ok();
}

Status Session::Step(std::span<const int32_t> chunk, std::span<const int32_t> selected,
                     FunctionRef<Status(const StepBatch& batch)> run) {
  const int64_t first = positions();
  const int64_t past = first + static_cast<int64_t>(chunk.size());
  if (options_.pressure != nullptr && past > static_cast<int64_t>(cache_->blocks().blocks.size()) * kKvBlockPositions) {
    options_.pressure->Poll();
  }
  STERNA_RETURN_IF_ERROR(cache_->Reserve(past));
  step_.clear();
  for (size_t i = 0; i < chunk.size(); ++i) {
    step_.push_back({.token = chunk[i], .sequence = 0, .position = first + static_cast<int64_t>(i)});
  }
  const SequenceBlocks blocks = cache_->blocks();
  STERNA_RETURN_IF_ERROR(run({.tokens = step_, .sequences = {&blocks, 1}, .selected = selected}));
  tokens_.insert(tokens_.end(), chunk.begin(), chunk.end());
  return Status::Ok();
}

Status Session::AppendSteps(std::span<const int32_t> tokens, const std::function<bool()>& keep_going,
                            FunctionRef<Status(const StepBatch& batch)> run) {
  STERNA_RETURN_IF_ERROR(Check(tokens));
  const int64_t before = positions();
  while (!tokens.empty()) {
    if (keep_going && !keep_going()) {
      Rewind(before);
      return Cancelled("stopped while the prompt was read");
    }
    const auto chunk = tokens.first(std::min(tokens.size(), static_cast<size_t>(options_.max_chunk)));
    tokens = tokens.subspan(chunk.size());
    const auto last = static_cast<int32_t>(chunk.size() - 1);
    if (Status status = Step(chunk, tokens.empty() ? std::span(&last, 1) : std::span<const int32_t>(), run); !status.ok()) {
      Rewind(before);
      return status;
    }
  }
  return Status::Ok();
}

Result<std::span<const float>> Session::Append(std::span<const int32_t> tokens, const std::function<bool()>& keep_going) {
  std::span<const float> logits;
  STERNA_RETURN_IF_ERROR(AppendSteps(tokens, keep_going, [&](const StepBatch& batch) -> Status {
    STERNA_ASSIGN_OR_RETURN(logits, program_->Run(batch));
    return Status::Ok();
  }));
  return logits;
}

Result<std::span<const TokenLogit>> Session::AppendTop(std::span<const int32_t> tokens, int64_t count,
                                                       const std::function<bool()>& keep_going) {
  const int64_t clamped = std::clamp<int64_t>(count, 1, std::min(model_->output_width(), kMaxTopLogits));
  std::span<const TokenLogit> top;
  STERNA_RETURN_IF_ERROR(AppendSteps(tokens, keep_going, [&](const StepBatch& batch) -> Status {
    STERNA_ASSIGN_OR_RETURN(top, program_->RunTop(batch, clamped));
    return Status::Ok();
  }));
  return top;
}

Status Session::EvaluateAll(std::span<const int32_t> tokens,
                            const std::function<Status(size_t index, std::span<const float> logits)>& row) {
  STERNA_RETURN_IF_ERROR(Check(tokens));
  const auto width = static_cast<size_t>(model_->output_width());
  const auto chunk_size = static_cast<size_t>(std::min(options_.max_chunk, options_.max_selected));
  std::vector<int32_t> selected(chunk_size);
  std::iota(selected.begin(), selected.end(), 0);
  for (size_t at = 0; at < tokens.size(); at += chunk_size) {
    const auto chunk = tokens.subspan(at, std::min(chunk_size, tokens.size() - at));
    std::span<const float> logits;
    STERNA_RETURN_IF_ERROR(Step(chunk, std::span(selected).first(chunk.size()), [&](const StepBatch& batch) -> Status {
      STERNA_ASSIGN_OR_RETURN(logits, program_->Run(batch));
      return Status::Ok();
    }));
    for (size_t i = 0; i < chunk.size(); ++i) {
      STERNA_RETURN_IF_ERROR(row(at + i, logits.subspan(i * width, width)));
    }
  }
  return Status::Ok();
}

void Session::Rewind(int64_t positions) {
  tokens_.resize(static_cast<size_t>(std::clamp<int64_t>(positions, 0, this->positions())));
  cache_->ShrinkTo(this->positions());
}

}  // namespace sterna
