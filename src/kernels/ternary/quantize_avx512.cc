// Quantization with 16 floats a vector. Reads exactly n floats: the last vectors are loaded under a mask, which also makes the
// zeros behind n.
#include <immintrin.h>

#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

constexpr int64_t kLanes = 16;

__mmask16 LanesFrom(int64_t i, int64_t n) noexcept {
  const int64_t left = n - i;
  if (left >= kLanes) return 0xffff;
  return left <= 0 ? __mmask16{0} : static_cast<__mmask16>((1u << left) - 1);
}

}  // namespace

void QuantizeAvx512(const QuantizeArgs& args) noexcept {
  __m512 largest = _mm512_set1_ps(1e-5f);
  for (int64_t i = 0; i < args.n; i += kLanes) {
    const __m512 x = _mm512_maskz_loadu_ps(LanesFrom(i, args.n), args.x + i);
    largest = _mm512_max_ps(_mm512_abs_ps(x), largest);  // with a NaN in the first operand the second is returned
  }
  const float scale = 127.0f / _mm512_reduce_max_ps(largest);

  const __m512 scales = _mm512_set1_ps(scale);
  __m512i sum = _mm512_setzero_si512();
  const int64_t padded = (args.n + 63) / 64 * 64;
  for (int64_t i = 0; i < padded; i += kLanes) {
    __m512 steps = _mm512_mul_ps(_mm512_maskz_loadu_ps(LanesFrom(i, args.n), args.x + i), scales);
    steps = _mm512_max_ps(steps, _mm512_set1_ps(-127.0f));
    steps = _mm512_min_ps(steps, _mm512_set1_ps(127.0f));
    const __m512i q = _mm512_cvtps_epi32(steps);
    sum = _mm512_add_epi32(sum, q);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(args.q + i), _mm512_cvtepi32_epi8(q));
  }
  *args.scale = scale;
  *args.sum = _mm512_reduce_add_epi32(sum);
}

}  // namespace sterna
