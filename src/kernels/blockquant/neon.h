// Private to this family: the NEON variants, without the instruction that sums products of bytes; linear_neon.cc and
// linear_neon_dotprod.cc bring it. A block of 32 is two vectors of codes; the 16 lanes of the contract are four registers: even
// blocks add to the first two, odd blocks to the others.
//
// Tiles of 4 rows x 1 token, 2 x 2, or 1 row x 1 to 4 tokens: at most 16 sums, 2 vectors of codes and 2 of activations for each
// token, so that everything stays in 32 registers; codes are unpacked once per tile. All codes fit a signed byte. Over-reads: none.
#ifndef STERNA_KERNELS_BLOCKQUANT_NEON_H_
#define STERNA_KERNELS_BLOCKQUANT_NEON_H_

#include <arm_neon.h>

#include "kernels/blockquant/variants.h"

// GCC leaves arrays of sums in memory unless their loops are written out and the functions that share them are one.
#define STERNA_UNROLL _Pragma("GCC unroll 16")
#define STERNA_INLINE [[gnu::always_inline]] inline

namespace sterna {
namespace {

STERNA_INLINE float LoadF16(const std::byte* bytes) noexcept {
  __fp16 half;
  __builtin_memcpy(&half, bytes, sizeof(half));
  return half;
}
STERNA_INLINE uint8x16_t LoadBytes(const std::byte* bytes) noexcept {
  return vld1q_u8(reinterpret_cast<const uint8_t*>(bytes));
}
STERNA_INLINE int8x16_t LowNibbles(uint8x16_t bytes) noexcept {
  return vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15)));
}
STERNA_INLINE int8x16_t HighNibbles(uint8x16_t bytes) noexcept {
  return vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
}

/// The codes of one block of 32 and what multiplies them.
struct Block {
  int8x16_t codes[2];
  float scales[2];  // of each half; equal but for Q6_K
  float offset;     // where the type has one
};

// Type::Load(row, block): block number `block` of a row.

struct Q8_0 {
  static constexpr int64_t kBytes = 34;
  static constexpr bool kHasOffset = false;
  STERNA_INLINE static Block Load(const std::byte* row, int64_t block) noexcept {
    const std::byte* from = row + kBytes * block;
    const float d = LoadF16(from);
    return {{vreinterpretq_s8_u8(LoadBytes(from + 2)), vreinterpretq_s8_u8(LoadBytes(from + 18))}, {d, d}, 0};
  }
};

struct Q4_0 {
  static constexpr int64_t kBytes = 18;
  static constexpr bool kHasOffset = false;
  STERNA_INLINE static Block Load(const std::byte* row, int64_t block) noexcept {
    const std::byte* from = row + kBytes * block;
    const float d = LoadF16(from);
    const uint8x16_t nibbles = LoadBytes(from + 2);
    const int8x16_t eight = vdupq_n_s8(8);
    return {{vsubq_s8(LowNibbles(nibbles), eight), vsubq_s8(HighNibbles(nibbles), eight)}, {d, d}, 0};
  }
};

struct Q4_1 {
  static constexpr int64_t kBytes = 20;
  static constexpr bool kHasOffset = true;
  STERNA_INLINE static Block Load(const std::byte* row, int64_t block) noexcept {
    const std::byte* from = row + kBytes * block;
    const float d = LoadF16(from);
    const uint8x16_t nibbles = LoadBytes(from + 4);
    return {{LowNibbles(nibbles), HighNibbles(nibbles)}, {d, d}, LoadF16(from + 2)};
  }
};

struct Q6_K {
  static constexpr int64_t kBytes = 210;  // of 8 blocks
  static constexpr bool kHasOffset = false;
  STERNA_INLINE static Block Load(const std::byte* row, int64_t block) noexcept {
    constexpr int64_t kHighBits = 128, kScales = 192, kScale = 208;
    const std::byte* super_block = row + kBytes * (block / 8);
    const int64_t half = block % 8 / 4, part = block % 4;
    const std::byte* low = super_block + 64 * half + 32 * (part % 2);
    const std::byte* high = super_block + kHighBits + 32 * half;
    const std::byte* scales = super_block + kScales + 2 * (block % 8);
    const float d = LoadF16(super_block + kScale);
    // Shifts by a register, negative to the right: parts differ in nothing else.
    const int8x16_t low_shift = vdupq_n_s8(static_cast<int8_t>(part < 2 ? 0 : -4));
    const int8x16_t high_shift = vdupq_n_s8(static_cast<int8_t>(4 - 2 * part));
    Block loaded;
    STERNA_UNROLL
    for (int64_t i = 0; i < 2; ++i) {
      const uint8x16_t nibbles = vandq_u8(vshlq_u8(LoadBytes(low + 16 * i), low_shift), vdupq_n_u8(15));
      const uint8x16_t upper = vandq_u8(vshlq_u8(LoadBytes(high + 16 * i), high_shift), vdupq_n_u8(48));
      loaded.codes[i] = vsubq_s8(vreinterpretq_s8_u8(vorrq_u8(nibbles, upper)), vdupq_n_s8(32));
      loaded.scales[i] = d * static_cast<float>(static_cast<int8_t>(scales[i]));  // exact
    }
    loaded.offset = 0;
    return loaded;
  }
};

