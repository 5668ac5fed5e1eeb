#include <immintrin.h>

#include "kernels/norm/rms_norm_variants.h"

namespace sterna {

// The sums are one chain of additions per lane, so the latency of an addition sets the pace. A square is exact in f64: multiplying
// and adding apart gives the bits of a fused step, and keeps the multiplication out of the chain.
void RmsNormAvx2(const RmsNormArgs& args) noexcept {
  const int64_t whole = args.n - args.n % 8;
  __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
  for (int64_t j = 0; j < whole; j += 8) {
    const __m256d a = _mm256_cvtps_pd(_mm_loadu_ps(args.x + j)), b = _mm256_cvtps_pd(_mm_loadu_ps(args.x + j + 4));
    low = _mm256_add_pd(low, _mm256_mul_pd(a, a));
    high = _mm256_add_pd(high, _mm256_mul_pd(b, b));
  }
  double lanes[kRmsNormLanes];
  _mm256_storeu_pd(lanes, low);
  _mm256_storeu_pd(lanes + 4, high);
  for (int64_t j = whole; j < args.n; ++j) {
    const double x = args.x[j];
    lanes[j - whole] += x * x;
  }

  const float r = InverseRms(lanes, args.n, args.epsilon);
  const __m256 factor = _mm256_set1_ps(r);
  if (args.weight == nullptr) {
    for (int64_t j = 0; j < whole; j += 8) _mm256_storeu_ps(args.y + j, _mm256_mul_ps(_mm256_loadu_ps(args.x + j), factor));
    for (int64_t j = whole; j < args.n; ++j) args.y[j] = args.x[j] * r;
    return;
  }
  for (int64_t j = 0; j < whole; j += 8) {
    const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(args.x + j), factor);
    _mm256_storeu_ps(args.y + j, _mm256_mul_ps(scaled, _mm256_loadu_ps(args.weight + j)));
  }
  for (int64_t j = whole; j < args.n; ++j) args.y[j] = (args.x[j] * r) * args.weight[j];
}

}  // namespace sterna
