#include <immintrin.h>

#include "kernels/rope/rope_variants.h"

namespace sterna {

void RopeAvx512(const RopeArgs& args) noexcept {
  const int64_t half = args.head_dim / 2;
  for (int64_t head = 0; head < args.heads; ++head) {
    float* const first = args.x + head * args.head_dim;
    float* const second = first + half;
    for (int64_t i = 0; i < half; i += 16) {
      const __mmask16 lanes = half - i >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << (half - i)) - 1);
      const __m512 a = _mm512_maskz_loadu_ps(lanes, first + i), b = _mm512_maskz_loadu_ps(lanes, second + i);
      const __m512 cos = _mm512_maskz_loadu_ps(lanes, args.cos + i), sin = _mm512_maskz_loadu_ps(lanes, args.sin + i);
      _mm512_mask_storeu_ps(first + i, lanes, _mm512_fnmadd_ps(b, sin, _mm512_mul_ps(a, cos)));
      _mm512_mask_storeu_ps(second + i, lanes, _mm512_fmadd_ps(a, sin, _mm512_mul_ps(b, cos)));
    }
  }
}

}  // namespace sterna
