// Dense products with AVX-512: one zmm register is the 16 lanes of the contract, so the order of sums comes for free.
//
// Up to Type::kFusedTokens tokens: 4 rows x 1 to 4 tokens are multiplied while they are decoded in registers. Registers: at most 16
// sums, 8 decoded vectors (Q6_K), 4 constants. More tokens: a panel of 16 rows is decoded to scratch once, then 4 rows x 4 tokens
// are multiplied from 16 sums, 4 weights and 4 activations; per step of 16 columns 16 multiply-adds and 8 loads. Over-reads: none
// of the weights (tails are masked); x may be read up to a whole vector.
#include <immintrin.h>

#include "kernels/dense/weights_avx512.h"

namespace sterna {
namespace {

constexpr int64_t kFusedRows = 4;
constexpr int64_t kFusedTileTokens = 4;

// ---- Sums of lanes, in the order of the contract: l with l + 8, + 4, + 2, + 1.

__m256 AddHalves(__m512 v) noexcept {
  return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

// {sum of a, of b, of c, of d}
__m128 SumLanes(__m512 a, __m512 b, __m512 c, __m512 d) noexcept {
  const __m256 a8 = AddHalves(a), b8 = AddHalves(b), c8 = AddHalves(c), d8 = AddHalves(d);
  const __m256 ab = _mm256_add_ps(_mm256_permute2f128_ps(a8, b8, 0x20), _mm256_permute2f128_ps(a8, b8, 0x31));
  const __m256 cd = _mm256_add_ps(_mm256_permute2f128_ps(c8, d8, 0x20), _mm256_permute2f128_ps(c8, d8, 0x31));
  // Lanes {a0 a1 c0 c1 | b0 b1 d0 d1}, then {a a c c | b b d d}.
  const __m256 pairs = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  const __m256 sums = _mm256_add_ps(pairs, _mm256_permute_ps(pairs, 0xb1));
  const __m128 ac = _mm256_castps256_ps128(sums), bd = _mm256_extractf128_ps(sums, 1);
  return _mm_movelh_ps(_mm_unpacklo_ps(ac, bd), _mm_unpackhi_ps(ac, bd));
}

// Stores the lane sums of kRows neighbouring outputs.
template <int64_t kRows>
void StoreSums(const __m512* sums, float* y) noexcept {
  const __m512 zero = _mm512_setzero_ps();
  const __m128 out = SumLanes(sums[0], kRows > 1 ? sums[1] : zero, kRows > 2 ? sums[2] : zero, kRows > 3 ? sums[3] : zero);
  if constexpr (kRows == 4) {
    _mm_storeu_ps(y, out);
  } else {
    _mm_mask_storeu_ps(y, static_cast<__mmask8>((1u << kRows) - 1), out);
  }
}

__mmask16 TailMask(int64_t cols) noexcept {
  return static_cast<__mmask16>((1u << (cols % kDenseLanes)) - 1);
}

// ---- Few tokens: decode in registers.

template <class Type, int64_t kRows, int64_t kTokens>
void FusedTile(const DenseLinearArgs& args, int64_t row, int64_t token) noexcept {
  constexpr int64_t kVectors = Type::kCols / kDenseLanes;
  const std::byte* weights = args.weights + row * args.row_bytes;
  const float* x = args.x + token * args.x_stride;
  const int64_t chunks = args.cols / Type::kCols;
  __m512 sums[kTokens][kRows];
  STERNA_UNROLL
  for (int64_t i = 0; i < kTokens * kRows; ++i) sums[i / kRows][i % kRows] = _mm512_setzero_ps();
  const std::byte* ahead = PrefetchStart(weights, kRows * args.row_bytes);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    ahead = Prefetch<kRows * Type::kBytes>(ahead);
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const std::byte* stream = weights + r * args.row_bytes;
      __m512 w[kVectors];
      Type::Decode(stream, chunk, w);
      STERNA_UNROLL
      for (int64_t v = 0; v < kVectors; ++v) {
        STERNA_UNROLL
        for (int64_t t = 0; t < kTokens; ++t) {
          sums[t][r] =
              _mm512_fmadd_ps(w[v], _mm512_load_ps(x + t * args.x_stride + Type::kCols * chunk + kDenseLanes * v), sums[t][r]);
        }
      }
    }
  }
  if constexpr (Type::kHasTail) {
    if (const __mmask16 mask = TailMask(args.cols); mask != 0) {
      STERNA_UNROLL
      for (int64_t i = 0; i < kTokens * kRows; ++i) {
        const int64_t t = i / kRows, r = i % kRows;
        const __m512 w = Type::DecodeTail(weights + r * args.row_bytes, chunks, mask);
        sums[t][r] = _mm512_mask3_fmadd_ps(w, _mm512_load_ps(x + t * args.x_stride + Type::kCols * chunks), sums[t][r], mask);
      }
    }
  }
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) StoreSums<kRows>(sums[t], args.y + (token + t) * args.y_stride + row);
}

using FusedFunction = void (*)(const DenseLinearArgs& args, int64_t row, int64_t token) noexcept;

// Rows outside, so that weights come from memory once and from the cache for the next group of tokens.
template <class Type>
void FusedLinear(const DenseLinearArgs& args) noexcept {
  constexpr FusedFunction kTiles[kFusedTileTokens] = {FusedTile<Type, kFusedRows, 1>, FusedTile<Type, kFusedRows, 2>,
                                                      FusedTile<Type, kFusedRows, 3>, FusedTile<Type, kFusedRows, 4>};
  constexpr FusedFunction kSingles[kFusedTileTokens] = {FusedTile<Type, 1, 1>, FusedTile<Type, 1, 2>, FusedTile<Type, 1, 3>,
                                                        FusedTile<Type, 1, 4>};
  int64_t row = args.row_begin;
  for (; row + kFusedRows <= args.row_end; row += kFusedRows) {
    for (int64_t token = 0; token < args.tokens; token += kFusedTileTokens) {
      kTiles[Min(kFusedTileTokens, args.tokens - token) - 1](args, row, token);
    }
  }
  for (; row < args.row_end; ++row) {
    for (int64_t token = 0; token < args.tokens; token += kFusedTileTokens) {
      kSingles[Min(kFusedTileTokens, args.tokens - token) - 1](args, row, token);
    }
  }
}

