// Private to this family's files with ISA flags: what they write in the same way. All of it has internal linkage, so that each file
// has its own copy, compiled with its own flags.
#ifndef STERNA_KERNELS_BLOCKQUANT_BLOCKS_H_
#define STERNA_KERNELS_BLOCKQUANT_BLOCKS_H_

#include <immintrin.h>

#include "kernels/blockquant/variants.h"

// GCC leaves arrays of sums in memory unless their loops are written out and the functions that share them are one.
#define STERNA_UNROLL _Pragma("GCC unroll 16")
#define STERNA_INLINE [[gnu::always_inline]] inline

namespace sterna {
namespace {

constexpr int64_t kMaxRows = 4;  // of a tile: the numbers of two blocks of 4 rows are one ymm

int64_t Min(int64_t a, int64_t b) noexcept {
  return a < b ? a : b;
}

const __m128i* AsVector(const std::byte* bytes) noexcept {
  return reinterpret_cast<const __m128i*>(bytes);
}

unsigned LoadU16(const std::byte* bytes) noexcept {
  unsigned short value;
  __builtin_memcpy(&value, bytes, sizeof(value));
  return value;
}
[[maybe_unused]] int LoadI32(const std::byte* bytes) noexcept {
  int value;
  __builtin_memcpy(&value, bytes, sizeof(value));
  return value;
}

// The rows of a tile are neighbours in memory, but each is read at its own pace: too short for the processor to see the streams. So
// the bytes of the rows to come are asked for in one sequence, as many as are consumed, and into the second-level cache: its queue
// of misses is longer than the first level's (Q6_K on Zen 4: 18 GB/s into the first level, 26 into the second).
constexpr int64_t kPrefetchBytes = 32768;

const std::byte* PrefetchStart(const std::byte* rows, int64_t bytes) noexcept {
  return rows + (bytes > kPrefetchBytes ? bytes : kPrefetchBytes);
}
template <int64_t kBytes>
STERNA_INLINE const std::byte* Prefetch(const std::byte* ahead) noexcept {
  STERNA_UNROLL
  for (int64_t i = 0; i < (kBytes + 63) / 64; ++i) __builtin_prefetch(ahead + 64 * i, 0, 2);
  return ahead + kBytes;
}

// The f16 numbers of up to 4 rows' blocks b and b + 1: lane 2r + i belongs to row r, block b + i; other lanes are 0.
struct BlockNumbers {
  __m256 scales;
  __m256 offsets;  // where the type has them
};

// first: block b of the tile's first row. Only kBlocks blocks are read.
template <class Type, int64_t kRows, int64_t kBlocks>
STERNA_INLINE BlockNumbers LoadNumbers(const std::byte* first, int64_t row_bytes) noexcept {
  if constexpr (Type::kHasOffset) {
    int pairs[2 * kMaxRows] = {};  // scale in the low half, offset in the high half
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      STERNA_UNROLL
      for (int64_t i = 0; i < kBlocks; ++i) pairs[2 * r + i] = LoadI32(first + r * row_bytes + i * Type::kBytes);
    }
    const __m128i a = _mm_setr_epi32(pairs[0], pairs[1], pairs[2], pairs[3]);
    const __m128i b = _mm_setr_epi32(pairs[4], pairs[5], pairs[6], pairs[7]);
    const __m128i low = _mm_set1_epi32(0xffff);
    const __m128i scales = _mm_packus_epi32(_mm_and_si128(a, low), _mm_and_si128(b, low));
    const __m128i offsets = _mm_packus_epi32(_mm_srli_epi32(a, 16), _mm_srli_epi32(b, 16));
    return {_mm256_cvtph_ps(scales), _mm256_cvtph_ps(offsets)};
  } else {
    // Put together in general registers: those units have nothing else to do here.
    unsigned long long halves[kMaxRows / 2] = {};
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      STERNA_UNROLL
      for (int64_t i = 0; i < kBlocks; ++i) {
        const unsigned long long half = LoadU16(first + r * row_bytes + i * Type::kBytes);
        halves[r / 2] |= half << (32 * (r % 2) + 16 * i);
      }
    }
    const __m128i scales = _mm_set_epi64x(static_cast<long long>(halves[1]), static_cast<long long>(halves[0]));
    return {_mm256_cvtph_ps(scales), _mm256_setzero_ps()};
  }
}

