// Dense products with AVX2: the 16 lanes of the contract are two ymm registers, `lo` (lanes 0..7) and `hi`.
//
// Up to kFusedTokens tokens: rows are decoded in registers and multiplied at once; each row is one sequential stream, prefetched
// ahead. Registers: 8 sums (4 rows x 1 token, 2 x 2, 1 x 3 or 1 x 4), a decoded vector, constants.
// More tokens: a panel of 16 rows is decoded to scratch once, then 4 rows x 3 tokens are multiplied, first lanes 0..7 of all
// columns, then lanes 8..15: 12 sums, 3 activations, 1 weight, so 12 multiply-adds for 7 loads. With both halves at once, 6 for 5.
// Over-reads: none of the weights (tails are copied); x may be read up to a whole vector.
#include <immintrin.h>

#include "kernels/dense/variants.h"

namespace sterna {
namespace {

constexpr int64_t kFusedTokens = 4;
constexpr int64_t kPrefetchBytes = 8192;  // ahead of the rows that are being multiplied
constexpr int64_t kHalfLanes = kDenseLanes / 2;

// GCC leaves arrays of sums in memory unless their loops are written out.
#define STERNA_UNROLL _Pragma("GCC unroll 16")

struct Vector {
  __m256 lo, hi;
};

const __m128i* AsVector(const std::byte* bytes) noexcept {
  return reinterpret_cast<const __m128i*>(bytes);
}

__m256 BroadcastF16(const std::byte* bytes) noexcept {
  unsigned short half;
  __builtin_memcpy(&half, bytes, sizeof(half));
  return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
}

// The 16 signed or unsigned bytes of `bytes` as floats.
Vector FloatsOfI8(__m128i bytes) noexcept {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
}
Vector Scale(__m256 factor, Vector v) noexcept {
  return {_mm256_mul_ps(factor, v.lo), _mm256_mul_ps(factor, v.hi)};
}

// ---- Weight types. A chunk is kCols columns in kBytes bytes that are decoded together, as vectors in the order of columns.
// kHasTail: cols may be any number, and a vector takes kBytes bytes for its kCols = 16 columns.

struct F32 {
  static constexpr int64_t kCols = 16, kBytes = 64;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const auto* from = reinterpret_cast<const float*>(row + kBytes * chunk);
    w[0] = {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
  }
};

struct F16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* from = row + kBytes * chunk;
    w[0] = {_mm256_cvtph_ps(_mm_loadu_si128(AsVector(from))), _mm256_cvtph_ps(_mm_loadu_si128(AsVector(from + 16)))};
  }
};

struct Bf16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static __m256 Widen(const std::byte* from) noexcept {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(AsVector(from))), 16));
  }
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    w[0] = {Widen(row + kBytes * chunk), Widen(row + kBytes * chunk + 16)};
  }
};

struct Q8_0 {
  static constexpr int64_t kCols = 32, kBytes = 34;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const __m256 d = BroadcastF16(block);
    w[0] = Scale(d, FloatsOfI8(_mm_loadu_si128(AsVector(block + 2))));
    w[1] = Scale(d, FloatsOfI8(_mm_loadu_si128(AsVector(block + 18))));
  }
};

struct Q4_0 {
  static constexpr int64_t kCols = 32, kBytes = 18;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const __m256 d = BroadcastF16(block);
    const __m128i nibbles = _mm_loadu_si128(AsVector(block + 2)), low4 = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
    w[0] = Scale(d, FloatsOfI8(_mm_sub_epi8(_mm_and_si128(nibbles, low4), eight)));
    w[1] = Scale(d, FloatsOfI8(_mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(nibbles, 4), low4), eight)));
  }
};

