// Dense products with NEON: the 16 lanes of the contract are four registers, a quarter in each.
//
// Up to kFusedTokens tokens: rows are multiplied while they are decoded in registers. Registers: at most 16 sums (4 rows x 1 token,
// 2 x 2, 1 x 3 or 1 x 4), a decoded vector, activations.
// More tokens: a panel of 16 rows is decoded to scratch once, then 4 rows x 4 tokens are multiplied, one quarter of the lanes of
// all columns after the other: 16 sums, 4 activations, 1 weight, so 16 multiply-adds for 8 loads. Over-reads: none of the weights
// (tails are copied); x may be read up to a whole vector.
#include <arm_neon.h>

#include "kernels/dense/weights_neon.h"

namespace sterna {
namespace {

constexpr int64_t kFusedTokens = 4;  // more are faster from a panel: one decoding for all of them

// ---- Sums of lanes, in the order of the contract: l with l + 8, + 4, + 2, + 1.

float32x4_t HalveTwice(const float32x4_t (&quarters)[4]) noexcept {
  return vaddq_f32(vaddq_f32(quarters[0], quarters[2]), vaddq_f32(quarters[1], quarters[3]));
}

// {l + (l + 2) of a, of b}.
float32x4_t AddHalves(float32x4_t a, float32x4_t b) noexcept {
  const float64x2_t c = vreinterpretq_f64_f32(a), d = vreinterpretq_f64_f32(b);
  return vaddq_f32(vreinterpretq_f32_f64(vzip1q_f64(c, d)), vreinterpretq_f32_f64(vzip2q_f64(c, d)));
}

// Stores the sums of kRows neighbouring outputs, whose lanes l + 8 and l + 4 were added before.
template <int64_t kRows>
void StoreSums(const float32x4_t* sums, float* y) noexcept {
  const float32x4_t zero = vdupq_n_f32(0);
  const float32x4_t ab = AddHalves(sums[0], kRows > 1 ? sums[1] : zero);
  const float32x4_t cd = kRows > 2 ? AddHalves(sums[2], kRows > 3 ? sums[3] : zero) : zero;
  const float32x4_t out = vpaddq_f32(ab, cd);
  if constexpr (kRows == 4) {
    vst1q_f32(y, out);
  } else {
    float all[4];
    vst1q_f32(all, out);
    for (int64_t r = 0; r < kRows; ++r) y[r] = all[r];
  }
}

// All bits of lanes first .. first + 3 that lie below `count`.
uint32x4_t LanesBelow(int64_t count, int64_t first) noexcept {
  constexpr int32_t kLanes[4] = {0, 1, 2, 3};
  return vcltq_s32(vld1q_s32(kLanes), vdupq_n_s32(static_cast<int32_t>(count - first)));
}

// Lanes outside the mask keep their sum: adding 0 would turn -0 into +0, and x may be NaN there.
float32x4_t MaskedMultiplyAdd(float32x4_t w, const float* x, float32x4_t sum, uint32x4_t mask) noexcept {
  return vbslq_f32(mask, vfmaq_f32(sum, w, vld1q_f32(x)), sum);
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
  for (int64_t i = 0; i < kTokens * kRows; ++i) {
    STERNA_UNROLL
    for (float32x4_t& quarter : sums[i / kRows][i % kRows].quarters) quarter = vdupq_n_f32(0);
  }
  const std::byte* ahead = PrefetchStart(weights, kRows * args.row_bytes);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    ahead = Prefetch<kRows * Type::kBytes>(ahead);
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      Vector w[kVectors];
      Type::Decode(weights + r * args.row_bytes, chunk, w);
      STERNA_UNROLL
      for (int64_t v = 0; v < kVectors; ++v) {
        STERNA_UNROLL
        for (int64_t t = 0; t < kTokens; ++t) {
          const float* xs = x + t * args.x_stride + Type::kCols * chunk + kDenseLanes * v;
          float32x4_t(&sum)[4] = sums[t][r].quarters;
          STERNA_UNROLL
          for (int64_t i = 0; i < 4; ++i) sum[i] = vfmaq_f32(sum[i], w[v].quarters[i], vld1q_f32(xs + kQuarterLanes * i));
        }
      }
    }
  }
  if constexpr (Type::kHasTail) {
    if (const int64_t tail = args.cols % kDenseLanes; tail != 0) {
      STERNA_UNROLL
      for (int64_t i = 0; i < kTokens * kRows; ++i) {
        float32x4_t(&sum)[4] = sums[i / kRows][i % kRows].quarters;
        const Vector w = DecodeTail<Type>(weights + i % kRows * args.row_bytes, chunks, tail);
        const float* xs = x + i / kRows * args.x_stride + kDenseLanes * chunks;
        STERNA_UNROLL
        for (int64_t quarter = 0; quarter < 4; ++quarter) {
          const int64_t lane = kQuarterLanes * quarter;
          sum[quarter] = MaskedMultiplyAdd(w.quarters[quarter], xs + lane, sum[quarter], LanesBelow(tail, lane));
        }
      }
    }
  }
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    float32x4_t out[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) out[r] = HalveTwice(sums[t][r].quarters);
    StoreSums<kRows>(out, args.y + (token + t) * args.y_stride + row);
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

constexpr int64_t kTileTokens = 4;

// The sums of lanes `lane` .. `lane` + 3.
template <int64_t kRows, int64_t kTokens>
void QuarterTile(const TileArgs& args, int64_t lane, float32x4_t (&out)[kTokens][kRows]) noexcept {
  float32x4_t sums[kTokens][kRows];  // not `out`: the compiler would store to it in every step
  const float* carry = args.carry + lane * kRows * kTokens;
  STERNA_UNROLL
  for (int64_t i = 0; i < kTokens * kRows; ++i) {
    sums[i / kRows][i % kRows] = args.first ? vdupq_n_f32(0) : vld1q_f32(carry + kQuarterLanes * i);
  }
  const float* w = args.w + lane;
  const float* x = args.x + lane;
  for (int64_t k = 0; k < args.steps; ++k) {
    float32x4_t xs[kTokens];
    STERNA_UNROLL
    for (int64_t t = 0; t < kTokens; ++t) xs[t] = vld1q_f32(x + t * args.x_stride + kDenseLanes * k);
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      const float32x4_t weight = vld1q_f32(w + r * args.w_stride + kDenseLanes * k);
      STERNA_UNROLL
      for (int64_t t = 0; t < kTokens; ++t) sums[t][r] = vfmaq_f32(sums[t][r], weight, xs[t]);
    }
  }
  if (args.tail > lane) {
    const uint32x4_t mask = LanesBelow(args.tail, lane);
    STERNA_UNROLL
    for (int64_t i = 0; i < kTokens * kRows; ++i) {
      const int64_t t = i / kRows, r = i % kRows;
      const float32x4_t weight = vld1q_f32(w + r * args.w_stride + kDenseLanes * args.steps);
      sums[t][r] = MaskedMultiplyAdd(weight, x + t * args.x_stride + kDenseLanes * args.steps, sums[t][r], mask);
    }
  }
  STERNA_UNROLL
  for (int64_t i = 0; i < kTokens * kRows; ++i) out[i / kRows][i % kRows] = sums[i / kRows][i % kRows];
}

