// Private to this family: a few tokens by sdot, for the variants that have it.
//
// sdot by lane multiplies every row's dword of codes with one of the four dwords of a vector of activations: plane p of a line
// takes lane p of the line's 16 columns, so an activation costs one load a line and no broadcast. Per 16 bytes of codes that is 4
// sdot and 4 to 6 operations for the planes; cores with two vector pipes (Neoverse N1, Cortex-A76: two sdot a cycle) so take 16 to
// 13 codes a cycle, those with four (Neoverse V1, V2, Apple) twice as many.
//
// One token: planes 1 and 2 are multiplied where they stand in the byte, which gives exact multiples of 4 and 16 kept in sums of
// their own and shifted back at the end: 4 operations instead of 6. Plane 3 in place would be negative as a signed byte; its shift
// needs no mask.
//
// Registers: 12 sums for 1 token, 8, 12 and 16 for 2, 3 and 4; 4 vectors of codes, a plane, a vector of activations for each token,
// masks.
//
// Overflow: plane 2 in place is at most 32 * 127 * 4 per line and lane, so 2^16 lines stay below 2^30; longer rows are cut there.
// All codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
//
// Reads: codes exactly; activations up to the next multiple of 16 columns, which are zeros; prefetches past the end do not fault.
#ifndef STERNA_KERNELS_TERNARY_NEON_SDOT_H_
#define STERNA_KERNELS_TERNARY_NEON_SDOT_H_

#include "kernels/ternary/neon.h"

namespace sterna {
namespace {

constexpr int64_t kMaxSegmentLines = int64_t{1} << 16;

/// Sums of the rows of one vector of codes.
template <bool kInPlace>
struct VectorSums {
  int32x4_t ones;

  void Clear() noexcept { ones = vdupq_n_s32(0); }
  int32x4_t Fold() const noexcept { return ones; }
};

template <>
struct VectorSums<true> {
  int32x4_t ones, fours, sixteens;

  void Clear() noexcept { ones = fours = sixteens = vdupq_n_s32(0); }
  int32x4_t Fold() const noexcept { return vaddq_s32(ones, vaddq_s32(vshrq_n_s32(fours, 2), vshrq_n_s32(sixteens, 4))); }
};

template <int kTokens>
struct SdotTile {
  static constexpr bool kInPlace = kTokens == 1;
  using Sums = VectorSums<kInPlace>;

  static void AddVector(uint8x16_t bytes, const int8x16_t (&x)[kTokens], Sums (&sums)[kTokens][kLineVectors], int v) noexcept {
    if constexpr (kInPlace) {
      const int8x16_t fours = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(0x0c)));
      const int8x16_t sixteens = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(0x30)));
      Sums& sum = sums[0][v];
      sum.ones = vdotq_laneq_s32(sum.ones, Plane<0>(bytes), x[0], 0);
      sum.fours = vdotq_laneq_s32(sum.fours, fours, x[0], 1);
      sum.sixteens = vdotq_laneq_s32(sum.sixteens, sixteens, x[0], 2);
      sum.ones = vdotq_laneq_s32(sum.ones, Plane<3>(bytes), x[0], 3);
    } else {
      const int8x16_t planes[4] = {Plane<0>(bytes), Plane<1>(bytes), Plane<2>(bytes), Plane<3>(bytes)};
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) sums[t][v].ones = vdotq_laneq_s32(sums[t][v].ones, planes[0], x[t], 0);
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) sums[t][v].ones = vdotq_laneq_s32(sums[t][v].ones, planes[1], x[t], 1);
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) sums[t][v].ones = vdotq_laneq_s32(sums[t][v].ones, planes[2], x[t], 2);
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) sums[t][v].ones = vdotq_laneq_s32(sums[t][v].ones, planes[3], x[t], 3);
    }
  }

  static void Multiply(const TernaryLinearArgs& args, int64_t first_token, const uint8_t* tile, int64_t lines,
                       int64_t row) noexcept {
    int32x4_t total[kTokens][kLineVectors];
    STERNA_UNROLL
    for (int i = 0; i < kTokens * kLineVectors; ++i) total[i / kLineVectors][i % kLineVectors] = vdupq_n_s32(0);
    for (int64_t line = 0; line < lines;) {
      const int64_t end = lines - line < kMaxSegmentLines ? lines : line + kMaxSegmentLines;
      Sums sums[kTokens][kLineVectors];
      STERNA_UNROLL
      for (int i = 0; i < kTokens * kLineVectors; ++i) sums[i / kLineVectors][i % kLineVectors].Clear();
      for (; line < end; ++line) {
        const uint8_t* bytes = tile + line * kTernaryLineBytes;
        __builtin_prefetch(bytes + kPrefetchBytes);
        int8x16_t x[kTokens];
        STERNA_UNROLL
        for (int t = 0; t < kTokens; ++t) x[t] = vld1q_s8(args.x + (first_token + t) * args.x_stride + line * kTernaryLineCols);
        STERNA_UNROLL
        for (int v = 0; v < kLineVectors; ++v) AddVector(vld1q_u8(bytes + 16 * v), x, sums, v);
      }
      STERNA_UNROLL
      for (int i = 0; i < kTokens * kLineVectors; ++i) {
        int32x4_t& sum = total[i / kLineVectors][i % kLineVectors];
        sum = vaddq_s32(sum, sums[i / kLineVectors][i % kLineVectors].Fold());
      }
    }
    STERNA_UNROLL
    for (int i = 0; i < kTokens * kLineVectors; ++i) {
      StoreScaled(args, first_token + i / kLineVectors, row + 4 * (i % kLineVectors), total[i / kLineVectors][i % kLineVectors]);
    }
  }
};

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_NEON_SDOT_H_
