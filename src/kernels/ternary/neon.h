// Private to this family: what the NEON variants share. A line is four vectors of 16 bytes; vector v holds rows 4v .. 4v+3 of the
// tile, a 32-bit lane each.
#ifndef STERNA_KERNELS_TERNARY_NEON_H_
#define STERNA_KERNELS_TERNARY_NEON_H_

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#include "kernels/ternary/linear.h"
#include "kernels/ternary/tile_layout.h"
#include "kernels/ternary/token_loops.h"
#include "kernels/ternary/unroll.h"

namespace sterna {
namespace {

constexpr int kLineVectors = 4;

/// Plane p of 16 bytes: codes 0 .. 2 of columns 4p .. 4p+3. The topmost plane needs no mask.
template <int kPlane>
int8x16_t Plane(uint8x16_t bytes) noexcept {
  const uint8x16_t mask = vdupq_n_u8(3);
  if constexpr (kPlane == 0) {
    return vreinterpretq_s8_u8(vandq_u8(bytes, mask));
  } else if constexpr (kPlane == 3) {
    return vreinterpretq_s8_u8(vshrq_n_u8(bytes, 6));
  } else {
    return vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8(bytes, 2 * kPlane), mask));
  }
}

inline float32x4_t Scaled(const TernaryLinearArgs& args, int64_t token, int32x4_t biased, float32x4_t row_scales) noexcept {
  const float32x4_t sum = vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(args.x_sums[token])));
  return vmulq_f32(vdivq_f32(sum, vdupq_n_f32(args.x_scales[token])), row_scales);
}

/// The sums of rows row .. row+3 for one token: cancels the bias, scales, and writes the rows that exist.
inline void StoreScaled(const TernaryLinearArgs& args, int64_t token, int64_t row, int32x4_t biased) noexcept {
  const int64_t rows = args.row_end - row;
  float* y = args.y + token * args.y_stride + row;
  if (rows >= 4) return vst1q_f32(y, Scaled(args, token, biased, vld1q_f32(args.row_scales + row)));
  if (rows <= 0) return;
  float scales[4] = {}, results[4];
  std::memcpy(scales, args.row_scales + row, static_cast<size_t>(rows) * sizeof(float));
  vst1q_f32(results, Scaled(args, token, biased, vld1q_f32(scales)));
  std::memcpy(y, results, static_cast<size_t>(rows) * sizeof(float));
}

/// Unpack for MultiplyManyTokens with panels of one tile.
inline void UnpackTile(const uint8_t* codes, int64_t lines, uint8_t* panel) noexcept {
  const auto store = [](uint8_t* to, int8x16_t v) { vst1q_u8(to, vreinterpretq_u8_s8(v)); };
  for (int64_t line = 0; line < lines; ++line, codes += kTernaryLineBytes, panel += 4 * 64) {
    __builtin_prefetch(codes + kPrefetchBytes);
    for (int64_t at = 0; at < kTernaryLineBytes; at += 16) {
      const uint8x16_t bytes = vld1q_u8(codes + at);
      store(panel + at, Plane<0>(bytes));
      store(panel + at + 64, Plane<1>(bytes));
      store(panel + at + 128, Plane<2>(bytes));
      store(panel + at + 192, Plane<3>(bytes));
    }
  }
}

/// Four columns of one token in every lane.
inline int8x16_t BroadcastDword(const uint8_t* four_columns) noexcept {
  int32_t dword;
  std::memcpy(&dword, four_columns, sizeof dword);
  return vreinterpretq_s8_s32(vdupq_n_s32(dword));
}

/// Writes tokens x groups dwords. lines * 16 columns are read from each token, 4 <= tokens.
inline void PackActivationDwords(const int8_t* x, int64_t x_stride, int64_t tokens, int64_t lines, uint8_t* packed) noexcept {
  const auto load = [](const int8_t* from) { return vreinterpretq_s32_s8(vld1q_s8(from)); };
  const auto store = [](uint8_t* to, int64x2_t v) { vst1q_u8(to, vreinterpretq_u8_s64(v)); };
  const auto zip1 = [](int32x4_t a, int32x4_t b) { return vreinterpretq_s64_s32(vzip1q_s32(a, b)); };
  const auto zip2 = [](int32x4_t a, int32x4_t b) { return vreinterpretq_s64_s32(vzip2q_s32(a, b)); };
  for (int64_t line = 0; line < lines; ++line) {
    uint8_t* out = packed + 16 * line * tokens;
    for (int64_t begin = 0; begin < tokens; begin += 4) {
      const int64_t token = begin + 4 <= tokens ? begin : tokens - 4;  // the last four may repeat some of the four before
      const int8_t* in = x + token * x_stride + kTernaryLineCols * line;
      const int32x4_t a = load(in), b = load(in + x_stride), c = load(in + 2 * x_stride), d = load(in + 3 * x_stride);
      store(out + 4 * token, vzip1q_s64(zip1(a, b), zip1(c, d)));
      store(out + 4 * (token + tokens), vzip2q_s64(zip1(a, b), zip1(c, d)));
      store(out + 4 * (token + 2 * tokens), vzip1q_s64(zip2(a, b), zip2(c, d)));
      store(out + 4 * (token + 3 * tokens), vzip2q_s64(zip2(a, b), zip2(c, d)));
    }
  }
}

/// FewTokens of MultiplyFewTokens: Tile<kTokens>::Multiply does a pass of exactly kTokens tokens.
template <template <int> class Tile>
struct FewTokensOf {
  static void MultiplyTile(const TernaryLinearArgs& args, int64_t tokens, int64_t first_token, const uint8_t* tile, int64_t lines,
                           int64_t row) noexcept {
    switch (tokens) {
      case 1:
        return Tile<1>::Multiply(args, first_token, tile, lines, row);
      case 2:
        return Tile<2>::Multiply(args, first_token, tile, lines, row);
      case 3:
        return Tile<3>::Multiply(args, first_token, tile, lines, row);
      default:
        return Tile<4>::Multiply(args, first_token, tile, lines, row);
    }
  }
};

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_NEON_H_
