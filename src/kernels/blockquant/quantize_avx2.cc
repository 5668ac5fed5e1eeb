// Block quantization with 8 floats a vector: a block is four vectors, which stay in registers between the maximum and the products.
#include <immintrin.h>

#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

float HorizontalMax(__m256 v) noexcept {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  m = _mm_max_ss(m, _mm_shuffle_ps(m, m, 1));
  return _mm_cvtss_f32(m);
}

int HorizontalSum(__m256i v) noexcept {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

__m256i Steps(__m256 x, __m256 inverse) noexcept {
  // With a NaN in the first operand the second is returned.
  const __m256 steps = _mm256_max_ps(_mm256_mul_ps(x, inverse), _mm256_set1_ps(-127.0f));
  return _mm256_cvtps_epi32(_mm256_min_ps(steps, _mm256_set1_ps(127.0f)));
}

}  // namespace

void BlockQuantizeAvx2(const BlockQuantizeArgs& args) noexcept {
  const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  for (int64_t block = 0; block < args.n / kQuantBlock; ++block) {
    const float* from = args.x + kQuantBlock * block;
    const __m256 x[4] = {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8), _mm256_loadu_ps(from + 16), _mm256_loadu_ps(from + 24)};
    __m256 magnitudes = _mm256_max_ps(_mm256_and_ps(x[0], no_sign), _mm256_setzero_ps());
    for (int i = 1; i < 4; ++i) magnitudes = _mm256_max_ps(_mm256_and_ps(x[i], no_sign), magnitudes);
    const float largest = HorizontalMax(magnitudes);
    const float d = largest / 127.0f;
    const __m256 inverse = _mm256_set1_ps(largest > 0 ? 127.0f / largest : 0.0f);

    const __m256i s0 = Steps(x[0], inverse), s1 = Steps(x[1], inverse), s2 = Steps(x[2], inverse), s3 = Steps(x[3], inverse);
    // The packs work in each 128-bit half; the permutation puts the groups of four bytes back in order.
    const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(s0, s1), _mm256_packs_epi32(s2, s3));
    const __m256i in_order = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(args.q + kQuantBlock * block), in_order);

    const int first = HorizontalSum(_mm256_add_epi32(s0, s1)), second = HorizontalSum(_mm256_add_epi32(s2, s3));
    args.group_sums[2 * block] = first;
    args.group_sums[2 * block + 1] = second;
    const __m128 numbers = _mm_setr_ps(d, d * static_cast<float>(first + second), 0, 0);
    const __m128 rounded = _mm_cvtph_ps(_mm_cvtps_ph(numbers, _MM_FROUND_TO_NEAREST_INT));
    _mm_store_ss(args.scales + block, rounded);
    _mm_store_ss(args.sums + block, _mm_movehdup_ps(rounded));
  }
}

}  // namespace sterna
