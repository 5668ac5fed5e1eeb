// Quantization with 8 floats a vector. Reads exactly n floats: the last, partial group of 32 goes through a zeroed local copy.
#include <immintrin.h>

#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

constexpr int64_t kGroup = 32;  // floats per 32 bytes of q

__m256 LargerMagnitude(const float* x, __m256 largest) noexcept {
  const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  // With a NaN in the first operand the second is returned.
  return _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(x), no_sign), largest);
}

float HorizontalMax(__m256 v) noexcept {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  m = _mm_max_ss(m, _mm_shuffle_ps(m, m, 1));
  return _mm_cvtss_f32(m);
}

int32_t HorizontalSum(__m256i v) noexcept {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

__m256i Steps(const float* x, __m256 scale) noexcept {
  __m256 steps = _mm256_mul_ps(_mm256_loadu_ps(x), scale);
  steps = _mm256_max_ps(steps, _mm256_set1_ps(-127.0f));
  steps = _mm256_min_ps(steps, _mm256_set1_ps(127.0f));
  return _mm256_cvtps_epi32(steps);
}

/// Writes 32 bytes of q and returns their sum in eight parts.
__m256i QuantizeGroup(const float* x, __m256 scale, int8_t* q) noexcept {
  const __m256i a = Steps(x, scale), b = Steps(x + 8, scale), c = Steps(x + 16, scale), d = Steps(x + 24, scale);
  // The packs work in each 128-bit half; the permutation puts the groups of four bytes back in order.
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  const __m256i in_order = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(q), in_order);
  return _mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d));
}

}  // namespace

void QuantizeAvx2(const QuantizeArgs& args) noexcept {
  const int64_t whole = args.n / kGroup * kGroup;
  alignas(32) float tail[kGroup] = {};
  for (int64_t i = whole; i < args.n; ++i) tail[i - whole] = args.x[i];

  __m256 largest = _mm256_set1_ps(1e-5f);
  for (int64_t i = 0; i < whole; i += 8) largest = LargerMagnitude(args.x + i, largest);
  for (int64_t i = 0; i < kGroup; i += 8) largest = LargerMagnitude(tail + i, largest);
  const float scale = 127.0f / HorizontalMax(largest);

  const __m256 scales = _mm256_set1_ps(scale);
  __m256i sum = _mm256_setzero_si256();
  for (int64_t i = 0; i < whole; i += kGroup) sum = _mm256_add_epi32(sum, QuantizeGroup(args.x + i, scales, args.q + i));
  int64_t written = whole;
  if (whole < args.n) {
    // 0 * scale is 0: the copy's zeros become the zeros behind n.
    sum = _mm256_add_epi32(sum, QuantizeGroup(tail, scales, args.q + whole));
    written += kGroup;
  }
  if (written % 64 != 0) _mm256_storeu_si256(reinterpret_cast<__m256i*>(args.q + written), _mm256_setzero_si256());
  *args.scale = scale;
  *args.sum = HorizontalSum(sum);
}

}  // namespace sterna
