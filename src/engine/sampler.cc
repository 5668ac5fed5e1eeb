#include "engine/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"

namespace sterna {
namespace {

Status CheckRange(std::string_view name, double value, double low, double high) {
  if (value >= low && value <= high) return Status::Ok();  // false for NaN
  return InvalidArgument(fmt::format("{}: expected {} to {}, found {}", name, low, high, value));
}

}  // namespace

Status CheckSamplerOptions(const SamplerOptions& options) {
  STERNA_RETURN_IF_ERROR(CheckRange("temperature", options.temperature, 0, 100));
  STERNA_RETURN_IF_ERROR(CheckRange("top-k", static_cast<double>(options.top_k), 0, 1e9));
  STERNA_RETURN_IF_ERROR(CheckRange("top-p", options.top_p, 0, 1));
  STERNA_RETURN_IF_ERROR(CheckRange("min-p", options.min_p, 0, 1));
  STERNA_RETURN_IF_ERROR(CheckRange("repeat-penalty", options.repeat_penalty, 0.01, 100));
  STERNA_RETURN_IF_ERROR(CheckRange("presence-penalty", options.presence_penalty, -100, 100));
  STERNA_RETURN_IF_ERROR(CheckRange("frequency-penalty", options.frequency_penalty, -100, 100));
  return CheckRange("repeat-last-n", static_cast<double>(options.repeat_last_n), -1, 1e9);
}

int32_t ArgMax(std::span<const float> values) {
  return static_cast<int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

Status Sampler::Add(int32_t token, float logit, size_t position) {
  if (std::isnan(logit) || logit == std::numeric_limits<float>::infinity()) {
    return Internal(fmt::format("logit of token {} at position {} is {}", token, position, logit));
  }
  candidates_.push_back({token, static_cast<double>(logit)});
  return Status::Ok();
}

Result<int32_t> Sampler::Sample(std::span<const float> logits, std::span<const int32_t> history) {
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    STERNA_RETURN_IF_ERROR(Add(static_cast<int32_t>(i), logits[i], history.size()));
  }
  return Choose(history);
}

Result<int32_t> Sampler::SampleTop(std::span<const TokenLogit> top, std::span<const int32_t> history) {
  candidates_.clear();
  for (const TokenLogit& entry : top) STERNA_RETURN_IF_ERROR(Add(entry.token, entry.logit, history.size()));
  return Choose(history);
}

int64_t Sampler::LogitsNeeded(int64_t history_length) const {
  const int64_t kept = options_.temperature == 0 ? 1 : options_.top_k;
  if (kept == 0 || !HasPenalties()) return kept;
  if (options_.repeat_penalty < 1 || options_.presence_penalty < 0 || options_.frequency_penalty < 0) return 0;
  return kept + (options_.repeat_last_n < 0 ? history_length : std::min(history_length, options_.repeat_last_n));
}

Result<int32_t> Sampler::Choose(std::span<const int32_t> history) {
  const auto is_finite = [](const Candidate& candidate) { return std::isfinite(candidate.logit); };
  if (std::none_of(candidates_.begin(), candidates_.end(), is_finite)) {
    return Internal(fmt::format("no logit at position {} is finite", history.size()));
  }
  Penalize(history);
  if (options_.temperature == 0) return std::min_element(candidates_.begin(), candidates_.end(), IsMoreProbable)->token;
  Truncate();
  return Draw(history.size());
}

bool Sampler::HasPenalties() const {
  return options_.repeat_penalty != 1 || options_.presence_penalty != 0 || options_.frequency_penalty != 0;
}

void Sampler::Penalize(std::span<const int32_t> history) {
  if (!HasPenalties()) return;
  if (options_.repeat_last_n >= 0 && history.size() > static_cast<size_t>(options_.repeat_last_n)) {
    history = history.last(static_cast<size_t>(options_.repeat_last_n));
  }
  recent_.assign(history.begin(), history.end());
  std::sort(recent_.begin(), recent_.end());
  for (auto run = recent_.begin(); run != recent_.end();) {
    const int32_t token = *run;
    const auto end = std::upper_bound(run, recent_.end(), token);
    const auto count = end - run;
    run = end;
    Candidate* const candidate = Find(token);
    if (candidate == nullptr) continue;
    double& logit = candidate->logit;
    logit = logit > 0 ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
    logit -= static_cast<double>(count) * options_.frequency_penalty + options_.presence_penalty;
  }
}

Sampler::Candidate* Sampler::Find(int32_t token) {
  // All logits lie at their token's index; the first few have any order.
  const auto index = static_cast<size_t>(token);
  if (index < candidates_.size() && candidates_[index].token == token) return &candidates_[index];
  const auto found = std::ranges::find(candidates_, token, &Candidate::token);
  return found == candidates_.end() ? nullptr : &*found;
}

/// Leaves the candidates that top-k, top-p and min-p keep, most probable first.
void Sampler::Truncate() {
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < candidates_.size()) {
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(options_.top_k);
    std::partial_sort(candidates_.begin(), end, candidates_.end(), IsMoreProbable);
    candidates_.erase(end, candidates_.end());
  } else {
    std::sort(candidates_.begin(), candidates_.end(), IsMoreProbable);
  }
  const double best = candidates_.front().logit;
  if (options_.top_p < 1) {
    double total = 0;
    for (const Candidate& candidate : candidates_) total += std::exp(candidate.logit - best);
    double sum = 0;
    size_t kept = 0;
    while (kept < candidates_.size()) {
      sum += std::exp(candidates_[kept++].logit - best);
      if (sum >= options_.top_p * total) break;
    }
    candidates_.resize(kept);
  }
  if (options_.min_p > 0) {
    const auto too_rare = [&](const Candidate& candidate) { return std::exp(candidate.logit - best) < options_.min_p; };
    candidates_.erase(std::find_if(candidates_.begin(), candidates_.end(), too_rare), candidates_.end());
  }
}

int32_t Sampler::Draw(uint64_t position) const {
  const double best = candidates_.front().logit;
  const auto weight = [&](const Candidate& candidate) { return std::exp((candidate.logit - best) / options_.temperature); };
  double total = 0;
  for (const Candidate& candidate : candidates_) total += weight(candidate);
  RngStream rng{.key = options_.seed, .stream = 0, .counter = position};
  double left = rng.NextUniform() * total;
  for (const Candidate& candidate : candidates_) {
    left -= weight(candidate);
    if (left < 0) return candidate.token;
  }
  return candidates_.back().token;  // rounding left a crumb
}

}  // namespace sterna
