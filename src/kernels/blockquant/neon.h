// Private to this family: the NEON variants, without the instruction that sums products of bytes; linear_neon.cc and
// linear_neon_dotprod.cc bring it. A quarter of a line is one register, a lane of 32 bits is a row.
//
// A quarter of a tile times 1 to 4 tokens: one float sum and two integer sums per token. All codes fit a signed byte. The four
// quarters find each other's lines in the cache. Over-reads: none.
#ifndef STERNA_KERNELS_BLOCKQUANT_NEON_H_
#define STERNA_KERNELS_BLOCKQUANT_NEON_H_

#include <arm_neon.h>

#include "kernels/blockquant/unroll.h"
#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

constexpr int64_t kRows = 4;  // of a quarter of a tile
// Ahead of the same place in the next tile, into the second-level cache: a tile has two or three streams, and those of its scales
// begin at once.
constexpr int64_t kPrefetchBytes = 4096;

STERNA_INLINE uint8x16_t LoadLine(const std::byte* block, int64_t line) noexcept {
  return vld1q_u8(reinterpret_cast<const uint8_t*>(block + kBlockLineBytes * line));
}
STERNA_INLINE uint8x16_t Nibbles(const std::byte* block, int64_t group) noexcept {
  const uint8x16_t line = LoadLine(block, group % 4);
  return group < 4 ? vandq_u8(line, vdupq_n_u8(15)) : vshrq_n_u8(line, 4);
}

// Load: the codes of a group of four columns.

struct Q8_0 {
  static constexpr DType kType = DType::kQ8_0;
  STERNA_INLINE static int8x16_t Load(const std::byte* block, int64_t group) noexcept {
    return vreinterpretq_s8_u8(LoadLine(block, group));
  }
};

struct Q4_0 {
  static constexpr DType kType = DType::kQ4_0;
  STERNA_INLINE static int8x16_t Load(const std::byte* block, int64_t group) noexcept {
    return vsubq_s8(vreinterpretq_s8_u8(Nibbles(block, group)), vdupq_n_s8(8));
  }
};

struct Q4_1 {
  static constexpr DType kType = DType::kQ4_1;
  STERNA_INLINE static int8x16_t Load(const std::byte* block, int64_t group) noexcept {
    return vreinterpretq_s8_u8(Nibbles(block, group));
  }
};

struct Q6_K {
  static constexpr DType kType = DType::kQ6_K;
  STERNA_INLINE static int8x16_t Load(const std::byte* block, int64_t group) noexcept {
    // A shift by a register, negative to the right: groups differ in nothing else.
    const int8x16_t left = vdupq_n_s8(static_cast<int8_t>(4 - 2 * (group % 4)));
    const uint8x16_t high = vandq_u8(vshlq_u8(LoadLine(block, 4 + group / 4), left), vdupq_n_u8(48));
    return vsubq_s8(vreinterpretq_s8_u8(vorrq_u8(Nibbles(block, group), high)), vdupq_n_s8(32));
  }
};

