// Block quantization with 16 floats a vector: a block is two vectors, which stay in registers between the maximum and the products.
#include <immintrin.h>

#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

__m512i Steps(__m512 x, __m512 inverse) noexcept {
  // With a NaN in the first operand the second is returned.
  const __m512 steps = _mm512_max_ps(_mm512_mul_ps(x, inverse), _mm512_set1_ps(-127.0f));
  return _mm512_cvtps_epi32(_mm512_min_ps(steps, _mm512_set1_ps(127.0f)));
}

}  // namespace

void BlockQuantizeAvx512(const BlockQuantizeArgs& args) noexcept {
  for (int64_t block = 0; block < args.n / kQuantBlock; ++block) {
    const float* from = args.x + kQuantBlock * block;
    const __m512 lo = _mm512_loadu_ps(from), hi = _mm512_loadu_ps(from + 16);
    const __m512 magnitudes = _mm512_max_ps(_mm512_abs_ps(hi), _mm512_max_ps(_mm512_abs_ps(lo), _mm512_setzero_ps()));
    const float largest = _mm512_reduce_max_ps(magnitudes);
    const float d = largest / 127.0f;
    const __m512 inverse = _mm512_set1_ps(largest > 0 ? 127.0f / largest : 0.0f);

    const __m512i s0 = Steps(lo, inverse), s1 = Steps(hi, inverse);
    auto* q = reinterpret_cast<__m128i*>(args.q + kQuantBlock * block);
    _mm_storeu_si128(q, _mm512_cvtepi32_epi8(s0));
    _mm_storeu_si128(q + 1, _mm512_cvtepi32_epi8(s1));

    const int first = _mm512_reduce_add_epi32(s0), second = _mm512_reduce_add_epi32(s1);
    args.group_sums[2 * block] = first;
    args.group_sums[2 * block + 1] = second;
    const __m128 numbers = _mm_setr_ps(d, d * static_cast<float>(first + second), 0, 0);
    const __m128 rounded = _mm_cvtph_ps(_mm_cvtps_ph(numbers, _MM_FROUND_TO_NEAREST_INT));
    _mm_store_ss(args.scales + block, rounded);
    _mm_store_ss(args.sums + block, _mm_movehdup_ps(rounded));
  }
}

}  // namespace sterna
