// Block products with AVX-512 VNNI: a zmm register holds two blocks, and its 16 sums of 4 products are the 16 lanes of the
// contract.
//
// Tiles of 4 rows x 1 to 4 tokens; codes are unpacked once per tile. Per row, token and pair of blocks: vpdpbusd, conversion,
// vpermps of the scale, multiply-add. Registers: at most 16 sums, 4 chains of offsets, 4 unpacked codes, scales and constants.
// vpdpbusd takes unsigned times signed bytes: signed codes get a bias, and the sum starts at -bias * (sum of 4 q). It wraps
// nowhere: |sum| <= 4 * 255 * 127. Over-reads: none.
#include "kernels/blockquant/blocks.h"

namespace sterna {
namespace {

// The 4-bit codes of two blocks of 32, in order, from 16 bytes each at `nibbles` and `nibbles` + kBytes.
template <int64_t kBytes, int64_t kBlocks>
STERNA_INLINE __m512i Nibbles(const std::byte* nibbles) noexcept {
  __m512i bytes = _mm512_broadcast_i32x4(_mm_loadu_si128(AsVector(nibbles)));
  if constexpr (kBlocks == 2) bytes = _mm512_mask_broadcast_i32x4(bytes, 0xff00, _mm_loadu_si128(AsVector(nibbles + kBytes)));
  const __m512i high_in_second_half = _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4);
  return _mm512_and_si512(_mm512_srlv_epi64(bytes, high_in_second_half), _mm512_set1_epi8(15));
}

// Codes: the codes + kBias of one or two blocks, as unsigned bytes; after a single block, the upper half is anything.

struct Q8_0 {
  static constexpr int64_t kBytes = 34;
  static constexpr int kBias = 128;
  static constexpr bool kHasOffset = false;
  template <int64_t kBlocks>
  STERNA_INLINE static __m512i Codes(const std::byte* block) noexcept {
    __m512i codes = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 2)));
    if constexpr (kBlocks == 2) {
      codes = _mm512_inserti64x4(codes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + kBytes + 2)), 1);
    }
    return _mm512_xor_si512(codes, _mm512_set1_epi8(-128));
  }
};

struct Q4_0 {
  static constexpr int64_t kBytes = 18;
  static constexpr int kBias = 8;
  static constexpr bool kHasOffset = false;
  template <int64_t kBlocks>
  STERNA_INLINE static __m512i Codes(const std::byte* block) noexcept {
    return Nibbles<kBytes, kBlocks>(block + 2);
  }
};

struct Q4_1 {
  static constexpr int64_t kBytes = 20;
  static constexpr int kBias = 0;
  static constexpr bool kHasOffset = true;
  template <int64_t kBlocks>
  STERNA_INLINE static __m512i Codes(const std::byte* block) noexcept {
    return Nibbles<kBytes, kBlocks>(block + 4);
  }
};

template <int64_t kBlocks>
STERNA_INLINE __m512i LoadActivations(const int8_t* q) noexcept {
  if constexpr (kBlocks == 2) return _mm512_load_si512(q);
  return _mm512_castsi256_si512(_mm256_load_si256(reinterpret_cast<const __m256i*>(q)));
}

template <int64_t kRows, int64_t kTokens>
struct Sums {
  __m512 lanes[kTokens][kRows];
  __m256 chains[kTokens];
};

// Blocks `block` .. `block` + kBlocks - 1, where `block` is even. A single block leaves lanes 8..15 as they are: an infinite
// scale would make them NaN.
template <class Type, int64_t kRows, int64_t kTokens, int64_t kBlocks>
STERNA_INLINE void AddBlocks(const BlockLinearArgs& args, const std::byte* rows, int64_t token, int64_t block,
                             Sums<kRows, kTokens>& sums) noexcept {
  const std::byte* first = rows + Type::kBytes * block;
  const BlockNumbers numbers = LoadNumbers<Type, kRows, kBlocks>(first, args.row_bytes);
  __m512i codes[kRows];
  STERNA_UNROLL
  for (int64_t r = 0; r < kRows; ++r) codes[r] = Type::template Codes<kBlocks>(first + r * args.row_bytes);
  const __m512i halves = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    const int64_t number = (token + t) * args.scale_stride + block;
    const __m512i q = LoadActivations<kBlocks>(args.q + (token + t) * args.q_stride + kQuantBlock * block);
    const __m512 scales = _mm512_castps256_ps512(_mm256_mul_ps(numbers.scales, LoadScales<kBlocks>(args.scales + number)));
    __m512i start = _mm512_setzero_si512();
    if constexpr (Type::kBias != 0) {
      start = _mm512_sub_epi32(start, _mm512_dpbusd_epi32(start, _mm512_set1_epi8(static_cast<char>(Type::kBias)), q));
    }
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const __m512 dots = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(start, codes[r], q));
      const __m512i of_row = _mm512_add_epi32(halves, _mm512_set1_epi32(static_cast<int>(2 * r)));
      const __m512 scale = _mm512_permutexvar_ps(of_row, scales);
      __m512& lanes = sums.lanes[t][r];
      lanes = kBlocks == 2 ? _mm512_fmadd_ps(scale, dots, lanes) : _mm512_mask3_fmadd_ps(scale, dots, lanes, 0x00ff);
    }
    if constexpr (Type::kHasOffset) {
      sums.chains[t] = AddOffsets<kBlocks>(numbers.offsets, args.sums + number, sums.chains[t]);
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
    for (int64_t r = 0; r < kRows; ++r) sums.lanes[t][r] = _mm512_setzero_ps();
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
    for (int64_t r = 0; r < kRows; ++r) {
      const __m512 lanes = sums.lanes[t][r];
      halves[r] = _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
    }
    StoreSums<Type, kRows>(halves, sums.chains[t], args.y + (token + t) * args.y_stride + row);
  }
}

template <class Type>
void Linear(const BlockLinearArgs& args) noexcept {
  constexpr TileFunctions kTiles = {Tile<Type, kMaxRows, 1>, Tile<Type, kMaxRows, 2>, Tile<Type, kMaxRows, 3>,
                                    Tile<Type, kMaxRows, 4>};
  constexpr TileFunctions kSingles = {Tile<Type, 1, 1>, Tile<Type, 1, 2>, Tile<Type, 1, 3>, Tile<Type, 1, 4>};
  RunTiles<1>(args, RunTiles<kMaxRows>(args, args.row_begin, kTiles), kSingles);
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

}  // namespace sterna
