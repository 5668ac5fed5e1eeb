// Block products with AVX-512 VNNI: a line is one zmm register, a lane of 32 bits is a row.
//
// A tile times 1 to 12 tokens: a block's 8 registers of codes are put together once and stay in registers beside one sum per token.
// Per token and block: 8 vpdpbusd with a broadcast group of four activations, the bias, a conversion, a product of scales, a
// multiply-add; Q6_K does all but the vpdpbusd twice. vpdpbusd takes unsigned times signed bytes: signed codes get a bias, whose
// share is a shift of the activations' sum. It wraps nowhere: |sum| <= 32 * 255 * 127. Over-reads: none; prefetches past the end
// do not fault.
#include <immintrin.h>

#include "kernels/blockquant/unroll.h"
#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

// Ahead of the same place in the next tile, into the second-level cache: a tile has two or three streams, and those of its scales
// begin at once.
constexpr int64_t kPrefetchBytes = 4096;

STERNA_INLINE __m512i LoadLine(const std::byte* block, int64_t line) noexcept {
  return _mm512_load_si512(block + kBlockLineBytes * line);
}

STERNA_INLINE void LoadNibbles(const std::byte* block, __m512i* codes) noexcept {
  const __m512i mask = _mm512_set1_epi8(15);
  STERNA_UNROLL
  for (int64_t i = 0; i < 4; ++i) {
    const __m512i line = LoadLine(block, i);
    codes[i] = _mm512_and_si512(line, mask);
    codes[4 + i] = _mm512_and_si512(_mm512_srli_epi16(line, 4), mask);
  }
}

// Load: codes + 2^kBias (none where kBias is 0) of the block's groups of four columns.

struct Q8_0 {
  static constexpr DType kType = DType::kQ8_0;
  static constexpr int kBias = 7;
  STERNA_INLINE static void Load(const std::byte* block, __m512i* codes) noexcept {
    STERNA_UNROLL
    for (int64_t i = 0; i < kBlockLineGroups; ++i) codes[i] = _mm512_xor_si512(LoadLine(block, i), _mm512_set1_epi8(-128));
  }
};

struct Q4_0 {
  static constexpr DType kType = DType::kQ4_0;
  static constexpr int kBias = 3;
  STERNA_INLINE static void Load(const std::byte* block, __m512i* codes) noexcept { LoadNibbles(block, codes); }
};

struct Q4_1 {
  static constexpr DType kType = DType::kQ4_1;
  static constexpr int kBias = 0;
  STERNA_INLINE static void Load(const std::byte* block, __m512i* codes) noexcept { LoadNibbles(block, codes); }
};

struct Q6_K {
  static constexpr DType kType = DType::kQ6_K;
  static constexpr int kBias = 5;
  STERNA_INLINE static void Load(const std::byte* block, __m512i* codes) noexcept {
    LoadNibbles(block, codes);
    const __m512i mask = _mm512_set1_epi8(48);
    STERNA_UNROLL
    for (int64_t h = 0; h < 2; ++h) {
      const __m512i high = LoadLine(block, 4 + h);
      const __m512i pairs[4] = {_mm512_slli_epi16(high, 4), _mm512_slli_epi16(high, 2), high, _mm512_srli_epi16(high, 2)};
      // 0xea: (a & b) | c.
      STERNA_UNROLL
      for (int64_t i = 0; i < 4; ++i) codes[4 * h + i] = _mm512_ternarylogic_epi64(pairs[i], mask, codes[4 * h + i], 0xea);
    }
  }
};

STERNA_INLINE __m512 LoadHalves(const std::byte* numbers) noexcept {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(numbers)));
}

STERNA_INLINE __m512i BroadcastGroup(const int8_t* q) noexcept {
  int32_t four;
  __builtin_memcpy(&four, q, sizeof(four));
  return _mm512_set1_epi32(four);
}

/// The sums of half a block: four groups.
STERNA_INLINE __m512i Dot(const __m512i* codes, const int8_t* q) noexcept {
  __m512i sum = _mm512_setzero_si512();
  STERNA_UNROLL
  for (int64_t i = 0; i < 4; ++i) sum = _mm512_dpbusd_epi32(sum, codes[i], BroadcastGroup(q + 4 * i));
  return sum;
}