constexpr int64_t kPrefetchBytes = 32768;

template <int64_t kRows, int64_t kTokens>
struct Sums {
  float32x4_t lanes[2][kTokens][kRows][2];  // of even, of odd blocks: lanes 0..3, 4..7
  float offsets[kTokens][kRows];
};

/// kOdd: whether `block` is odd. Dot::Sum(codes, q): four sums of 4 products of bytes.
template <class Dot, class Type, int64_t kRows, int64_t kTokens, int kOdd>
STERNA_INLINE void AddBlock(const BlockLinearArgs& args, const std::byte* rows, int64_t token, int64_t block,
                            Sums<kRows, kTokens>& sums) noexcept {
  STERNA_UNROLL
  for (int64_t r = 0; r < kRows; ++r) {
    const Block w = Type::Load(rows + r * args.row_bytes, block);
    STERNA_UNROLL
    for (int64_t t = 0; t < kTokens; ++t) {
      const int8_t* q = args.q + (token + t) * args.q_stride + kQuantBlock * block;
      const float scale = args.scales[(token + t) * args.scale_stride + block];
      STERNA_UNROLL
      for (int64_t i = 0; i < 2; ++i) {
        const float32x4_t dots = vcvtq_f32_s32(Dot::Sum(w.codes[i], vld1q_s8(q + 16 * i)));
        float32x4_t& lanes = sums.lanes[kOdd][t][r][i];
        lanes = vfmaq_n_f32(lanes, dots, w.scales[i] * scale);
      }
      if constexpr (Type::kHasOffset) {
        const float sum = args.sums[(token + t) * args.scale_stride + block];
        sums.offsets[t][r] = __builtin_fmaf(w.offset, sum, sums.offsets[t][r]);
      }
    }
  }
}

/// Lanes l and l + 8, + 4, + 2, + 1.
STERNA_INLINE float SumOfLanes(const float32x4_t (&even)[2], const float32x4_t (&odd)[2]) noexcept {
  const float32x4_t by4 = vaddq_f32(vaddq_f32(even[0], odd[0]), vaddq_f32(even[1], odd[1]));
  return vaddv_f32(vadd_f32(vget_low_f32(by4), vget_high_f32(by4)));
}

template <class Dot, class Type, int64_t kRows, int64_t kTokens>
void Tile(const BlockLinearArgs& args, int64_t row, int64_t token) noexcept {
  const std::byte* rows = args.weights + row * args.row_bytes;
  const int64_t blocks = args.cols / kQuantBlock;
  Sums<kRows, kTokens> sums;
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      STERNA_UNROLL
      for (int i = 0; i < 4; ++i) sums.lanes[i / 2][t][r][i % 2] = vdupq_n_f32(0);
      sums.offsets[t][r] = 0;
    }
  }
  // The rows of a tile are neighbours in memory: the bytes of the rows to come are asked for in one sequence, as many as are used.
  const int64_t tile_bytes = kRows * args.row_bytes;
  const std::byte* ahead = rows + (tile_bytes > kPrefetchBytes ? tile_bytes : kPrefetchBytes);
  const int64_t pair_bytes = 2 * tile_bytes / blocks;
  for (int64_t block = 0; block + 2 <= blocks; block += 2, ahead += pair_bytes) {
    for (int64_t at = 0; at < pair_bytes; at += 64) __builtin_prefetch(ahead + at, 0, 2);
    AddBlock<Dot, Type, kRows, kTokens, 0>(args, rows, token, block, sums);
    AddBlock<Dot, Type, kRows, kTokens, 1>(args, rows, token, block + 1, sums);
  }
  if (blocks % 2 != 0) AddBlock<Dot, Type, kRows, kTokens, 0>(args, rows, token, blocks - 1, sums);
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const float sum = SumOfLanes(sums.lanes[0][t][r], sums.lanes[1][t][r]);
      args.y[(token + t) * args.y_stride + row + r] = Type::kHasOffset ? sum + sums.offsets[t][r] : sum;
    }
  }
}

template <class Dot, class Type>
void Linear(const BlockLinearArgs& args) noexcept {
  constexpr int64_t kTileTokens = 4;
  using TileFunction = void (*)(const BlockLinearArgs& args, int64_t row, int64_t token) noexcept;
  constexpr TileFunction kSingles[kTileTokens] = {Tile<Dot, Type, 1, 1>, Tile<Dot, Type, 1, 2>, Tile<Dot, Type, 1, 3>,
                                                  Tile<Dot, Type, 1, 4>};
  int64_t row = args.row_begin;
  if (args.tokens == 1) {
    for (; row + 4 <= args.row_end; row += 4) Tile<Dot, Type, 4, 1>(args, row, 0);
  } else if (args.tokens == 2) {
    for (; row + 2 <= args.row_end; row += 2) Tile<Dot, Type, 2, 2>(args, row, 0);
  }
  // Rows outside, so that weights come from memory once and from the cache for the next group of tokens.
  for (; row < args.row_end; ++row) {
    for (int64_t token = 0; token < args.tokens; token += kTileTokens) {
      const int64_t tokens = args.tokens - token < kTileTokens ? args.tokens - token : kTileTokens;
      kSingles[tokens - 1](args, row, token);
    }
  }
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_NEON_H_
