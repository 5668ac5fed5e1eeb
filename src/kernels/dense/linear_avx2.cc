// Dense products with AVX2: the 16 lanes of the contract are two ymm registers, `lo` (lanes 0..7) and `hi`.
//
// Up to kFusedTokens tokens: rows are multiplied while they are decoded in registers. Registers: at most 8 sums (4 rows x 1 token,
// 2 x 2, 1 x 3 or 1 x 4), a decoded vector, constants.
// More tokens: a panel of 16 rows is decoded to scratch once, then 4 rows x 3 tokens are multiplied, first lanes 0..7 of all
// columns, then lanes 8..15: 12 sums, 3 activations, 1 weight, so 12 multiply-adds for 7 loads. With both halves at once, 6 for 5.
// Over-reads: none of the weights (tails are copied); x may be read up to a whole vector.
#include <immintrin.h>

#include "kernels/dense/weights_avx2.h"

namespace sterna {
namespace {

constexpr int64_t kFusedTokens = 4;  // more are faster from a panel
constexpr int64_t kHalfLanes = kDenseLanes / 2;

// ---- Sums of lanes, in the order of the contract: l with l + 8, + 4, + 2, + 1.

// {sum of a, of b, of c, of d}, where l + 8 was added before.
__m128 SumLanes(__m256 a, __m256 b, __m256 c, __m256 d) noexcept {
  const __m256 ab = _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
  const __m256 cd = _mm256_add_ps(_mm256_permute2f128_ps(c, d, 0x20), _mm256_permute2f128_ps(c, d, 0x31));
  // Lanes {a0 a1 c0 c1 | b0 b1 d0 d1}, then {a a c c | b b d d}.
  const __m256 pairs = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  const __m256 sums = _mm256_add_ps(pairs, _mm256_permute_ps(pairs, 0xb1));
  const __m128 ac = _mm256_castps256_ps128(sums), bd = _mm256_extractf128_ps(sums, 1);
  return _mm_movelh_ps(_mm_unpacklo_ps(ac, bd), _mm_unpackhi_ps(ac, bd));
}

// Stores the lane sums of kRows neighbouring outputs.
template <int64_t kRows>
void StoreSums(const __m256* sums, float* y) noexcept {
  const __m256 zero = _mm256_setzero_ps();
  const __m128 out = SumLanes(sums[0], kRows > 1 ? sums[1] : zero, kRows > 2 ? sums[2] : zero, kRows > 3 ? sums[3] : zero);
  if constexpr (kRows == 4) {
    _mm_storeu_ps(y, out);
  } else {
    _mm_maskstore_ps(y, _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(kRows)), _mm_setr_epi32(0, 1, 2, 3)), out);
  }
}

// All bits of lanes first .. first + 7 that lie below `count`.
__m256 LanesBelow(int64_t count, int64_t first) noexcept {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count - first)), lanes));
}

__m256 MultiplyAdd(__m256 w, const float* x, __m256 sum) noexcept {
  return _mm256_fmadd_ps(w, _mm256_load_ps(x), sum);
}
// Lanes outside the mask keep their sum: adding 0 would turn -0 into +0, and x may be NaN there.
__m256 MaskedMultiplyAdd(__m256 w, const float* x, __m256 sum, __m256 mask) noexcept {
  return _mm256_blendv_ps(sum, MultiplyAdd(w, x, sum), mask);
}

// ---- Few tokens: decode in registers.

