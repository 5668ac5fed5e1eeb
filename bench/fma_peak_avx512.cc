#include <immintrin.h>

#include "bench/fma_peak.h"

namespace sterna {

int64_t FmaPeakAvx512(int64_t steps, float* sink) noexcept {
  constexpr int kSums = 12;
  __m512 sums[kSums];
#pragma GCC unroll 12
  for (int s = 0; s < kSums; ++s) sums[s] = _mm512_setzero_ps();
  const __m512 w = _mm512_set1_ps(1.0f), x = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int s = 0; s < kSums; ++s) {
      sums[s] = _mm512_fmadd_ps(w, x, sums[s]);
      __asm__ volatile("" : "+v"(sums[s]));  // otherwise the rounds may be folded
    }
  }
  __m512 total = sums[0];
#pragma GCC unroll 12
  for (int s = 1; s < kSums; ++s) total = _mm512_add_ps(total, sums[s]);
  *sink = _mm512_cvtss_f32(total);
  return steps * kSums * 16;
}

}  // namespace sterna
