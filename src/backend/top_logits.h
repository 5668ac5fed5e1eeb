// The largest logits of a row, without sorting the row.
#ifndef STERNA_BACKEND_TOP_LOGITS_H_
#define STERNA_BACKEND_TOP_LOGITS_H_

#include <cmath>
#include <limits>
#include <span>

#include "backend/backend.h"

namespace sterna {

/// The order of logits: the larger first, the lower token among equals. NaN counts as +infinity, so that whoever reads the first
/// entries sees that something is wrong.
inline bool ComesBefore(const TokenLogit& a, const TokenLogit& b) {
  const auto key = [](float logit) { return std::isnan(logit) ? std::numeric_limits<float>::infinity() : logit; };
  const float of_a = key(a.logit), of_b = key(b.logit);
  return of_a != of_b ? of_a > of_b : a.token < b.token;
}

/// Fills `top` with the first top.size() of `logits` in that order. Precondition: 1 <= top.size() <= logits.size(). Allocates
/// nothing.
void SelectTopLogits(std::span<const float> logits, std::span<TokenLogit> top);

}  // namespace sterna

#endif  // STERNA_BACKEND_TOP_LOGITS_H_
