#include <immintrin.h>

#include "bench/int8_peak.h"
#include "kernels/ternary/unroll.h"

namespace sterna {

int64_t Int8PeakAvx512(int64_t steps, int32_t* sink) noexcept {
  constexpr int kSums = 16;
  __m512i sums[kSums];
  STERNA_UNROLL
  for (int s = 0; s < kSums; ++s) sums[s] = _mm512_setzero_si512();
  const __m512i codes = _mm512_set1_epi8(1), x = _mm512_set1_epi8(1);
  for (int64_t i = 0; i < steps; ++i) {
    STERNA_UNROLL
    for (int s = 0; s < kSums; ++s) {
      sums[s] = _mm512_dpbusd_epi32(sums[s], codes, x);
      __asm__ volatile("" : "+v"(sums[s]));  // otherwise the rounds are folded into one multiplication
    }
  }
  __m512i total = sums[0];
  STERNA_UNROLL
  for (int s = 1; s < kSums; ++s) total = _mm512_add_epi32(total, sums[s]);
  *sink = _mm_cvtsi128_si32(_mm512_castsi512_si128(total));
  return steps * kSums * 64;
}

}  // namespace sterna
