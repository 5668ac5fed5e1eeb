// Q6_K block products with AVX-512 VNNI: a zmm register holds 64 codes in order, and its 16 sums of 4 products are the 16 lanes of
// the contract. Each group of 16 weights is 4 lanes.
//
// Tiles of 4 rows x 1 to 4 tokens. Per 256 weights of a row: codes are unpacked once (3.5 operations per 64), the 16 scales are one
// register. vpdpbusd takes unsigned times signed bytes: codes keep their bias of 32, and the sum starts at -32 * (sum of 4 q). It
// wraps nowhere: |sum| <= 4 * 63 * 127. Over-reads: none.
#include "kernels/blockquant/blocks.h"

namespace sterna {
namespace {

constexpr int64_t kSuperBlock = 256;                             // weights with one f16 scale
constexpr int64_t kQuarters = 4;                                 // registers of 64 codes in a super-block
constexpr int64_t kHighBits = 128, kScales = 192, kScale = 208;  // offsets in a super-block, behind the low nibbles

struct Q6_K {
  static constexpr int64_t kBytes = 210;
  static constexpr bool kHasOffset = false;
};

struct Codes {
  __m512i of[2];
};

// The codes 0 .. 63 of weights 128 * half .. + 127, in order, two registers. Nibbles: 64 bytes, the low ones first. High bits: 32
// bytes whose bits 2i, 2i+1 belong to weights 32i .. 32i+31.
STERNA_INLINE Codes LoadCodes(const std::byte* block, int64_t half) noexcept {
  const __m512i nibbles = _mm512_loadu_si512(block + 64 * half);
  const __m512i high = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + kHighBits + 32 * half)));
  const __m512i low_nibble = _mm512_set1_epi8(15), high_pair = _mm512_set1_epi8(48);
  const __m512i left = _mm512_setr_epi64(0x0004000400040004, 0x0004000400040004, 0x0004000400040004, 0x0004000400040004,
                                         0x0002000200020002, 0x0002000200020002, 0x0002000200020002, 0x0002000200020002);
  const __m512i right =
      _mm512_setr_epi64(0, 0, 0, 0, 0x0002000200020002, 0x0002000200020002, 0x0002000200020002, 0x0002000200020002);
  // 0xca: the first operand chooses bit by bit between the second and the third.
  constexpr int kSelect = 0xca;
  const __m512i first = _mm512_and_si512(_mm512_sllv_epi16(high, left), high_pair);
  const __m512i second = _mm512_and_si512(_mm512_srlv_epi16(high, right), high_pair);
  return {{_mm512_ternarylogic_epi64(low_nibble, nibbles, first, kSelect),
           _mm512_ternarylogic_epi64(low_nibble, _mm512_srli_epi16(nibbles, 4), second, kSelect)}};
}

// d * scale of each of the 16 groups; exact.
STERNA_INLINE __m512 GroupScales(const std::byte* block) noexcept {
  const __m512 scales = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(AsVector(block + kScales))));
  const __m128 d = _mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(LoadU16(block + kScale))));
  return _mm512_mul_ps(scales, _mm512_broadcastss_ps(d));
}

// Element g: the scale of the activation's block that group g lies in.
STERNA_INLINE __m512 ActivationScales(const float* scales) noexcept {
  const __m512i pairs = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_permutexvar_ps(pairs, _mm512_castps256_ps512(_mm256_loadu_ps(scales)));
}

template <int64_t kRows, int64_t kTokens>
void Tile(const BlockLinearArgs& args, int64_t row, int64_t token) noexcept {
  const std::byte* block = args.weights + row * args.row_bytes;
  __m512 sums[kTokens][kRows];
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) sums[t][r] = _mm512_setzero_ps();
  }
  const std::byte* ahead = PrefetchStart(block, kRows * args.row_bytes);
  const __m512i lane_groups = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const int8_t* q = args.q + token * args.q_stride;
  const float* scales = args.scales + token * args.scale_stride;
  for (int64_t column = 0; column < args.cols;
       column += kSuperBlock, block += Q6_K::kBytes, q += kSuperBlock, scales += kSuperBlock / kQuantBlock) {
    ahead = Prefetch<kRows * Q6_K::kBytes>(ahead);
    __m512i starts[kTokens][kQuarters];
    __m512 activation_scales[kTokens];
    STERNA_UNROLL
    for (int64_t t = 0; t < kTokens; ++t) {
      activation_scales[t] = ActivationScales(scales + t * args.scale_stride);
      STERNA_UNROLL
      for (int64_t i = 0; i < kQuarters; ++i) {
        const __m512i bias =
            _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(32), _mm512_load_si512(q + t * args.q_stride + 64 * i));
        starts[t][i] = _mm512_sub_epi32(_mm512_setzero_si512(), bias);
      }
    }
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const std::byte* of_row = block + r * args.row_bytes;
      const __m512 group_scales = GroupScales(of_row);
      STERNA_UNROLL
      for (int64_t half = 0; half < 2; ++half) {
        const Codes codes = LoadCodes(of_row, half);
        STERNA_UNROLL
        for (int64_t t = 0; t < kTokens; ++t) {
          const __m512 products = _mm512_mul_ps(group_scales, activation_scales[t]);
          STERNA_UNROLL
          for (int64_t i = 0; i < 2; ++i) {
            const int64_t quarter = 2 * half + i;
            const __m512i dots =
                _mm512_dpbusd_epi32(starts[t][quarter], codes.of[i], _mm512_load_si512(q + t * args.q_stride + 64 * quarter));
            const __m512i lanes = _mm512_add_epi32(lane_groups, _mm512_set1_epi32(static_cast<int>(4 * quarter)));
            sums[t][r] = _mm512_fmadd_ps(_mm512_permutexvar_ps(lanes, products), _mm512_cvtepi32_ps(dots), sums[t][r]);
          }
        }
      }
    }
  }
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    __m256 halves[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      halves[r] = _mm256_add_ps(_mm512_castps512_ps256(sums[t][r]), _mm512_extractf32x8_ps(sums[t][r], 1));
    }
    StoreSums<Q6_K, kRows>(halves, _mm256_setzero_ps(), args.y + (token + t) * args.y_stride + row);
  }
}

}  // namespace

template <>
void BlockLinearAvx512<DType::kQ6_K>(const BlockLinearArgs& args) noexcept {
  constexpr TileFunctions kTiles = {Tile<kMaxRows, 1>, Tile<kMaxRows, 2>, Tile<kMaxRows, 3>, Tile<kMaxRows, 4>};
  constexpr TileFunctions kSingles = {Tile<1, 1>, Tile<1, 2>, Tile<1, 3>, Tile<1, 4>};
  RunTiles<1>(args, RunTiles<kMaxRows>(args, args.row_begin, kTiles), kSingles);
}

}  // namespace sterna
