// Private to linear_avx2.cc: how each weight type becomes vectors of 16 f32.
#ifndef STERNA_KERNELS_DENSE_WEIGHTS_AVX2_H_
#define STERNA_KERNELS_DENSE_WEIGHTS_AVX2_H_

#include <immintrin.h>

#include "kernels/dense/panel.h"

namespace sterna {
namespace {

struct Vector {
  __m256 lo, hi;
};

const __m128i* AsVector(const std::byte* bytes) noexcept {
  return reinterpret_cast<const __m128i*>(bytes);
}

__m256 BroadcastF16(const std::byte* bytes) noexcept {
  unsigned short half;
  __builtin_memcpy(&half, bytes, sizeof(half));
  return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
}

// The 16 signed or unsigned bytes of `bytes` as floats.
Vector FloatsOfI8(__m128i bytes) noexcept {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
}
Vector Scale(__m256 factor, Vector v) noexcept {
  return {_mm256_mul_ps(factor, v.lo), _mm256_mul_ps(factor, v.hi)};
}

// A chunk is kCols columns in kBytes bytes that are decoded together, as vectors in the order of columns.
// kHasTail: cols may be any number, and a vector takes kBytes bytes for its kCols = 16 columns.

struct F32 {
  static constexpr int64_t kCols = 16, kBytes = 64;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const auto* from = reinterpret_cast<const float*>(row + kBytes * chunk);
    w[0] = {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
  }
};

struct F16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* from = row + kBytes * chunk;
    w[0] = {_mm256_cvtph_ps(_mm_loadu_si128(AsVector(from))), _mm256_cvtph_ps(_mm_loadu_si128(AsVector(from + 16)))};
  }
};

struct Bf16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static __m256 Widen(const std::byte* from) noexcept {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(AsVector(from))), 16));
  }
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    w[0] = {Widen(row + kBytes * chunk), Widen(row + kBytes * chunk + 16)};
  }
};

struct Q8_0 {
  static constexpr int64_t kCols = 32, kBytes = 34;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const __m256 d = BroadcastF16(block);
    w[0] = Scale(d, FloatsOfI8(_mm_loadu_si128(AsVector(block + 2))));
    w[1] = Scale(d, FloatsOfI8(_mm_loadu_si128(AsVector(block + 18))));
  }
};

struct Q4_0 {
  static constexpr int64_t kCols = 32, kBytes = 18;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const __m256 d = BroadcastF16(block);
    const __m128i nibbles = _mm_loadu_si128(AsVector(block + 2)), low4 = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
    w[0] = Scale(d, FloatsOfI8(_mm_sub_epi8(_mm_and_si128(nibbles, low4), eight)));
    w[1] = Scale(d, FloatsOfI8(_mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(nibbles, 4), low4), eight)));
  }
};

struct Q4_1 {
  static constexpr int64_t kCols = 32, kBytes = 20;
  static constexpr bool kHasTail = false;
  // d * code is exact, so the fused form has the one rounding of d * code + m.
  static Vector Affine(__m256 d, Vector codes, __m256 m) noexcept {
    return {_mm256_fmadd_ps(d, codes.lo, m), _mm256_fmadd_ps(d, codes.hi, m)};
  }
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const __m256 d = BroadcastF16(block), m = BroadcastF16(block + 2);
    const __m128i nibbles = _mm_loadu_si128(AsVector(block + 4)), low4 = _mm_set1_epi8(15);
    w[0] = Affine(d, FloatsOfI8(_mm_and_si128(nibbles, low4)), m);
    w[1] = Affine(d, FloatsOfI8(_mm_and_si128(_mm_srli_epi16(nibbles, 4), low4)), m);
  }
};

struct Q6_K {
  static constexpr int64_t kCols = 128, kBytes = 105;  // half a block
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + 210 * (chunk / 2);
    const int64_t half = chunk % 2;
    const auto* low = reinterpret_cast<const __m256i*>(block + 64 * half);
    const __m256i ql[2] = {_mm256_loadu_si256(low), _mm256_loadu_si256(low + 1)};
    const __m256i qh = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 128 + 32 * half));
    const __m256i high[4] = {_mm256_slli_epi16(qh, 4), _mm256_slli_epi16(qh, 2), qh, _mm256_srli_epi16(qh, 2)};
    const __m256i low4 = _mm256_set1_epi8(15), bits45 = _mm256_set1_epi8(0x30), offset = _mm256_set1_epi8(32);
    alignas(32) signed char q[128];
    STERNA_UNROLL
    for (int k = 0; k < 4; ++k) {
      const __m256i nibbles = _mm256_and_si256(k < 2 ? ql[k] : _mm256_srli_epi16(ql[k - 2], 4), low4);
      const __m256i codes = _mm256_or_si256(nibbles, _mm256_and_si256(high[k], bits45));
      _mm256_store_si256(reinterpret_cast<__m256i*>(q + 32 * k), _mm256_sub_epi8(codes, offset));
    }
    alignas(32) float scales[8];
    const __m256i group_scales = _mm256_cvtepi8_epi32(_mm_loadl_epi64(AsVector(block + 192 + 8 * half)));
    _mm256_store_ps(scales, _mm256_mul_ps(BroadcastF16(block + 208), _mm256_cvtepi32_ps(group_scales)));
    STERNA_KEEP_IN_MEMORY(q);
    STERNA_KEEP_IN_MEMORY(scales);
    STERNA_UNROLL
    for (int v = 0; v < 8; ++v) {
      const __m256i lo = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(q + 16 * v)));
      const __m256i hi = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(q + 16 * v + 8)));
      w[v] = Scale(_mm256_set1_ps(scales[v]), {_mm256_cvtepi32_ps(lo), _mm256_cvtepi32_ps(hi)});
    }
  }
};

// The columns behind the last whole vector, `count` of them, zeros behind; reads no others.
template <class Type>
Vector DecodeTail(const std::byte* row, int64_t chunk, int64_t count) noexcept {
  std::byte bytes[Type::kBytes] = {};
  for (int64_t i = 0; i < count * Type::kBytes / Type::kCols; ++i) bytes[i] = row[Type::kBytes * chunk + i];
  Vector w;
  Type::Decode(bytes, 0, &w);
  return w;
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_DENSE_WEIGHTS_AVX2_H_
