#include <immintrin.h>

#include "bench/int8_peak.h"
#include "kernels/ternary/unroll.h"

namespace sterna {

int64_t Int8PeakAvx2(int64_t steps, int32_t* sink) noexcept {
  constexpr int kSums = 8;
  __m256i sums[kSums];
  STERNA_UNROLL
  for (int s = 0; s < kSums; ++s) sums[s] = _mm256_setzero_si256();
  __m256i codes = _mm256_set1_epi8(1);
  const __m256i x = _mm256_set1_epi8(1);
  for (int64_t i = 0; i < steps; ++i) {
    STERNA_UNROLL
    for (int s = 0; s < kSums; ++s) {
      __asm__ volatile("" : "+x"(codes));  // otherwise one product serves all sums
      sums[s] = _mm256_add_epi16(sums[s], _mm256_maddubs_epi16(codes, x));
    }
  }
  __m256i total = sums[0];
  STERNA_UNROLL
  for (int s = 1; s < kSums; ++s) total = _mm256_add_epi16(total, sums[s]);
  *sink = _mm_cvtsi128_si32(_mm256_castsi256_si128(total));
  return steps * kSums * 32;
}

}  // namespace sterna
