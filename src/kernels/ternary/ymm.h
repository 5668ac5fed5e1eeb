// Private to this family: what the 256-bit variants share. A line is two ymm: rows 0 .. 7 of the tile, then rows 8 .. 15.
#ifndef STERNA_KERNELS_TERNARY_YMM_H_
#define STERNA_KERNELS_TERNARY_YMM_H_

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/ternary/linear.h"
#include "kernels/ternary/pack_activations_sse2.h"
#include "kernels/ternary/tile_layout.h"
#include "kernels/ternary/token_loops.h"

namespace sterna {
namespace {

inline __m256i LoadAligned(const uint8_t* from) noexcept {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
}

/// Four columns of one token in every lane.
inline __m256i BroadcastDword(const void* four_columns) noexcept {
  int32_t dword;
  std::memcpy(&dword, four_columns, sizeof dword);
  return _mm256_set1_epi32(dword);
}

inline void StoreScaledHalf(const TernaryLinearArgs& args, int64_t token, __m256i biased, const float* row_scales,
                            float* y) noexcept {
  const __m256 sum = _mm256_cvtepi32_ps(_mm256_sub_epi32(biased, _mm256_set1_epi32(args.x_sums[token])));
  const __m256 unscaled = _mm256_div_ps(sum, _mm256_set1_ps(args.x_scales[token]));
  _mm256_storeu_ps(y, _mm256_mul_ps(unscaled, _mm256_loadu_ps(row_scales)));
}

/// The 16 sums of a tile for one token: cancels the bias, scales, and writes the rows that exist.
inline void StoreScaled(const TernaryLinearArgs& args, int64_t token, int64_t row, __m256i upper_rows,
                        __m256i lower_rows) noexcept {
  const int64_t rows = args.row_end - row;
  const float* row_scales = args.row_scales + row;
  float* y = args.y + token * args.y_stride + row;
  if (rows >= kTernaryTileRows) {
    StoreScaledHalf(args, token, upper_rows, row_scales, y);
    StoreScaledHalf(args, token, lower_rows, row_scales + 8, y + 8);
    return;
  }
  float scales[kTernaryTileRows] = {}, results[kTernaryTileRows];
  std::memcpy(scales, row_scales, static_cast<size_t>(rows) * sizeof(float));
  StoreScaledHalf(args, token, upper_rows, scales, results);
  StoreScaledHalf(args, token, lower_rows, scales + 8, results + 8);
  std::memcpy(y, results, static_cast<size_t>(rows) * sizeof(float));
}

/// Unpack for MultiplyManyTokens with panels of one tile.
inline void UnpackTile(const uint8_t* codes, int64_t lines, uint8_t* panel) noexcept {
  const __m256i mask = _mm256_set1_epi8(3);
  const auto store = [](uint8_t* to, __m256i v) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), v); };
  for (int64_t line = 0; line < lines; ++line, codes += kTernaryLineBytes, panel += 4 * 64) {
    _mm_prefetch(reinterpret_cast<const char*>(codes) + kPrefetchBytes, _MM_HINT_T0);
    for (int half = 0; half < 64; half += 32) {
      const __m256i bytes = LoadAligned(codes + half);
      store(panel + half, _mm256_and_si256(bytes, mask));
      store(panel + half + 64, _mm256_and_si256(_mm256_srli_epi16(bytes, 2), mask));
      store(panel + half + 128, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask));
      store(panel + half + 192, _mm256_and_si256(_mm256_srli_epi16(bytes, 6), mask));
    }
  }
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_YMM_H_
