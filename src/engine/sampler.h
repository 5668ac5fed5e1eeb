// From logits to the next token: penalties, truncation, temperature, and a draw that depends on seed and position only.
#ifndef STERNA_ENGINE_SAMPLER_H_
#define STERNA_ENGINE_SAMPLER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"

namespace sterna {

/// Names, meanings and order as in llama.cpp: penalties, top-k, top-p, min-p, temperature. Defaults are llama.cpp's.
struct SamplerOptions {
  double temperature = 0.8;        ///< 0: greedy, the most probable token (the lowest id among equals)
  int64_t top_k = 40;              ///< keep the k most probable; 0: all
  double top_p = 0.95;             ///< keep the smallest set with at least this probability; 1: all
  double min_p = 0.05;             ///< drop tokens below this share of the most probable one; 0: none
  double repeat_penalty = 1.0;     ///< divides positive, multiplies negative logits of recent tokens (arXiv:1909.05858); 1: off
  double presence_penalty = 0.0;   ///< subtracted once from tokens that occurred (OpenAI)
  double frequency_penalty = 0.0;  ///< subtracted per occurrence (OpenAI)
  int64_t repeat_last_n = 64;      ///< how many last tokens the penalties see; -1: all
  uint64_t seed = 0;
};

/// InvalidArgument naming the option, the range and the value.
Status CheckSamplerOptions(const SamplerOptions& options);

/// One sequence's sampler; one thread.
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options) : options_(options) {}

  /// The token after `history` (prompt and generated so far). The draw uses counter-based randomness (seed, history.size()), so
  /// that it does not depend on other sequences. Internal where a logit is NaN or +inf, or all are -inf.
  Result<int32_t> Sample(std::span<const float> logits, std::span<const int32_t> history);

  /// How many of the first logits, in the order of ComesBefore, decide what Sample returns after `history_length` tokens; 0: all of
  /// them. Greedy needs 1 and top-k k. Penalties that only lower logits add one for every token they may lower: k others of the
  /// list keep their place before everything outside it. Without top-k, top-p and min-p need the sum over all.
  int64_t LogitsNeeded(int64_t history_length) const;
  /// Sample from the first max(1, LogitsNeeded(history.size())) logits, or more, or all there are: the same token.
  Result<int32_t> SampleTop(std::span<const TokenLogit> top, std::span<const int32_t> history);

 private:
  struct Candidate {
    int32_t token;
    double logit;
  };
  static bool IsMoreProbable(const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  }

  /// Adds a candidate; Internal where the logit is no number to draw by.
  Status Add(int32_t token, float logit, size_t position);
  Result<int32_t> Choose(std::span<const int32_t> history);
  bool HasPenalties() const;
  void Penalize(std::span<const int32_t> history);
  /// Null where the token is no candidate.
  Candidate* Find(int32_t token);
  void Truncate();
  int32_t Draw(uint64_t position) const;

  SamplerOptions options_;
  std::vector<Candidate> candidates_;  // reused from call to call
  std::vector<int32_t> recent_;        // the tokens that penalties see, sorted; reused
};

/// Index of the largest value, the lowest among equals. Precondition: not empty, no NaN.
int32_t ArgMax(std::span<const float> values);

}  // namespace sterna

#endif  // STERNA_ENGINE_SAMPLER_H_
