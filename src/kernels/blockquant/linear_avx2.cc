// Block products with AVX2: half a line is one ymm register, a lane of 32 bits is a row.
//
// Half a tile times 1 to 4 tokens: one float sum and one integer sum per token. Per token and group of four columns: vpmaddubsw
// with a broadcast group of activations, which takes unsigned times signed bytes and saturates at 16 bits.
//   Q4_0, Q4_1  15 * 127 * 2 = 3810: all 8 groups of a block add up in 16 bits. Q4_0's bias of 8 is a multiple of the activations'
//   sum. Q6_K        63 * 127 * 2 = 16002: two groups add up. Bias of 32. Q8_0        signed codes are multiplied as |code| times q
//   with the code's sign. |q| <= 127, so -q is a byte, and
//               2 * 128 * 127 = 32512 does not saturate. No two groups add up.
// Over-reads: none.
#include <immintrin.h>

#include "kernels/blockquant/unroll.h"
#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

constexpr int64_t kRows = 8;  // of half a tile
// Ahead of the same place in the next tile, into the second-level cache: a tile has two or three streams, and those of its scales
// begin at once.
constexpr int64_t kPrefetchBytes = 4096;

STERNA_INLINE __m256i LoadLine(const std::byte* block, int64_t line) noexcept {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(block + kBlockLineBytes * line));
}

STERNA_INLINE __m256i Nibbles(const std::byte* block, int64_t group) noexcept {
  const __m256i line = LoadLine(block, group % 4);
  return _mm256_and_si256(group < 4 ? line : _mm256_srli_epi16(line, 4), _mm256_set1_epi8(15));
}

// Load: codes + kBias of a group of four columns, which is known when the loop around is written out. kGroups: how many groups'
// products add up in 16 bits.

struct Q8_0 {
  static constexpr DType kType = DType::kQ8_0;
  static constexpr int kBias = 0;
  static constexpr int64_t kGroups = 1;
  STERNA_INLINE static __m256i Load(const std::byte* block, int64_t group) noexcept { return LoadLine(block, group); }
};

struct Q4_0 {
  static constexpr DType kType = DType::kQ4_0;
  static constexpr int kBias = 8;
  static constexpr int64_t kGroups = 8;
  STERNA_INLINE static __m256i Load(const std::byte* block, int64_t group) noexcept { return Nibbles(block, group); }
};

struct Q4_1 : Q4_0 {
  static constexpr DType kType = DType::kQ4_1;
  static constexpr int kBias = 0;
};

struct Q6_K {
  static constexpr DType kType = DType::kQ6_K;
  static constexpr int kBias = 32;
  static constexpr int64_t kGroups = 2;
  STERNA_INLINE static __m256i Load(const std::byte* block, int64_t group) noexcept {
    const __m256i high = LoadLine(block, 4 + group / 4);
    const auto left = static_cast<int>(4 - 2 * (group % 4));
    const __m256i moved = left >= 0 ? _mm256_slli_epi16(high, left) : _mm256_srli_epi16(high, -left);
    return _mm256_or_si256(Nibbles(block, group), _mm256_and_si256(moved, _mm256_set1_epi8(48)));
  }
};

STERNA_INLINE __m256i BroadcastGroup(const int8_t* q) noexcept {
  int32_t four;
  __builtin_memcpy(&four, q, sizeof(four));
  return _mm256_set1_epi32(four);
}

/// Sums of two products, 16 bits each.
template <class Type>
STERNA_INLINE __m256i Pairs(__m256i codes, __m256i q) noexcept {
  if constexpr (Type::kType == DType::kQ8_0) return _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(q, codes));
  return _mm256_maddubs_epi16(codes, q);
}

/// The products of kCount groups from `first` on, added up.
template <class Type, int64_t kCount, int kTokens>
STERNA_INLINE void Dots(const std::byte* block, int64_t first, const int8_t* q, int64_t q_stride, __m256i* dots) noexcept {
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) dots[t] = _mm256_setzero_si256();
  STERNA_UNROLL
  for (int64_t begin = first; begin < first + kCount; begin += Type::kGroups) {
    __m256i pairs[kTokens];
    STERNA_UNROLL
    for (int64_t group = begin; group < begin + Type::kGroups; ++group) {
      const __m256i codes = Type::Load(block, group);
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const __m256i products = Pairs<Type>(codes, BroadcastGroup(q + t * q_stride + 4 * group));
        pairs[t] = group == begin ? products : _mm256_add_epi16(pairs[t], products);
      }
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      dots[t] = _mm256_add_epi32(dots[t], _mm256_madd_epi16(pairs[t], _mm256_set1_epi16(1)));
    }
  }
}

STERNA_INLINE __m256 LoadHalves(const std::byte* numbers) noexcept {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(numbers)));
}

STERNA_INLINE __m256 Unbiased(__m256i dots, int32_t bias) noexcept {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(dots, _mm256_set1_epi32(bias)));
}