template <class Type, int kTokens>
void Multiply(const BlockLinearArgs& args, const std::byte* tile, const BlockTileParts& parts, int64_t row,
              int64_t token) noexcept {
  __m512 y[kTokens];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) y[t] = _mm512_setzero_ps();
  const int64_t blocks = args.cols / kQuantBlock, block_bytes = parts.end / blocks;
  const std::byte* ahead = tile + parts.end + kPrefetchBytes;
  for (int64_t b = 0; b < blocks; ++b, ahead += block_bytes) {
    for (int64_t i = 0; i < block_bytes; i += kBlockLineBytes) __builtin_prefetch(ahead + i, 0, 2);
    __m512i codes[kBlockLineGroups];
    Type::Load(tile + parts.code_bytes * b, codes);
    const std::byte* numbers = tile + parts.scales + 2 * kBlockTileRows * b;
    __m512 d[2] = {}, m = {};
    if constexpr (Type::kType == DType::kQ6_K) {
      const __m512 of_super_block = LoadHalves(tile + parts.others + 2 * kBlockTileRows * (b / 8));
      STERNA_UNROLL
      for (int64_t h = 0; h < 2; ++h) {
        const __m128i scales = _mm_load_si128(reinterpret_cast<const __m128i*>(numbers + kBlockTileRows * h));
        d[h] = _mm512_mul_ps(of_super_block, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)));
      }
    } else {
      d[0] = LoadHalves(numbers);
    }
    if constexpr (Type::kType == DType::kQ4_1) m = LoadHalves(tile + parts.others + 2 * kBlockTileRows * b);
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const int64_t number = (token + t) * args.scale_stride + b;
      const int8_t* q = args.q + (token + t) * args.q_stride + kQuantBlock * b;
      const __m512 scale = _mm512_set1_ps(args.scales[number]);
      __m512i dots[2] = {Dot(codes, q), Dot(codes + 4, q + kQuantBlock / 2)};
      if constexpr (Type::kType == DType::kQ6_K) {
        STERNA_UNROLL
        for (int64_t h = 0; h < 2; ++h) {
          const __m512i bias = _mm512_slli_epi32(_mm512_set1_epi32(args.group_sums[2 * number + h]), Type::kBias);
          y[t] = _mm512_fmadd_ps(_mm512_mul_ps(d[h], scale), _mm512_cvtepi32_ps(_mm512_sub_epi32(dots[h], bias)), y[t]);
        }
      } else {
        __m512i dot = _mm512_add_epi32(dots[0], dots[1]);
        if constexpr (Type::kBias != 0) {
          const int32_t sum = args.group_sums[2 * number] + args.group_sums[2 * number + 1];
          dot = _mm512_sub_epi32(dot, _mm512_set1_epi32(sum * (1 << Type::kBias)));
        }
        y[t] = _mm512_fmadd_ps(_mm512_mul_ps(d[0], scale), _mm512_cvtepi32_ps(dot), y[t]);
      }
      if constexpr (Type::kType == DType::kQ4_1) y[t] = _mm512_fmadd_ps(m, _mm512_set1_ps(args.sums[number]), y[t]);
    }
  }
  const int64_t rows = args.row_end - row;
  const auto mask = static_cast<__mmask16>(rows >= kBlockTileRows ? 0xffffu : (1u << rows) - 1);
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) _mm512_mask_storeu_ps(args.y + (token + t) * args.y_stride + row, mask, y[t]);
}

template <class Type>
void Linear(const BlockLinearArgs& args) noexcept {
  using Function = void (*)(const BlockLinearArgs&, const std::byte*, const BlockTileParts&, int64_t, int64_t) noexcept;
  constexpr int64_t kMaxTokens = 12;
  constexpr Function kByTokens[kMaxTokens] = {Multiply<Type, 1>, Multiply<Type, 2>,  Multiply<Type, 3>,  Multiply<Type, 4>,
                                              Multiply<Type, 5>, Multiply<Type, 6>,  Multiply<Type, 7>,  Multiply<Type, 8>,
                                              Multiply<Type, 9>, Multiply<Type, 10>, Multiply<Type, 11>, Multiply<Type, 12>};
  const BlockTileParts parts = BlockTile(Type::kType, args.cols);
  for (int64_t row = args.row_begin; row < args.row_end; row += kBlockTileRows) {
    const std::byte* tile = args.tiles + row / kBlockTileRows * parts.end;
    for (int64_t token = 0; token < args.tokens; token += kMaxTokens) {
      const int64_t left = args.tokens - token;
      kByTokens[(left < kMaxTokens ? left : kMaxTokens) - 1](args, tile, parts, row, token);
    }
  }
}

}  // namespace

template <>
void BlockLinearAvx512<DType::kQ8_0>(const BlockLinearArgs& args) noexcept {
  Linear<Q8_0>(args);
}
template <>
void BlockLinearAvx512<DType::kQ4_0>(const BlockLinearArgs& args) noexcept {
  Linear<Q4_0>(args);
}
template <>
void BlockLinearAvx512<DType::kQ4_1>(const BlockLinearArgs& args) noexcept {
  Linear<Q4_1>(args);
}
template <>
void BlockLinearAvx512<DType::kQ6_K>(const BlockLinearArgs& args) noexcept {
  Linear<Q6_K>(args);
}

}  // namespace sterna
