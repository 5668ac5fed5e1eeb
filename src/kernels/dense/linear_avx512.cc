// Dense products with AVX-512: one zmm register is the 16 lanes of the contract, so the order of sums comes for free.
//
// Up to kFusedTokens tokens: kFusedRows rows at a time are decoded in registers and multiplied at once; each row is one sequential
// stream, prefetched ahead. Registers: 4 x 4 sums, 8 decoded vectors (Q6_K), constants.
// More tokens: a panel of 16 rows is decoded to scratch once, then 4 rows x 4 tokens are multiplied from 16 sums, 4 weights and
// 4 activations; per step of 16 columns 16 multiply-adds and 8 loads.
// Over-reads: none of the weights (tails are masked); x may be read up to a whole vector.
#include <immintrin.h>

#include "kernels/dense/variants.h"

namespace sterna {
namespace {

constexpr int64_t kFusedRows = 4;
constexpr int64_t kFusedTokens = 4;
constexpr int64_t kPrefetchBytes = 8192;  // ahead of the rows that are being multiplied

// GCC leaves arrays of sums in memory unless their loops are written out.
#define STERNA_UNROLL _Pragma("GCC unroll 16")

// A broadcast from memory costs nothing beside its load; one from a register competes with the other shuffles. The compilers turn
// the former into the latter unless they believe that the array may have changed.
#define STERNA_KEEP_IN_MEMORY(array) __asm__ volatile("" : "+m"(array))

const __m128i* AsVector(const std::byte* bytes) noexcept {
  return reinterpret_cast<const __m128i*>(bytes);
}

short LoadI16(const std::byte* bytes) noexcept {
  short value;
  __builtin_memcpy(&value, bytes, sizeof(value));
  return value;
}

// ---- Weight types. A chunk is kCols columns in kBytes bytes that are decoded together, as kVectors registers in the order of
// columns. kHasTail: cols may be any number; DecodeTail decodes the columns behind the last whole vector, `mask` of them, and reads
// no others.

struct F32 {
  static constexpr int64_t kCols = 16, kBytes = 64;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept { w[0] = _mm512_loadu_ps(row + 64 * chunk); }
  static __m512 DecodeTail(const std::byte* row, int64_t chunk, __mmask16 mask) noexcept {
    return _mm512_maskz_loadu_ps(mask, row + 64 * chunk);
  }
};

struct F16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    w[0] = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * chunk)));
  }
  static __m512 DecodeTail(const std::byte* row, int64_t chunk, __mmask16 mask) noexcept {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row + 32 * chunk));
  }
};

struct Bf16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static __m512 Widen(__m256i halves) noexcept { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16)); }
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    w[0] = Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * chunk)));
  }
  static __m512 DecodeTail(const std::byte* row, int64_t chunk, __mmask16 mask) noexcept {
    return Widen(_mm256_maskz_loadu_epi16(mask, row + 32 * chunk));
  }
};

struct Q8_0 {
  static constexpr int64_t kCols = 32, kBytes = 34;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 34 * chunk;
    const __m512 d = _mm512_cvtph_ps(_mm256_set1_epi16(LoadI16(block)));
    w[0] = _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(AsVector(block + 2)))));
    w[1] = _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(AsVector(block + 18)))));
  }
};

// A nibble selects from the 16 values its block can have; vpermps looks at the low four bits of each lane only.
void SelectByNibble(const std::byte* nibbles, __m512 values, __m512* w) noexcept {
  const __m512i codes = _mm512_cvtepu8_epi32(_mm_loadu_si128(AsVector(nibbles)));
  w[0] = _mm512_permutexvar_ps(codes, values);
  w[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(codes, 4), values);
}

struct Q4_0 {
  static constexpr int64_t kCols = 32, kBytes = 18;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 18 * chunk;
    const __m512 codes = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    const __m512 d = _mm512_cvtph_ps(_mm256_set1_epi16(LoadI16(block)));
    SelectByNibble(block + 2, _mm512_mul_ps(d, codes), w);
  }
};

struct Q4_1 {
  static constexpr int64_t kCols = 32, kBytes = 20;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 20 * chunk;
    const __m512 codes = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    alignas(16) float d_and_m[4];
    _mm_store_ps(d_and_m, _mm_cvtph_ps(_mm_loadu_si32(block)));
    STERNA_KEEP_IN_MEMORY(d_and_m);
    const __m512 d = _mm512_set1_ps(d_and_m[0]), m = _mm512_set1_ps(d_and_m[1]);
    SelectByNibble(block + 4, _mm512_fmadd_ps(d, codes, m), w);  // d * code is exact: one rounding, as in d * code + m
  }
};

