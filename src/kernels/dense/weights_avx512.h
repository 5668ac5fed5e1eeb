// Private to linear_avx512.cc: how each weight type becomes vectors of 16 f32.
#ifndef STERNA_KERNELS_DENSE_WEIGHTS_AVX512_H_
#define STERNA_KERNELS_DENSE_WEIGHTS_AVX512_H_

#include <immintrin.h>

#include "kernels/dense/panel.h"

namespace sterna {
namespace {

const __m128i* AsVector(const std::byte* bytes) noexcept {
  return reinterpret_cast<const __m128i*>(bytes);
}

short LoadI16(const std::byte* bytes) noexcept {
  short value;
  __builtin_memcpy(&value, bytes, sizeof(value));
  return value;
}

// kFusedTokens: up to so many tokens, decoding the row again for every four beats a panel (measured).
// A chunk is kCols columns in kBytes bytes that are decoded together, as kVectors registers in the order of
// columns. kHasTail: cols may be any number; DecodeTail decodes the columns behind the last whole vector, `mask` of them, and reads
// no others.

struct F32 {
  static constexpr int64_t kCols = 16, kBytes = 64, kFusedTokens = 16;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept { w[0] = _mm512_loadu_ps(row + 64 * chunk); }
  static __m512 DecodeTail(const std::byte* row, int64_t chunk, __mmask16 mask) noexcept {
    return _mm512_maskz_loadu_ps(mask, row + 64 * chunk);
  }
};

struct F16 {
  static constexpr int64_t kCols = 16, kBytes = 32, kFusedTokens = 16;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    w[0] = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * chunk)));
  }
  static __m512 DecodeTail(const std::byte* row, int64_t chunk, __mmask16 mask) noexcept {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row + 32 * chunk));
  }
};

struct Bf16 {
  static constexpr int64_t kCols = 16, kBytes = 32, kFusedTokens = 16;
  static constexpr bool kHasTail = true;
  static __m512 Widen(__m256i halves) noexcept { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16)); }
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    w[0] = Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * chunk)));
  }
  static __m512 DecodeTail(const std::byte* row, int64_t chunk, __mmask16 mask) noexcept {
    return Widen(_mm256_maskz_loadu_epi16(mask, row + 32 * chunk));
  }
};

struct Q8_0 {
  static constexpr int64_t kCols = 32, kBytes = 34, kFusedTokens = 8;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 34 * chunk;
    alignas(16) float d[4];
    _mm_store_ps(d, _mm_cvtph_ps(_mm_loadu_si32(block)));
    STERNA_KEEP_IN_MEMORY(d);
    w[0] = _mm512_mul_ps(_mm512_set1_ps(d[0]), _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(AsVector(block + 2)))));
    w[1] = _mm512_mul_ps(_mm512_set1_ps(d[0]), _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(AsVector(block + 18)))));
  }
};

// A nibble selects from the 16 values its block can have; vpermps looks at the low four bits of each lane only.
void SelectByNibble(const std::byte* nibbles, __m512 values, __m512* w) noexcept {
  const __m512i codes = _mm512_cvtepu8_epi32(_mm_loadu_si128(AsVector(nibbles)));
  w[0] = _mm512_permutexvar_ps(codes, values);
  w[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(codes, 4), values);
}

struct Q4_0 {
  static constexpr int64_t kCols = 32, kBytes = 18, kFusedTokens = 8;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 18 * chunk;
    const __m512 codes = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    alignas(16) float d[4];
    _mm_store_ps(d, _mm_cvtph_ps(_mm_loadu_si32(block)));
    STERNA_KEEP_IN_MEMORY(d);
    SelectByNibble(block + 2, _mm512_mul_ps(_mm512_set1_ps(d[0]), codes), w);
  }
};

struct Q4_1 {
  static constexpr int64_t kCols = 32, kBytes = 20, kFusedTokens = 8;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 20 * chunk;
    const __m512 codes = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    alignas(16) float d_and_m[4];
    _mm_store_ps(d_and_m, _mm_cvtph_ps(_mm_loadu_si32(block)));
    STERNA_KEEP_IN_MEMORY(d_and_m);
    const __m512 d = _mm512_set1_ps(d_and_m[0]), m = _mm512_set1_ps(d_and_m[1]);
    SelectByNibble(block + 4, _mm512_fmadd_ps(d, codes, m), w);  // d * code is exact: one rounding, as in d * code + m
  }
};

struct Q6_K {
  static constexpr int64_t kCols = 128, kBytes = 105, kFusedTokens = 4;  // half a block
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 210 * (chunk / 2);
    const int64_t half = chunk % 2;
    const __m256i qh = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 128 + 32 * half));
    const __m512i high = _mm512_inserti64x4(_mm512_castsi256_si512(qh), _mm256_srli_epi16(qh, 2), 1);
    const __m512i ql = _mm512_loadu_si512(block + 64 * half);
    const __m512i low4 = _mm512_set1_epi8(15), bits45 = _mm512_set1_epi8(0x30), offset = _mm512_set1_epi8(32);
    // Columns 0..63 and 64..127 of the half, as signed bytes.
    const __m512i first = _mm512_or_si512(_mm512_and_si512(ql, low4), _mm512_and_si512(_mm512_slli_epi16(high, 4), bits45));
    const __m512i last = _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(ql, 4), low4), _mm512_and_si512(high, bits45));
    const __m256 d = _mm256_cvtph_ps(_mm_set1_epi16(LoadI16(block + 208)));
    const __m256i group_scales = _mm256_cvtepi8_epi32(_mm_loadl_epi64(AsVector(block + 192 + 8 * half)));
    alignas(64) signed char q[128];
    _mm512_store_si512(q, _mm512_sub_epi8(first, offset));
    _mm512_store_si512(q + 64, _mm512_sub_epi8(last, offset));
    alignas(32) float scales[8];
    _mm256_store_ps(scales, _mm256_mul_ps(d, _mm256_cvtepi32_ps(group_scales)));
    STERNA_KEEP_IN_MEMORY(q);
    STERNA_KEEP_IN_MEMORY(scales);
    STERNA_UNROLL
    for (int v = 0; v < 8; ++v) {
      const __m512i codes = _mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(q + 16 * v)));
      w[v] = _mm512_mul_ps(_mm512_set1_ps(scales[v]), _mm512_cvtepi32_ps(codes));
    }
  }
};

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_DENSE_WEIGHTS_AVX512_H_