// ---- Many tokens: products of decoded rows.

template <int64_t kRows, int64_t kTokens>
void Tile(const TileArgs& args) noexcept {
  __m512 sums[kTokens][kRows];
  STERNA_UNROLL
  for (int64_t i = 0; i < kTokens * kRows; ++i) {
    sums[i / kRows][i % kRows] = args.first ? _mm512_setzero_ps() : _mm512_load_ps(args.carry + kDenseLanes * i);
  }
  for (int64_t k = 0; k < args.steps; ++k) {
    __m512 w[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) w[r] = _mm512_load_ps(args.w + r * args.w_stride + kDenseLanes * k);
    STERNA_UNROLL
    for (int64_t t = 0; t < kTokens; ++t) {
      const __m512 x = _mm512_load_ps(args.x + t * args.x_stride + kDenseLanes * k);
      STERNA_UNROLL
      for (int64_t r = 0; r < kRows; ++r) sums[t][r] = _mm512_fmadd_ps(w[r], x, sums[t][r]);
    }
  }
  if (const __mmask16 mask = TailMask(args.tail); mask != 0) {
    STERNA_UNROLL
    for (int64_t i = 0; i < kTokens * kRows; ++i) {
      const int64_t t = i / kRows, r = i % kRows;
      const __m512 w = _mm512_load_ps(args.w + r * args.w_stride + kDenseLanes * args.steps);
      const __m512 x = _mm512_load_ps(args.x + t * args.x_stride + kDenseLanes * args.steps);
      sums[t][r] = _mm512_mask3_fmadd_ps(w, x, sums[t][r], mask);
    }
  }
  if (args.last) {
    STERNA_UNROLL
    for (int64_t t = 0; t < kTokens; ++t) StoreSums<kRows>(sums[t], args.y + t * args.y_stride);
  } else {
    STERNA_UNROLL
    for (int64_t i = 0; i < kTokens * kRows; ++i) _mm512_store_ps(args.carry + kDenseLanes * i, sums[i / kRows][i % kRows]);
  }
}

constexpr TileFunction kTiles[kDenseQuadRows][4] = {{Tile<1, 1>, Tile<1, 2>, Tile<1, 3>, Tile<1, 4>},
                                                    {Tile<2, 1>, Tile<2, 2>, Tile<2, 3>, Tile<2, 4>},
                                                    {Tile<3, 1>, Tile<3, 2>, Tile<3, 3>, Tile<3, 4>},
                                                    {Tile<4, 1>, Tile<4, 2>, Tile<4, 3>, Tile<4, 4>}};

template <class Type>
void DecodeRow(const std::byte* row, int64_t cols, float* out) noexcept {
  constexpr int64_t kVectors = Type::kCols / kDenseLanes;
  const int64_t chunks = cols / Type::kCols;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    __m512 w[kVectors];
    Type::Decode(row, chunk, w);
    STERNA_UNROLL
    for (int64_t v = 0; v < kVectors; ++v) _mm512_store_ps(out + Type::kCols * chunk + kDenseLanes * v, w[v]);
  }
  if constexpr (Type::kHasTail) {
    if (const __mmask16 mask = TailMask(cols); mask != 0)
      _mm512_store_ps(out + Type::kCols * chunks, Type::DecodeTail(row, chunks, mask));
  }
}

template <class Type>
void Linear(const DenseLinearArgs& args) noexcept {
  if (args.tokens < 1) return;
  if (args.tokens <= Type::kFusedTokens) return FusedLinear<Type>(args);
  const int64_t cols = args.cols;
  PanelLinear(args, kTiles, [cols](const std::byte* row, float* out) noexcept { DecodeRow<Type>(row, cols, out); });
}

}  // namespace

template <>
void DenseLinearAvx512<DType::kF32>(const DenseLinearArgs& args) noexcept {
  Linear<F32>(args);
}
template <>
void DenseLinearAvx512<DType::kF16>(const DenseLinearArgs& args) noexcept {
  Linear<F16>(args);
}
template <>
void DenseLinearAvx512<DType::kBF16>(const DenseLinearArgs& args) noexcept {
  Linear<Bf16>(args);
}
template <>
void DenseLinearAvx512<DType::kQ8_0>(const DenseLinearArgs& args) noexcept {
  Linear<Q8_0>(args);
}
template <>
void DenseLinearAvx512<DType::kQ4_0>(const DenseLinearArgs& args) noexcept {
  Linear<Q4_0>(args);
}
template <>
void DenseLinearAvx512<DType::kQ4_1>(const DenseLinearArgs& args) noexcept {
  Linear<Q4_1>(args);
}
template <>
void DenseLinearAvx512<DType::kQ6_K>(const DenseLinearArgs& args) noexcept {
  Linear<Q6_K>(args);
}

void DenseLinearDecodedAvx512(const DenseLinearArgs& args, DenseRowDecoder decode, float tensor_scale) noexcept {
  const int64_t cols = args.cols;
  PanelLinear(args, kTiles, [=](const std::byte* row, float* out) noexcept { decode(row, cols, tensor_scale, out); });
}

}  // namespace sterna