// Element i of an activation's scales and element i + 1 in turn; element i + 1 is read only where kBlocks is 2.
template <int64_t kBlocks>
STERNA_INLINE __m256 LoadScales(const float* scales) noexcept {
  if constexpr (kBlocks == 1) return _mm256_broadcast_ss(scales);
  return _mm256_castsi256_ps(_mm256_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales))));
}

// The offsets' chain of each row, in lanes 2r: block b, then block b + 1.
template <int64_t kBlocks>
STERNA_INLINE __m256 AddOffsets(__m256 offsets, const float* sums, __m256 chain) noexcept {
  chain = _mm256_fmadd_ps(offsets, _mm256_broadcast_ss(sums), chain);
  if constexpr (kBlocks == 2) chain = _mm256_fmadd_ps(_mm256_movehdup_ps(offsets), _mm256_broadcast_ss(sums + 1), chain);
  return chain;
}

// {sum of a, of b, of c, of d}, in the order of the contract: l with l + 4, + 2, + 1. Lanes l and l + 8 were added before.
STERNA_INLINE __m128 SumLanes(__m256 a, __m256 b, __m256 c, __m256 d) noexcept {
  const __m256 ab = _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
  const __m256 cd = _mm256_add_ps(_mm256_permute2f128_ps(c, d, 0x20), _mm256_permute2f128_ps(c, d, 0x31));
  // Lanes {a0 a1 c0 c1 | b0 b1 d0 d1}, then {a a c c | b b d d}.
  const __m256 pairs = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  const __m256 sums = _mm256_add_ps(pairs, _mm256_permute_ps(pairs, 0xb1));
  const __m128 ac = _mm256_castps256_ps128(sums), bd = _mm256_extractf128_ps(sums, 1);
  return _mm_movelh_ps(_mm_unpacklo_ps(ac, bd), _mm_unpackhi_ps(ac, bd));
}

// Stores one token's outputs of neighbouring rows. sums: lanes l + (l + 8) of each row; chain: as AddOffsets leaves it.
template <class Type, int64_t kRows>
STERNA_INLINE void StoreSums(const __m256* sums, __m256 chain, float* y) noexcept {
  const __m256 zero = _mm256_setzero_ps();
  __m128 out = SumLanes(sums[0], kRows > 1 ? sums[1] : zero, kRows > 2 ? sums[2] : zero, kRows > 3 ? sums[3] : zero);
  if constexpr (Type::kHasOffset) {
    out = _mm_add_ps(out, _mm_shuffle_ps(_mm256_castps256_ps128(chain), _mm256_extractf128_ps(chain, 1), 0x88));
  }
  if constexpr (kRows == 4) {
    _mm_storeu_ps(y, out);
  } else {
    _mm_maskstore_ps(y, _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(kRows)), _mm_setr_epi32(0, 1, 2, 3)), out);
  }
}

constexpr int64_t kTileTokens = 4;

using TileFunction = void (*)(const BlockLinearArgs& args, int64_t row, int64_t token) noexcept;
using TileFunctions = TileFunction[kTileTokens];  // by number of tokens - 1

// All tokens of rows row .. row + kRows - 1, then of the next kRows, as long as they fit; returns the first row left. Rows outside,
// so that weights come from memory once and from the cache for the next group of tokens.
template <int64_t kRows>
int64_t RunTiles(const BlockLinearArgs& args, int64_t row, const TileFunctions& tiles) noexcept {
  for (; row + kRows <= args.row_end; row += kRows) {
    for (int64_t token = 0; token < args.tokens; token += kTileTokens) {
      tiles[Min(kTileTokens, args.tokens - token) - 1](args, row, token);
    }
  }
  return row;
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_BLOCKS_H_
