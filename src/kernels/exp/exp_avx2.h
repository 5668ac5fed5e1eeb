// Exp of kernels/exp/exp.h on 8 lanes. For files built with the AVX2 flags only; internal linkage, so that no such code leaks.
#ifndef STERNA_KERNELS_EXP_EXP_AVX2_H_
#define STERNA_KERNELS_EXP_EXP_AVX2_H_

#include <immintrin.h>

#include "kernels/exp/exp.h"

namespace sterna {
namespace {

// The operand order of min and max decides what NaN gives: minps returns its second operand unless the first is smaller.
inline __m256 ExpAvx2(__m256 x) noexcept {
  const __m256 too_low = _mm256_cmp_ps(x, _mm256_set1_ps(kExpLow), _CMP_LT_OQ);
  x = _mm256_min_ps(_mm256_set1_ps(kExpHigh), x);
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(kLog2E)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-kLn2High), x);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(-kLn2Low), r);
  __m256 p = _mm256_set1_ps(kExpC[5]);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kExpC[4]));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kExpC[3]));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kExpC[2]));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kExpC[1]));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kExpC[0]));
  p = _mm256_add_ps(_mm256_fmadd_ps(_mm256_mul_ps(p, r), r, r), _mm256_set1_ps(1.0f));
  // A NaN converts to 2^31, which the shift clears: the NaN in p stays.
  const __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
  const __m256 scaled = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
  return _mm256_andnot_ps(too_low, scaled);
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_EXP_EXP_AVX2_H_
