// Block products with AVX2: the 16 lanes of the contract are two ymm registers; even blocks add to the first, odd blocks to the
// second.
//
// Tiles of 4 rows x 1 token, 2 x 2, or 1 row x 1 to 4 tokens: at most 8 sums, so that codes, activations and constants stay in
// registers too; codes are unpacked once per tile. vpmaddubsw takes unsigned times signed bytes and saturates at 16 bits: signed
// codes are multiplied as |code| times q with the code's sign. |q| <= 127, so -q is a byte, and 2 * 128 * 127 = 32512 does not
// saturate. Over-reads: none.
#include "kernels/blockquant/blocks.h"

namespace sterna {
namespace {

// The 4-bit codes of one block of 32, in order.
STERNA_INLINE __m256i Nibbles(const std::byte* nibbles) noexcept {
  const __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128(AsVector(nibbles)));
  return _mm256_and_si256(_mm256_srlv_epi64(bytes, _mm256_setr_epi64x(0, 0, 4, 4)), _mm256_set1_epi8(15));
}

struct Q8_0 {
  static constexpr int64_t kBytes = 34;
  static constexpr bool kSigned = true, kHasOffset = false;
  STERNA_INLINE static __m256i Codes(const std::byte* block) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 2));
  }
};

struct Q4_0 {
  static constexpr int64_t kBytes = 18;
  static constexpr bool kSigned = true, kHasOffset = false;
  STERNA_INLINE static __m256i Codes(const std::byte* block) noexcept {
    return _mm256_sub_epi8(Nibbles(block + 2), _mm256_set1_epi8(8));
  }
};

struct Q4_1 {
  static constexpr int64_t kBytes = 20;
  static constexpr bool kSigned = false, kHasOffset = true;
  STERNA_INLINE static __m256i Codes(const std::byte* block) noexcept { return Nibbles(block + 4); }
};

// Eight sums of 4 products, as floats.
template <class Type>
STERNA_INLINE __m256 Dots(__m256i codes, __m256i q) noexcept {
  const __m256i pairs =
      Type::kSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(q, codes)) : _mm256_maddubs_epi16(codes, q);
  return _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

template <int64_t kRows, int64_t kTokens>
struct Sums {
  __m256 lanes[2][kTokens][kRows];  // 0..7, 8..15
  __m256 chains[kTokens];
};

// Blocks `block` .. `block` + kBlocks - 1, where `block` is even.
template <class Type, int64_t kRows, int64_t kTokens, int64_t kBlocks>
STERNA_INLINE void AddBlocks(const BlockLinearArgs& args, const std::byte* rows, int64_t token, int64_t block,
                             Sums<kRows, kTokens>& sums) noexcept {
  const std::byte* first = rows + Type::kBytes * block;
  const BlockNumbers numbers = LoadNumbers<Type, kRows, kBlocks>(first, args.row_bytes);
  alignas(32) float scales[kTokens][2 * kMaxRows];
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    const int64_t number = (token + t) * args.scale_stride + block;
    _mm256_store_ps(scales[t], _mm256_mul_ps(numbers.scales, LoadScales<kBlocks>(args.scales + number)));
    if constexpr (Type::kHasOffset) {
      sums.chains[t] = AddOffsets<kBlocks>(numbers.offsets, args.sums + number, sums.chains[t]);
    }
  }
  // Broadcasts from memory cost a load, from registers a shuffle; the compiler would turn the former into the latter.
  __asm__ volatile("" : "+m"(scales));
  STERNA_UNROLL
  for (int64_t i = 0; i < kBlocks; ++i) {
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const __m256i codes = Type::Codes(first + r * args.row_bytes + i * Type::kBytes);
      STERNA_UNROLL
      for (int64_t t = 0; t < kTokens; ++t) {
        const int8_t* q = args.q + (token + t) * args.q_stride + kQuantBlock * (block + i);
        const __m256 dots = Dots<Type>(codes, _mm256_load_si256(reinterpret_cast<const __m256i*>(q)));
        sums.lanes[i][t][r] = _mm256_fmadd_ps(_mm256_broadcast_ss(&scales[t][2 * r + i]), dots, sums.lanes[i][t][r]);
      }
    }
  }
}

template <class Type, int64_t kRows, int64_t kTokens>
void Tile(const BlockLinearArgs& args, int64_t row, int64_t token) noexcept {
  const std::byte* rows = args.weights + row * args.row_bytes;
  const int64_t blocks = args.cols / kQuantBlock;
  Sums<kRows, kTokens> sums;
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) sums.lanes[0][t][r] = sums.lanes[1][t][r] = _mm256_setzero_ps();
    sums.chains[t] = _mm256_setzero_ps();
  }
  const std::byte* ahead = PrefetchStart(rows, kRows * args.row_bytes);
  for (int64_t block = 0; block + 2 <= blocks; block += 2) {
    ahead = Prefetch<2 * kRows * Type::kBytes>(ahead);
    AddBlocks<Type, kRows, kTokens, 2>(args, rows, token, block, sums);
  }
  if (blocks % 2 != 0) AddBlocks<Type, kRows, kTokens, 1>(args, rows, token, blocks - 1, sums);
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    __m256 halves[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) halves[r] = _mm256_add_ps(sums.lanes[0][t][r], sums.lanes[1][t][r]);
    StoreSums<Type, kRows>(halves, sums.chains[t], args.y + (token + t) * args.y_stride + row);
  }
}

template <class Type>
void Linear(const BlockLinearArgs& args) noexcept {
  constexpr TileFunctions kSingles = {Tile<Type, 1, 1>, Tile<Type, 1, 2>, Tile<Type, 1, 3>, Tile<Type, 1, 4>};
  int64_t row = args.row_begin;
  if (args.tokens == 1) {
    for (; row + 4 <= args.row_end; row += 4) Tile<Type, 4, 1>(args, row, 0);
  } else if (args.tokens == 2) {
    for (; row + 2 <= args.row_end; row += 2) Tile<Type, 2, 2>(args, row, 0);
  }
  RunTiles<1>(args, row, kSingles);
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

}  // namespace sterna