template <class Type, int64_t kRows, int64_t kTokens>
void FusedTile(const DenseLinearArgs& args, int64_t row, int64_t token) noexcept {
  constexpr int64_t kVectors = Type::kCols / kDenseLanes;
  const std::byte* weights = args.weights + row * args.row_bytes;
  const float* x = args.x + token * args.x_stride;
  const int64_t chunks = args.cols / Type::kCols;
  Vector sums[kTokens][kRows];
  STERNA_UNROLL
  for (int64_t i = 0; i < kTokens * kRows; ++i) sums[i / kRows][i % kRows] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  const std::byte* ahead = PrefetchStart(weights, kRows * args.row_bytes);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    ahead = Prefetch<kRows * Type::kBytes>(ahead);
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const std::byte* stream = weights + r * args.row_bytes;
      Vector w[kVectors];
      Type::Decode(stream, chunk, w);
      STERNA_UNROLL
      for (int64_t v = 0; v < kVectors; ++v) {
        STERNA_UNROLL
        for (int64_t t = 0; t < kTokens; ++t) {
          const float* xs = x + t * args.x_stride + Type::kCols * chunk + kDenseLanes * v;
          sums[t][r].lo = MultiplyAdd(w[v].lo, xs, sums[t][r].lo);
          sums[t][r].hi = MultiplyAdd(w[v].hi, xs + kHalfLanes, sums[t][r].hi);
        }
      }
    }
  }
  if constexpr (Type::kHasTail) {
    if (const int64_t tail = args.cols % kDenseLanes; tail != 0) {
      STERNA_UNROLL
      for (int64_t i = 0; i < kTokens * kRows; ++i) {
        Vector& sum = sums[i / kRows][i % kRows];
        const Vector w = DecodeTail<Type>(weights + i % kRows * args.row_bytes, chunks, tail);
        const float* xs = x + i / kRows * args.x_stride + Type::kCols * chunks;
        sum.lo = MaskedMultiplyAdd(w.lo, xs, sum.lo, LanesBelow(tail, 0));
        sum.hi = MaskedMultiplyAdd(w.hi, xs + kHalfLanes, sum.hi, LanesBelow(tail, kHalfLanes));
      }
    }
  }
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    __m256 halves[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) halves[r] = _mm256_add_ps(sums[t][r].lo, sums[t][r].hi);
    StoreSums<kRows>(halves, args.y + (token + t) * args.y_stride + row);
  }
}

using FusedFunction = void (*)(const DenseLinearArgs& args, int64_t row, int64_t token) noexcept;

template <class Type>
void FusedLinear(const DenseLinearArgs& args) noexcept {
  int64_t row = args.row_begin;
  if (args.tokens == 1) {
    for (; row + 4 <= args.row_end; row += 4) FusedTile<Type, 4, 1>(args, row, 0);
  } else if (args.tokens == 2) {
    for (; row + 2 <= args.row_end; row += 2) FusedTile<Type, 2, 2>(args, row, 0);
  }
  constexpr FusedFunction kSingles[kFusedTokens] = {FusedTile<Type, 1, 1>, FusedTile<Type, 1, 2>, FusedTile<Type, 1, 3>,
                                                    FusedTile<Type, 1, 4>};
  for (; row < args.row_end; ++row) kSingles[args.tokens - 1](args, row, 0);
}

// ---- Many tokens: products of decoded rows.

// The sums of lanes `lane` .. `lane` + 7.
template <int64_t kRows, int64_t kTokens>
void HalfTile(const TileArgs& args, int64_t lane, __m256 (&out)[kTokens][kRows]) noexcept {
  __m256 sums[kTokens][kRows];  // not `out`: the compiler would store to it in every step
  const float* carry = args.carry + lane * kRows * kTokens;
  STERNA_UNROLL
  for (int64_t i = 0; i < kTokens * kRows; ++i) {
    sums[i / kRows][i % kRows] = args.first ? _mm256_setzero_ps() : _mm256_load_ps(carry + kHalfLanes * i);
  }
  const float* w = args.w + lane;
  const float* x = args.x + lane;
  for (int64_t k = 0; k < args.steps; ++k) {
    __m256 xs[kTokens];
    STERNA_UNROLL
    for (int64_t t = 0; t < kTokens; ++t) xs[t] = _mm256_load_ps(x + t * args.x_stride + kDenseLanes * k);
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const __m256 weight = _mm256_load_ps(w + r * args.w_stride + kDenseLanes * k);
      STERNA_UNROLL
      for (int64_t t = 0; t < kTokens; ++t) sums[t][r] = _mm256_fmadd_ps(weight, xs[t], sums[t][r]);
    }
  }
  if (args.tail > lane) {
    const __m256 mask = LanesBelow(args.tail, lane);
    STERNA_UNROLL
    for (int64_t i = 0; i < kTokens * kRows; ++i) {
      const int64_t t = i / kRows, r = i % kRows;
      const __m256 weight = _mm256_load_ps(w + r * args.w_stride + kDenseLanes * args.steps);
      sums[t][r] = MaskedMultiplyAdd(weight, x + t * args.x_stride + kDenseLanes * args.steps, sums[t][r], mask);
    }
  }
  STERNA_UNROLL
  for (int64_t i = 0; i < kTokens * kRows; ++i) out[i / kRows][i % kRows] = sums[i / kRows][i % kRows];
}