template <int64_t kRows, int64_t kTokens>
void Tile(const TileArgs& args) noexcept {
  float32x4_t quarters[4][kTokens][kRows];
  for (int64_t i = 0; i < 4; ++i) QuarterTile<kRows, kTokens>(args, kQuarterLanes * i, quarters[i]);
  if (!args.last) {
    for (int64_t i = 0; i < 4 * kTokens * kRows; ++i) {
      const int64_t sum = i % (kTokens * kRows);
      vst1q_f32(args.carry + kQuarterLanes * i, quarters[i / (kTokens * kRows)][sum / kRows][sum % kRows]);
    }
    return;
  }
  STERNA_UNROLL
  for (int64_t t = 0; t < kTokens; ++t) {
    float32x4_t out[kRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kRows; ++r) {
      out[r] = HalveTwice({quarters[0][t][r], quarters[1][t][r], quarters[2][t][r], quarters[3][t][r]});
    }
    StoreSums<kRows>(out, args.y + t * args.y_stride);
  }
}

constexpr TileFunction kTiles[kDenseQuadRows][kTileTokens] = {{Tile<1, 1>, Tile<1, 2>, Tile<1, 3>, Tile<1, 4>},
                                                              {Tile<2, 1>, Tile<2, 2>, Tile<2, 3>, Tile<2, 4>},
                                                              {Tile<3, 1>, Tile<3, 2>, Tile<3, 3>, Tile<3, 4>},
                                                              {Tile<4, 1>, Tile<4, 2>, Tile<4, 3>, Tile<4, 4>}};

template <class Type>
void DecodeRow(const std::byte* row, int64_t cols, float* out) noexcept {
  constexpr int64_t kVectors = Type::kCols / kDenseLanes;
  const int64_t chunks = cols / Type::kCols;
  const auto store = [out](int64_t col, const Vector& w) {
    STERNA_UNROLL
    for (int64_t i = 0; i < 4; ++i) vst1q_f32(out + col + kQuarterLanes * i, w.quarters[i]);
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
void DenseLinearNeon<DType::kF32>(const DenseLinearArgs& args) noexcept {
  Linear<F32>(args);
}
template <>
void DenseLinearNeon<DType::kF16>(const DenseLinearArgs& args) noexcept {
  Linear<F16>(args);
}
template <>
void DenseLinearNeon<DType::kBF16>(const DenseLinearArgs& args) noexcept {
  Linear<Bf16>(args);
}
template <>
void DenseLinearNeon<DType::kQ8_0>(const DenseLinearArgs& args) noexcept {
  Linear<Q8_0>(args);
}
template <>
void DenseLinearNeon<DType::kQ4_0>(const DenseLinearArgs& args) noexcept {
  Linear<Q4_0>(args);
}
template <>
void DenseLinearNeon<DType::kQ4_1>(const DenseLinearArgs& args) noexcept {
  Linear<Q4_1>(args);
}
template <>
void DenseLinearNeon<DType::kQ6_K>(const DenseLinearArgs& args) noexcept {
  Linear<Q6_K>(args);
}

void DenseLinearDecodedNeon(const DenseLinearArgs& args, DenseRowDecoder decode, float tensor_scale) noexcept {
  const int64_t cols = args.cols;
  PanelLinear(args, kTiles, [=](const std::byte* row, float* out) noexcept { decode(row, cols, tensor_scale, out); });
}

}  // namespace sterna
