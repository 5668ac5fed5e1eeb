// Private to this family: the order in which the x86 variants read the activations of a block of tokens.
#ifndef STERNA_KERNELS_TERNARY_PACK_ACTIVATIONS_SSE2_H_
#define STERNA_KERNELS_TERNARY_PACK_ACTIVATIONS_SSE2_H_

#include <emmintrin.h>

#include <cstdint>

#include "kernels/ternary/tile_layout.h"

namespace sterna {
namespace {

/// Writes tokens x groups dwords. lines * 16 columns are read from each token, 4 <= tokens.
inline void PackActivationDwords(const int8_t* x, int64_t x_stride, int64_t tokens, int64_t lines, uint8_t* packed) noexcept {
  const auto load = [](const int8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  const auto store = [](uint8_t* to, __m128i v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v); };
  for (int64_t line = 0; line < lines; ++line) {
    uint8_t* out = packed + 16 * line * tokens;
    for (int64_t begin = 0; begin < tokens; begin += 4) {
      const int64_t token = begin + 4 <= tokens ? begin : tokens - 4;  // the last four may repeat some of the four before
      const int8_t* in = x + token * x_stride + kTernaryLineCols * line;
      const __m128i a = load(in), b = load(in + x_stride), c = load(in + 2 * x_stride), d = load(in + 3 * x_stride);
      const __m128i ab_low = _mm_unpacklo_epi32(a, b), ab_high = _mm_unpackhi_epi32(a, b);
      const __m128i cd_low = _mm_unpacklo_epi32(c, d), cd_high = _mm_unpackhi_epi32(c, d);
      store(out + 4 * token, _mm_unpacklo_epi64(ab_low, cd_low));
      store(out + 4 * (token + tokens), _mm_unpackhi_epi64(ab_low, cd_low));
      store(out + 4 * (token + 2 * tokens), _mm_unpacklo_epi64(ab_high, cd_high));
      store(out + 4 * (token + 3 * tokens), _mm_unpackhi_epi64(ab_high, cd_high));
    }
  }
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_PACK_ACTIVATIONS_SSE2_H_