template <int64_t kRows, int64_t kTokens>
void Tile(const TileArgs& args) noexcept {
  __m256 lo[kTokens][kRows], hi[kTokens][kRows];
  HalfTile<kRows, kTokens>(args, 0, lo);
  if (!args.last) {
    STERNA_UNROLL
    for (int64_t i = 0; i < kTokens * kRows; ++i) _mm256_store_ps(args.carry + kHalfLanes * i, lo[i / kRows][i % kRows]);
  }
  HalfTile<kRows, kTokens>(args, kHalfLanes, hi);
  if (!args.last) {
    float* carry = args.carry + kHalfLanes * kRows * kTokens;
    STERNA_UNROLL
    for (int64_t i = 0; i < kTokens * kRows; ++i) _mm256_store_ps(carry + kHalfLanes * i, hi[i / kRows][i % kRows]);
    return;
  }
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    __m256 halves[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) halves[r] = _mm256_add_ps(lo[t][r], hi[t][r]);
    StoreSums<kRows>(halves, args.y + t * args.y_stride);
  }
}

constexpr TileFunction kTiles[kDenseQuadRows][3] = {{Tile<1, 1>, Tile<1, 2>, Tile<1, 3>},
                                                    {Tile<2, 1>, Tile<2, 2>, Tile<2, 3>},
                                                    {Tile<3, 1>, Tile<3, 2>, Tile<3, 3>},
                                                    {Tile<4, 1>, Tile<4, 2>, Tile<4, 3>}};

template <class Type>
void DecodeRow(const std::byte* row, int64_t cols, float* out) noexcept {
  constexpr int64_t kVectors = Type::kCols / kDenseLanes;
  const int64_t chunks = cols / Type::kCols;
  const auto store = [out](int64_t col, Vector w) {
    _mm256_store_ps(out + col, w.lo);
    _mm256_store_ps(out + col + kHalfLanes, w.hi);
  };
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    Vector w[kVectors];
    Type::Decode(row, chunk, w);
    STERNA_UNROLL
    for (int64_t v = 0; v < kVectors; ++v) store(Type::kCols * chunk + kDenseLanes * v, w[v]);
  }
  if constexpr (Type::kHasTail) {
    if (const int64_t tail = cols % kDenseLanes; tail != 0) store(Type::kCols * chunks, DecodeTail<Type>(row, chunks, tail));
  }
}

template <class Type>
void Linear(const DenseLinearArgs& args) noexcept {
  if (args.tokens < 1) return;
  if (args.tokens <= kFusedTokens) return FusedLinear<Type>(args);
  const int64_t cols = args.cols;
  PanelLinear(args, kTiles, [cols](const std::byte* row, float* out) noexcept { DecodeRow<Type>(row, cols, out); });
}

}  // namespace

template <>
void DenseLinearAvx2<DType::kF32>(const DenseLinearArgs& args) noexcept {
  Linear<F32>(args);
}
template <>
void DenseLinearAvx2<DType::kF16>(const DenseLinearArgs& args) noexcept {
  Linear<F16>(args);
}
template <>
void DenseLinearAvx2<DType::kBF16>(const DenseLinearArgs& args) noexcept {
  Linear<Bf16>(args);
}
template <>
void DenseLinearAvx2<DType::kQ8_0>(const DenseLinearArgs& args) noexcept {
  Linear<Q8_0>(args);
}
template <>
void DenseLinearAvx2<DType::kQ4_0>(const DenseLinearArgs& args) noexcept {
  Linear<Q4_0>(args);
}
template <>
void DenseLinearAvx2<DType::kQ4_1>(const DenseLinearArgs& args) noexcept {
  Linear<Q4_1>(args);
}
template <>
void DenseLinearAvx2<DType::kQ6_K>(const DenseLinearArgs& args) noexcept {
  Linear<Q6_K>(args);
}

void DenseLinearDecodedAvx2(const DenseLinearArgs& args, DenseRowDecoder decode, float tensor_scale) noexcept {
  const int64_t cols = args.cols;
  PanelLinear(args, kTiles, [=](const std::byte* row, float* out) noexcept { decode(row, cols, tensor_scale, out); });
}

}  // namespace sterna