struct Q6_K {
  static constexpr int64_t kCols = 128, kBytes = 105;  // half a block
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, __m512* w) noexcept {
    const std::byte* block = row + 210 * (chunk / 2);
    const int64_t half = chunk % 2;
    const __m256i qh = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 128 + 32 * half));
    const __m512i high = _mm512_inserti64x4(_mm512_castsi256_si512(qh), _mm256_srli_epi16(qh, 2), 1);
    const __m512i ql = _mm512_loadu_si512(block + 64 * half);
    const __m512i low4 = _mm512_set1_epi8(15), bits45 = _mm512_set1_epi8(0x30), offset = _mm512_set1_epi8(32);
    // Columns 0..63 and 64..127 of the half, as signed bytes.
    const __m512i first = _mm512_or_si512(_mm512_and_si512(ql, low4), _mm512_and_si512(_mm512_slli_epi16(high, 4), bits45));
    const __m512i last = _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(ql, 4), low4), _mm512_and_si512(high, bits45));
    const __m256 d = _mm256_cvtph_ps(_mm_set1_epi16(LoadI16(block + 208)));
    const __m256i group_scales = _mm256_cvtepi8_epi32(_mm_loadl_epi64(AsVector(block + 192 + 8 * half)));
    alignas(64) signed char q[128];
    _mm512_store_si512(q, _mm512_sub_epi8(first, offset));
    _mm512_store_si512(q + 64, _mm512_sub_epi8(last, offset));
    alignas(32) float scales[8];
    _mm256_store_ps(scales, _mm256_mul_ps(d, _mm256_cvtepi32_ps(group_scales)));
    STERNA_KEEP_IN_MEMORY(q);
    STERNA_KEEP_IN_MEMORY(scales);
    STERNA_UNROLL
    for (int v = 0; v < 8; ++v) {
      const __m512i codes = _mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(q + 16 * v)));
      w[v] = _mm512_mul_ps(_mm512_set1_ps(scales[v]), _mm512_cvtepi32_ps(codes));
    }
  }
};

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

template <class Type, int64_t kTokens>
void FusedRows(const DenseLinearArgs& args, int64_t token) noexcept {
  int64_t row = args.row_begin;
  for (; row + kFusedRows <= args.row_end; row += kFusedRows) FusedTile<Type, kFusedRows, kTokens>(args, row, token);
  for (; row < args.row_end; ++row) FusedTile<Type, 1, kTokens>(args, row, token);
}

// ---- Many tokens: products of decoded rows.

struct TileArgs {
  const float* w;  // [kRows][w_stride], zeros behind cols
  int64_t w_stride;
  const float* x;  // [kTokens][x_stride]
  int64_t x_stride;
  int64_t steps;     // whole vectors
  __mmask16 tail;    // lanes of one more vector; 0: none
  float* carry;      // sums from the columns before, and for those behind
  bool first, last;  // block of columns
  float* y;
  int64_t y_stride;
};

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
  if (args.tail != 0) {
    STERNA_UNROLL
    for (int64_t i = 0; i < kTokens * kRows; ++i) {
      const int64_t t = i / kRows, r = i % kRows;
      const __m512 w = _mm512_load_ps(args.w + r * args.w_stride + kDenseLanes * args.steps);
      const __m512 x = _mm512_load_ps(args.x + t * args.x_stride + kDenseLanes * args.steps);
      sums[t][r] = _mm512_mask3_fmadd_ps(w, x, sums[t][r], args.tail);
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

using TileFunction = void (*)(const TileArgs&) noexcept;
constexpr TileFunction kTiles[4][4] = {{Tile<1, 1>, Tile<1, 2>, Tile<1, 3>, Tile<1, 4>},
                                       {Tile<2, 1>, Tile<2, 2>, Tile<2, 3>, Tile<2, 4>},
                                       {Tile<3, 1>, Tile<3, 2>, Tile<3, 3>, Tile<3, 4>},
                                       {Tile<4, 1>, Tile<4, 2>, Tile<4, 3>, Tile<4, 4>}};
constexpr int64_t kTileTokens = 4;

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
        tile.tail = TailMask(cols);
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
  if (args.tokens <= kFusedTokens) {
    switch (args.tokens) {
      case 1:
        return FusedRows<Type, 1>(args, 0);
      case 2:
        return FusedRows<Type, 2>(args, 0);
      case 3:
        return FusedRows<Type, 3>(args, 0);
      case 4:
        return FusedRows<Type, 4>(args, 0);
      default:
        return;
    }
  }
  auto* panel = reinterpret_cast<float*>(args.scratch);
  for (int64_t row = args.row_begin; row < args.row_end; row += kDensePanelRows) {
    const int64_t rows = Min(kDensePanelRows, args.row_end - row);
    for (int64_t r = 0; r < rows; ++r) {
      DecodeRow<Type>(args.weights + (row + r) * args.row_bytes, args.cols, panel + r * DensePaddedCols(args.cols));
    }
    MultiplyPanel(args, panel, row, rows);
  }
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
  const int64_t stride = DensePaddedCols(args.cols);
  auto* panel = reinterpret_cast<float*>(args.scratch);
  for (int64_t row = args.row_begin; row < args.row_end; row += kDensePanelRows) {
    const int64_t rows = Min(kDensePanelRows, args.row_end - row);
    for (int64_t r = 0; r < rows; ++r) {
      decode(args.weights + (row + r) * args.row_bytes, args.cols, tensor_scale, panel + r * stride);
    }
    MultiplyPanel(args, panel, row, rows);
  }
}

}  // namespace sterna