struct Q4_1 {
  static constexpr int64_t kCols = 32, kBytes = 20;
  static constexpr bool kHasTail = false;
  // d * code is exact, so the fused form has the one rounding of d * code + m.
  static Vector Affine(__m256 d, Vector codes, __m256 m) noexcept {
    return {_mm256_fmadd_ps(d, codes.lo, m), _mm256_fmadd_ps(d, codes.hi, m)};
  }
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const __m256 d = BroadcastF16(block), m = BroadcastF16(block + 2);
    const __m128i nibbles = _mm_loadu_si128(AsVector(block + 4)), low4 = _mm_set1_epi8(15);
    w[0] = Affine(d, FloatsOfI8(_mm_and_si128(nibbles, low4)), m);
    w[1] = Affine(d, FloatsOfI8(_mm_and_si128(_mm_srli_epi16(nibbles, 4), low4)), m);
  }
};

struct Q6_K {
  static constexpr int64_t kCols = 32;   // an eighth of a block of 210 bytes: columns 32k .. 32k + 31 of a half
  static constexpr int64_t kBytes = 27;  // of 26.25; for prefetching only
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + 210 * (chunk / 8);
    const int64_t half = chunk / 4 % 2, k = chunk % 4;
    const auto* low = reinterpret_cast<const __m256i*>(block + 64 * half + 32 * (k % 2));
    const auto* high = reinterpret_cast<const __m256i*>(block + 128 + 32 * half);
    const __m256i ql = _mm256_srl_epi16(_mm256_loadu_si256(low), _mm_cvtsi32_si128(static_cast<int>(k / 2 * 4)));
    const __m256i qh = _mm256_srl_epi16(_mm256_loadu_si256(high), _mm_cvtsi32_si128(static_cast<int>(k * 2)));
    const __m256i codes = _mm256_or_si256(_mm256_and_si256(ql, _mm256_set1_epi8(15)),
                                          _mm256_slli_epi16(_mm256_and_si256(qh, _mm256_set1_epi8(3)), 4));
    const __m256i q = _mm256_sub_epi8(codes, _mm256_set1_epi8(32));
    const __m256 d = BroadcastF16(block + 208);
    const std::byte* scales = block + 192 + 8 * half + 2 * k;
    const __m256 s0 = _mm256_set1_ps(static_cast<float>(static_cast<signed char>(scales[0])));
    const __m256 s1 = _mm256_set1_ps(static_cast<float>(static_cast<signed char>(scales[1])));
    w[0] = Scale(_mm256_mul_ps(d, s0), FloatsOfI8(_mm256_castsi256_si128(q)));
    w[1] = Scale(_mm256_mul_ps(d, s1), FloatsOfI8(_mm256_extracti128_si256(q, 1)));
  }
};

// The columns behind the last whole vector, `count` of them, zeros behind; reads no others.
template <class Type>
Vector DecodeTail(const std::byte* row, int64_t chunk, int64_t count) noexcept {
  std::byte bytes[Type::kBytes] = {};
  for (int64_t i = 0; i < count * Type::kBytes / Type::kCols; ++i) bytes[i] = row[Type::kBytes * chunk + i];
  Vector w;
  Type::Decode(bytes, 0, &w);
  return w;
}

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

// The rows of a tile are neighbours in memory, but each is read at its own pace: too short for the processor to see the streams. So
// the bytes of the rows to come are asked for in one sequence, as many as are consumed.
const std::byte* PrefetchStart(const std::byte* rows, int64_t bytes) noexcept {
  return rows + (bytes > kPrefetchBytes ? bytes : kPrefetchBytes);
}
template <int64_t kBytes>
const std::byte* Prefetch(const std::byte* ahead) noexcept {
  STERNA_UNROLL
  for (int64_t i = 0; i < (kBytes + 63) / 64; ++i) _mm_prefetch(reinterpret_cast<const char*>(ahead + 64 * i), _MM_HINT_T0);
  return ahead + kBytes;
}

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

template <class Type, int64_t kTokens>
void FusedRows(const DenseLinearArgs& args) noexcept {
  constexpr int64_t kRows = kTokens == 1 ? 4 : kTokens == 2 ? 2 : 1;
  int64_t row = args.row_begin;
  for (; row + kRows <= args.row_end; row += kRows) FusedTile<Type, kRows, kTokens>(args, row, 0);
  for (; row < args.row_end; ++row) FusedTile<Type, 1, kTokens>(args, row, 0);
}

// ---- Many tokens: products of decoded rows.

