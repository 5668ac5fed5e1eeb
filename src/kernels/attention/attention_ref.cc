#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_variants.h"
#include "kernels/exp/exp.h"

namespace sterna {
namespace {

constexpr int64_t kTokens = kKvBlockTokens;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

/// One query: what the header says, line by line.
void Attend(const AttentionArgs& args, const float* q, float* y) noexcept {
  float m = kMinusInfinity, l = 0.0f;
  std::fill(y, y + args.head_dim, 0.0f);
  for (int64_t first = args.begin / kTokens * kTokens; first < args.positions; first += kTokens) {
    const float* const keys = args.keys[first / kTokens];
    const float* const values = args.values[first / kTokens];
    const int64_t begin = std::max<int64_t>(args.begin - first, 0), end = std::min(kTokens, args.positions - first);

    float s[kTokens];
    float new_m = m;
    for (int64_t i = 0; i < kTokens; ++i) {
      float dot = 0.0f;
      for (int64_t d = 0; d < args.head_dim; ++d) dot = std::fma(q[d], keys[d * kTokens + i], dot);
      s[i] = i >= begin && i < end ? args.score_scale * dot : kMinusInfinity;
      new_m = std::max(new_m, s[i]);
    }
    const float c = Exp(m - new_m);
    m = new_m;

    float p[kTokens], sums[kTokens];
    for (int64_t i = 0; i < kTokens; ++i) p[i] = sums[i] = Exp(s[i] - m);
    for (int64_t distance = kTokens / 2; distance > 0; distance /= 2) {
      for (int64_t i = 0; i < distance; ++i) sums[i] += sums[i + distance];
    }
    l = std::fma(l, c, sums[0]);

    for (int64_t d = 0; d < args.head_dim; ++d) y[d] *= c;
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t d = 0; d < args.head_dim; ++d) y[d] = std::fma(p[i], values[i * args.head_dim + d], y[d]);
    }
  }
  for (int64_t d = 0; d < args.head_dim; ++d) y[d] /= l;
}

}  // namespace

void AttentionRef(const AttentionArgs& args) noexcept {
  for (int64_t query = 0; query < args.queries; ++query) {
    Attend(args, args.q + query * args.head_dim, args.y + query * args.head_dim);
  }
}

}  // namespace sterna
