#include <immintrin.h>

#include "kernels/rope/rope_variants.h"

namespace sterna {

void RopeAvx2(const RopeArgs& args) noexcept {
  const int64_t half = args.head_dim / 2;
  const int64_t whole = half - half % 8;
  for (int64_t head = 0; head < args.heads; ++head) {
    float* const first = args.x + head * args.head_dim;
    float* const second = first + half;
    for (int64_t i = 0; i < whole; i += 8) {
      const __m256 a = _mm256_loadu_ps(first + i), b = _mm256_loadu_ps(second + i);
      const __m256 cos = _mm256_loadu_ps(args.cos + i), sin = _mm256_loadu_ps(args.sin + i);
      _mm256_storeu_ps(first + i, _mm256_fnmadd_ps(b, sin, _mm256_mul_ps(a, cos)));
      _mm256_storeu_ps(second + i, _mm256_fmadd_ps(a, sin, _mm256_mul_ps(b, cos)));
    }
    for (int64_t i = whole; i < half; ++i) {
      const float a = first[i], b = second[i];
      first[i] = __builtin_fmaf(-b, args.sin[i], a * args.cos[i]);
      second[i] = __builtin_fmaf(a, args.sin[i], b * args.cos[i]);
    }
  }
}

}  // namespace sterna