/// Rows row .. row + 7, the first or second half of a tile.
template <class Type, int kTokens>
void Multiply(const BlockLinearArgs& args, const std::byte* tile, const BlockTileParts& parts, int64_t row,
              int64_t token) noexcept {
  const int64_t half_row = row % kBlockTileRows;
  const int64_t blocks = args.cols / kQuantBlock, block_bytes = parts.end / blocks;
  // The second half finds the lines in the cache.
  const std::byte* ahead = tile + parts.end + kPrefetchBytes;
  __m256 y[kTokens];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) y[t] = _mm256_setzero_ps();
  for (int64_t b = 0; b < blocks; ++b, ahead += block_bytes) {
    if (half_row == 0) {
      for (int64_t i = 0; i < block_bytes; i += kBlockLineBytes) __builtin_prefetch(ahead + i, 0, 2);
    }
    const std::byte* block = tile + parts.code_bytes * b + 4 * half_row;
    const std::byte* numbers = tile + parts.scales + 2 * kBlockTileRows * b;
    const int8_t* q = args.q + token * args.q_stride + kQuantBlock * b;
    const int64_t number = token * args.scale_stride + b;
    __m256i dots[kTokens];
    if constexpr (Type::kType == DType::kQ6_K) {
      const __m256 of_super_block = LoadHalves(tile + parts.others + 2 * kBlockTileRows * (b / 8) + 2 * half_row);
      STERNA_UNROLL
      for (int64_t half = 0; half < 2; ++half) {
        Dots<Type, 4, kTokens>(block, 4 * half, q, args.q_stride, dots);
        const __m128i scales = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(numbers + kBlockTileRows * half + half_row));
        const __m256 d = _mm256_mul_ps(of_super_block, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(scales)));
        STERNA_UNROLL
        for (int t = 0; t < kTokens; ++t) {
          const int64_t of_token = number + t * args.scale_stride;
          const __m256 factor = _mm256_mul_ps(d, _mm256_set1_ps(args.scales[of_token]));
          y[t] = _mm256_fmadd_ps(factor, Unbiased(dots[t], Type::kBias * args.group_sums[2 * of_token + half]), y[t]);
        }
      }
    } else {
      Dots<Type, kBlockLineGroups, kTokens>(block, 0, q, args.q_stride, dots);
      const __m256 d = LoadHalves(numbers + 2 * half_row);
      __m256 m = d;
      if constexpr (Type::kType == DType::kQ4_1) m = LoadHalves(tile + parts.others + 2 * kBlockTileRows * b + 2 * half_row);
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const int64_t of_token = number + t * args.scale_stride;
        int32_t bias = 0;
        if constexpr (Type::kBias != 0) bias = Type::kBias * (args.group_sums[2 * of_token] + args.group_sums[2 * of_token + 1]);
        y[t] = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(args.scales[of_token])), Unbiased(dots[t], bias), y[t]);
        if constexpr (Type::kType == DType::kQ4_1) y[t] = _mm256_fmadd_ps(m, _mm256_set1_ps(args.sums[of_token]), y[t]);
      }
    }
  }
  const auto rows = static_cast<int>(args.row_end - row);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(rows), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) _mm256_maskstore_ps(args.y + (token + t) * args.y_stride + row, mask, y[t]);
}

template <class Type>
void Linear(const BlockLinearArgs& args) noexcept {
  using Function = void (*)(const BlockLinearArgs&, const std::byte*, const BlockTileParts&, int64_t, int64_t) noexcept;
  constexpr int64_t kMaxTokens = 4;
  constexpr Function kByTokens[kMaxTokens] = {Multiply<Type, 1>, Multiply<Type, 2>, Multiply<Type, 3>, Multiply<Type, 4>};
  const BlockTileParts parts = BlockTile(Type::kType, args.cols);
  for (int64_t first_row = args.row_begin; first_row < args.row_end; first_row += kBlockTileRows) {
    const std::byte* tile = args.tiles + first_row / kBlockTileRows * parts.end;
    for (int64_t token = 0; token < args.tokens; token += kMaxTokens) {
      const int64_t left = args.tokens - token;
      const Function multiply = kByTokens[(left < kMaxTokens ? left : kMaxTokens) - 1];
      multiply(args, tile, parts, first_row, token);
      if (first_row + kRows < args.row_end) multiply(args, tile, parts, first_row + kRows, token);
    }
  }
}

}  // namespace

template <>
void BlockLinearAvx2<DType::kQ8_0>(const BlockLinearArgs& args) noexcept {
  Linear<Q8_0>(args);
}
template <>
void BlockLinearAvx2<DType::kQ4_0>(const BlockLinearArgs& args) noexcept {
  Linear<Q4_0>(args);
}
template <>
void BlockLinearAvx2<DType::kQ4_1>(const BlockLinearArgs& args) noexcept {
  Linear<Q4_1>(args);
}
template <>
void BlockLinearAvx2<DType::kQ6_K>(const BlockLinearArgs& args) noexcept {
  Linear<Q6_K>(args);
}

}  // namespace sterna