struct TileArgs {
  const float* w;  // [kRows][w_stride]
  int64_t w_stride;
  const float* x;  // [kTokens][x_stride]
  int64_t x_stride;
  int64_t steps;     // whole vectors
  int64_t tail;      // columns of one more vector
  float* carry;      // sums from the columns before, and for those behind
  bool first, last;  // block of columns
  float* y;
  int64_t y_stride;
};

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

using TileFunction = void (*)(const TileArgs&) noexcept;
constexpr int64_t kTileTokens = 3;
constexpr TileFunction kTiles[kDenseQuadRows][kTileTokens] = {{Tile<1, 1>, Tile<1, 2>, Tile<1, 3>},
                                                              {Tile<2, 1>, Tile<2, 2>, Tile<2, 3>},
                                                              {Tile<3, 1>, Tile<3, 2>, Tile<3, 3>},
                                                              {Tile<4, 1>, Tile<4, 2>, Tile<4, 3>}};

int64_t Min(int64_t a, int64_t b) noexcept {
  return a < b ? a : b;
}

// Rows row .. row + rows - 1, decoded in `panel`, times all tokens.
void MultiplyPanel(const DenseLinearArgs& args, const float* panel, int64_t row, int64_t rows) noexcept {
  const int64_t stride = DensePaddedCols(args.cols);
  float* carry = reinterpret_cast<float*>(args.scratch) + kDensePanelRows * stride;
  const int64_t blocks = (args.cols + kDenseBlockCols - 1) / kDenseBlockCols;
  const int64_t block_cols = DensePaddedCols((args.cols + blocks - 1) / blocks);
  for (int64_t token = 0; token < args.tokens; token += kTileTokens) {
    const int64_t tile_tokens = Min(kTileTokens, args.tokens - token);
    for (int64_t col = 0; col < args.cols; col += block_cols) {
      const int64_t cols = Min(block_cols, args.cols - col);
      for (int64_t r = 0; r < rows; r += kDenseQuadRows) {
        TileArgs tile;
        tile.w = panel + r * stride + col;
        tile.w_stride = stride;
        tile.x = args.x + token * args.x_stride + col;
        tile.x_stride = args.x_stride;
        tile.steps = cols / kDenseLanes;
        tile.tail = cols % kDenseLanes;
        tile.carry = carry + r / kDenseQuadRows * kDenseCarryFloats;
        tile.first = col == 0;
        tile.last = col + cols == args.cols;
        tile.y = args.y + token * args.y_stride + row + r;
        tile.y_stride = args.y_stride;
        kTiles[Min(kDenseQuadRows, rows - r) - 1][tile_tokens - 1](tile);
      }
    }
  }
}

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
  if (args.tokens <= kFusedTokens) {
    switch (args.tokens) {
      case 1:
        return FusedRows<Type, 1>(args);
      case 2:
        return FusedRows<Type, 2>(args);
      case 3:
        return FusedRows<Type, 3>(args);
      case 4:
        return FusedRows<Type, 4>(args);
      default:
        return;
    }
  }
  auto* panel = reinterpret_cast<float*>(args.scratch);
  const int64_t stride = DensePaddedCols(args.cols);
  for (int64_t row = args.row_begin; row < args.row_end; row += kDensePanelRows) {
    const int64_t rows = Min(kDensePanelRows, args.row_end - row);
    for (int64_t r = 0; r < rows; ++r) DecodeRow<Type>(args.weights + (row + r) * args.row_bytes, args.cols, panel + r * stride);
    MultiplyPanel(args, panel, row, rows);
  }
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
  auto* panel = reinterpret_cast<float*>(args.scratch);
  const int64_t stride = DensePaddedCols(args.cols);
  for (int64_t row = args.row_begin; row < args.row_end; row += kDensePanelRows) {
    const int64_t rows = Min(kDensePanelRows, args.row_end - row);
    for (int64_t r = 0; r < rows; ++r) {
      decode(args.weights + (row + r) * args.row_bytes, args.cols, tensor_scale, panel + r * stride);
    }
    MultiplyPanel(args, panel, row, rows);
  }
}

}  // namespace sterna
