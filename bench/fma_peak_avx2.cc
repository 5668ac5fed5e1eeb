#include <immintrin.h>

#include "bench/fma_peak.h"

namespace sterna {

int64_t FmaPeakAvx2(int64_t steps, float* sink) noexcept {
  constexpr int kSums = 12;
  __m256 sums[kSums];
#pragma GCC unroll 12
  for (int s = 0; s < kSums; ++s) sums[s] = _mm256_setzero_ps();
  const __m256 w = _mm256_set1_ps(1.0f), x = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int s = 0; s < kSums; ++s) {
      sums[s] = _mm256_fmadd_ps(w, x, sums[s]);
      __asm__ volatile("" : "+v"(sums[s]));  // otherwise the rounds may be folded
    }
  }
  __m256 total = sums[0];
#pragma GCC unroll 12
  for (int s = 1; s < kSums; ++s) total = _mm256_add_ps(total, sums[s]);
  *sink = _mm256_cvtss_f32(total);
  return steps * kSums * 8;
}

}  // namespace sterna