STERNA_INLINE int8x16_t BroadcastGroup(const int8_t* q) noexcept {
  int32_t four;
  __builtin_memcpy(&four, q, sizeof(four));
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

STERNA_INLINE float32x4_t LoadHalves(const std::byte* numbers) noexcept {
  return vcvt_f32_f16(vld1_f16(reinterpret_cast<const __fp16*>(numbers)));
}

/// Four int8, widened.
STERNA_INLINE float32x4_t LoadScales(const std::byte* scales) noexcept {
  int32_t four;
  __builtin_memcpy(&four, scales, sizeof(four));
  const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

/// Rows row .. row + 3. Dot::Add(sum, codes, q): sum plus four sums of 4 products of bytes.
template <class Dot, class Type, int kTokens>
void Multiply(const BlockLinearArgs& args, const std::byte* tile, const BlockTileParts& parts, int64_t row,
              int64_t token) noexcept {
  constexpr bool kIsQ6K = Type::kType == DType::kQ6_K;
  const int64_t tile_row = row % kBlockTileRows;
  const int64_t blocks = args.cols / kQuantBlock, block_bytes = parts.end / blocks;
  const std::byte* ahead = tile + parts.end + kPrefetchBytes;
  float32x4_t y[kTokens];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) y[t] = vdupq_n_f32(0);
  for (int64_t b = 0; b < blocks; ++b, ahead += block_bytes) {
    if (tile_row == 0) {
      for (int64_t i = 0; i < block_bytes; i += kBlockLineBytes) __builtin_prefetch(ahead + i, 0, 2);
    }
    const std::byte* block = tile + parts.code_bytes * b + 4 * tile_row;
    const int8_t* q = args.q + token * args.q_stride + kQuantBlock * b;
    int32x4_t dots[2][kTokens];  // of the first and the second 16 columns
    STERNA_UNROLL
    for (int64_t half = 0; half < 2; ++half) {
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) dots[half][t] = vdupq_n_s32(0);
      STERNA_UNROLL
      for (int64_t group = 4 * half; group < 4 * half + 4; ++group) {
        const int8x16_t codes = Type::Load(block, group);
        STERNA_UNROLL
        for (int t = 0; t < kTokens; ++t) {
          dots[half][t] = Dot::Add(dots[half][t], codes, BroadcastGroup(q + t * args.q_stride + 4 * group));
        }
      }
    }
    const std::byte* numbers = tile + parts.scales + 2 * kBlockTileRows * b;
    float32x4_t d[2];
    if constexpr (kIsQ6K) {
      const float32x4_t of_super_block = LoadHalves(tile + parts.others + 2 * (kBlockTileRows * (b / 8) + tile_row));
      d[0] = vmulq_f32(of_super_block, LoadScales(numbers + tile_row));
      d[1] = vmulq_f32(of_super_block, LoadScales(numbers + kBlockTileRows + tile_row));
    } else {
      d[0] = d[1] = LoadHalves(numbers + 2 * tile_row);
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const int64_t number = (token + t) * args.scale_stride + b;
      const float scale = args.scales[number];
      if constexpr (kIsQ6K) {
        y[t] = vfmaq_f32(y[t], vmulq_n_f32(d[0], scale), vcvtq_f32_s32(dots[0][t]));
        y[t] = vfmaq_f32(y[t], vmulq_n_f32(d[1], scale), vcvtq_f32_s32(dots[1][t]));
      } else {
        y[t] = vfmaq_f32(y[t], vmulq_n_f32(d[0], scale), vcvtq_f32_s32(vaddq_s32(dots[0][t], dots[1][t])));
      }
      if constexpr (Type::kType == DType::kQ4_1) {
        const float32x4_t m = LoadHalves(tile + parts.others + 2 * (kBlockTileRows * b + tile_row));
        y[t] = vfmaq_n_f32(y[t], m, args.sums[number]);
      }
    }
  }
  const int64_t rows = args.row_end - row < kRows ? args.row_end - row : kRows;
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    float* out = args.y + (token + t) * args.y_stride + row;
    if (rows == kRows) {
      vst1q_f32(out, y[t]);
    } else {
      float all[kRows];
      vst1q_f32(all, y[t]);
      for (int64_t r = 0; r < rows; ++r) out[r] = all[r];
    }
  }
}

template <class Dot, class Type>
void Linear(const BlockLinearArgs& args) noexcept {
  using Function = void (*)(const BlockLinearArgs&, const std::byte*, const BlockTileParts&, int64_t, int64_t) noexcept;
  constexpr int64_t kMaxTokens = 4;
  constexpr Function kByTokens[kMaxTokens] = {Multiply<Dot, Type, 1>, Multiply<Dot, Type, 2>, Multiply<Dot, Type, 3>,
                                              Multiply<Dot, Type, 4>};
  const BlockTileParts parts = BlockTile(Type::kType, args.cols);
  for (int64_t first_row = args.row_begin; first_row < args.row_end; first_row += kBlockTileRows) {
    const std::byte* tile = args.tiles + first_row / kBlockTileRows * parts.end;
    const int64_t past_row = first_row + kBlockTileRows < args.row_end ? first_row + kBlockTileRows : args.row_end;
    for (int64_t token = 0; token < args.tokens; token += kMaxTokens) {
      const int64_t left = args.tokens - token;
      const Function multiply = kByTokens[(left < kMaxTokens ? left : kMaxTokens) - 1];
      for (int64_t row = first_row; row < past_row; row += kRows) multiply(args, tile, parts, row, token);
    }
  }
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_NEON_H_
