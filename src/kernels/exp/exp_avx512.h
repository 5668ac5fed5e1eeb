// Exp of kernels/exp/exp.h on 16 lanes. For files built with the AVX-512 flags only; internal linkage, so that no such code leaks.
#ifndef STERNA_KERNELS_EXP_EXP_AVX512_H_
#define STERNA_KERNELS_EXP_EXP_AVX512_H_

#include <immintrin.h>

#include "kernels/exp/exp.h"

namespace sterna {
namespace {

// The operand order of min and max decides what NaN gives: minps returns its second operand unless the first is smaller.
inline __m512 ExpAvx512(__m512 x) noexcept {
  const __mmask16 not_too_low = _mm512_cmp_ps_mask(x, _mm512_set1_ps(kExpLow), _CMP_NLT_UQ);
  x = _mm512_min_ps(_mm512_set1_ps(kExpHigh), x);
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(kLog2E)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-kLn2High), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(-kLn2Low), r);
  __m512 p = _mm512_set1_ps(kExpC[5]);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kExpC[4]));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kExpC[3]));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kExpC[2]));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kExpC[1]));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kExpC[0]));
  p = _mm512_add_ps(_mm512_fmadd_ps(_mm512_mul_ps(p, r), r, r), _mm512_set1_ps(1.0f));
  // A NaN converts to 2^31, which the shift clears: the NaN in p stays.
  const __m512i power = _mm512_slli_epi32(_mm512_cvtps_epi32(n), 23);
  return _mm512_castsi512_ps(_mm512_maskz_add_epi32(not_too_low, _mm512_castps_si512(p), power));
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_EXP_EXP_AVX512_H_
