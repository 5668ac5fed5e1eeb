// Q6_K block products with AVX2: a ymm register holds the 32 codes of one block; the 16 lanes of the contract are two registers.
//
// Tiles of 2 rows x 1 token, or 1 row x 1 to 4 tokens. vpmaddubsw takes the unsigned codes 0 .. 63; the bias of 32 is taken off its
// 16-bit sums, which neither step leaves: 2 * 63 * 127 = 16002, and 2 * 32 * 127 beneath it. Over-reads: none.
#include "kernels/blockquant/blocks.h"

namespace sterna {
namespace {

constexpr int64_t kSuperBlock = 256;  // weights with one f16 scale
constexpr int64_t kBlocks = kSuperBlock / kQuantBlock;
constexpr int64_t kHighBits = 128, kScales = 192, kScale = 208;  // offsets in a super-block, behind the low nibbles

struct Q6_K {
  static constexpr int64_t kBytes = 210;
  static constexpr bool kHasOffset = false;
};

STERNA_INLINE __m256i Load(const void* bytes) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}

// The codes 0 .. 63 of block `kBlock` of a super-block.
template <int64_t kBlock>
STERNA_INLINE __m256i Codes(const std::byte* block) noexcept {
  constexpr int64_t kHalf = kBlock / 4, kPart = kBlock % 4;
  __m256i low = Load(block + 64 * kHalf + 32 * (kPart % 2));
  __m256i high = Load(block + kHighBits + 32 * kHalf);
  if constexpr (kPart >= 2) low = _mm256_srli_epi16(low, 4);
  if constexpr (kPart == 0) high = _mm256_slli_epi16(high, 4);
  if constexpr (kPart == 1) high = _mm256_slli_epi16(high, 2);
  if constexpr (kPart == 3) high = _mm256_srli_epi16(high, 2);
  return _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi8(15)), _mm256_and_si256(high, _mm256_set1_epi8(48)));
}

// d * scale of groups 8 * half .. + 7; exact.
STERNA_INLINE __m256 GroupScales(const std::byte* block, int64_t half) noexcept {
  const __m128i bytes = _mm_loadl_epi64(AsVector(block + kScales + 8 * half));
  const __m128 d = _mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(LoadU16(block + kScale))));
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), _mm256_broadcastss_ps(d));
}

// The scales of 4 blocks of activations, each twice.
STERNA_INLINE __m256 ActivationScales(const float* scales) noexcept {
  return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(scales)), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}

template <int64_t kRows, int64_t kTokens>
struct Sums {
  __m256 lanes[2][kTokens][kRows];  // 0..7, 8..15
};

// What one token has of a super-block.
struct Activations {
  const int8_t* q;
  const float* scales;
  __m256i bias[kBlocks];  // 32 * (sums of 2 q)
};

template <int64_t kBlock, int64_t kRows, int64_t kTokens>
STERNA_INLINE void AddBlock(const std::byte* block, int64_t row, const Activations* activations, const __m256* scales,
                            Sums<kRows, kTokens>& sums) noexcept {
  const __m256i codes = Codes<kBlock>(block);
  constexpr int kGroup = 2 * (kBlock % 4);
  const __m256i groups = _mm256_setr_epi32(kGroup, kGroup, kGroup, kGroup, kGroup + 1, kGroup + 1, kGroup + 1, kGroup + 1);
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    const __m256i q = _mm256_load_si256(reinterpret_cast<const __m256i*>(activations[t].q + kQuantBlock * kBlock));
    const __m256i pairs = _mm256_sub_epi16(_mm256_maddubs_epi16(codes, q), activations[t].bias[kBlock]);
    const __m256 dots = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    __m256& lanes = sums.lanes[kBlock % 2][t][row];
    lanes = _mm256_fmadd_ps(_mm256_permutevar8x32_ps(scales[t], groups), dots, lanes);
  }
}

template <int64_t kHalf, int64_t kRows, int64_t kTokens>
STERNA_INLINE void AddHalf(const std::byte* block, int64_t row, const Activations* activations,
                           Sums<kRows, kTokens>& sums) noexcept {
  const __m256 group_scales = GroupScales(block, kHalf);
  __m256 scales[kTokens];
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    scales[t] = _mm256_mul_ps(group_scales, ActivationScales(activations[t].scales + 4 * kHalf));
  }
  AddBlock<4 * kHalf>(block, row, activations, scales, sums);
  AddBlock<4 * kHalf + 1>(block, row, activations, scales, sums);
  AddBlock<4 * kHalf + 2>(block, row, activations, scales, sums);
  AddBlock<4 * kHalf + 3>(block, row, activations, scales, sums);
}

template <int64_t kRows, int64_t kTokens>
void Tile(const BlockLinearArgs& args, int64_t row, int64_t token) noexcept {
  const std::byte* block = args.weights + row * args.row_bytes;
  Sums<kRows, kTokens> sums;
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) sums.lanes[0][t][r] = sums.lanes[1][t][r] = _mm256_setzero_ps();
  }
  const std::byte* ahead = PrefetchStart(block, kRows * args.row_bytes);
  Activations activations[kTokens];
  for (int64_t column = 0; column < args.cols; column += kSuperBlock, block += Q6_K::kBytes) {
    ahead = Prefetch<kRows * Q6_K::kBytes>(ahead);
    STERNA_UNROLL
    for (int64_t t = 0; t < kTokens; ++t) {
      activations[t].q = args.q + (token + t) * args.q_stride + column;
      activations[t].scales = args.scales + (token + t) * args.scale_stride + column / kQuantBlock;
      STERNA_UNROLL
      for (int64_t b = 0; b < kBlocks; ++b) {
        activations[t].bias[b] = _mm256_maddubs_epi16(_mm256_set1_epi8(32), Load(activations[t].q + kQuantBlock * b));
      }
    }
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      AddHalf<0>(block + r * args.row_bytes, r, activations, sums);
      AddHalf<1>(block + r * args.row_bytes, r, activations, sums);
    }
  }
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    __m256 halves[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) halves[r] = _mm256_add_ps(sums.lanes[0][t][r], sums.lanes[1][t][r]);
    StoreSums<Q6_K, kRows>(halves, _mm256_setzero_ps(), args.y + (token + t) * args.y_stride + row);
  }
}

}  // namespace

template <>
void BlockLinearAvx2<DType::kQ6_K>(const BlockLinearArgs& args) noexcept {
  constexpr TileFunctions kSingles = {Tile<1, 1>, Tile<1, 2>, Tile<1, 3>, Tile<1, 4>};
  int64_t row = args.row_begin;
  if (args.tokens == 1) {
    for (; row + 2 <= args.row_end; row += 2) Tile<2, 1>(args, row, 0);
  }
  RunTiles<1>(args, row, kSingles);
}

}  // namespace sterna
