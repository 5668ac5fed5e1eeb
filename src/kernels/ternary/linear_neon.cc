// NEON of ARMv8.0: smlal into 16-bit sums, widened to 32 bits before they can overflow.
//
// smlal multiplies 8 pairs of bytes. mul and sadalp would need half as many sums, but codes of {-1, 0, +1} and as many issue slots:
// on Cortex-A72 two cycles for 16 products either way (the multiplier's pipe is the limit).
//
// Overflow: a product is at most 2 * 127 = 254 with codes in {0, 1, 2} (code 3 does not occur) and |x| <= 127, so a 16-bit lane
// holds 128 of them: 32512 <= 32767. A line adds 4, one per plane: widen every 32 lines. A column group of a panel adds 1: widen
// every 128 groups. All codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
//
// Registers: few tokens: 16 sums (1 token: 8) of all rows for 1 and 2 tokens, of half of the rows for 3 and 4 (24 and 32 would not
// fit), a vector of codes, a plane, a broadcast. Many: 20 or 24 sums of half of the rows, 2 vectors of codes, a broadcast.
//
// Reads: codes exactly; activations up to the next multiple of 16 columns, which are zeros; prefetches past the end do not fault.
#include "kernels/ternary/neon.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

constexpr int64_t kLinesPerWiden = 32;
constexpr int64_t kGroupsPerWiden = 128;

/// 16-bit sums of one vector of codes: four neighbouring lanes belong to a row.
struct Sums16 {
  int16x8_t low, high;

  void Clear() noexcept { low = high = vdupq_n_s16(0); }
  void Add(int8x16_t codes, int8x16_t x) noexcept {
    low = vmlal_s8(low, vget_low_s8(codes), vget_low_s8(x));
    high = vmlal_high_s8(high, codes, x);
  }
  int32x4_t Widen() const noexcept { return vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)); }
};

/// All vectors of one plane, with the dword of the plane's columns in every lane.
template <int kPlane, int kTokens, int kVectors>
inline void AddPlane(const uint8x16_t (&bytes)[kVectors], const int8_t* x, int64_t x_stride,
                     Sums16 (&sums)[kTokens][kVectors]) noexcept {
  int8x16_t columns[kTokens];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) columns[t] = BroadcastDword(reinterpret_cast<const uint8_t*>(x + t * x_stride + 4 * kPlane));
  STERNA_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    const int8x16_t codes = Plane<kPlane>(bytes[v]);
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) sums[t][v].Add(codes, columns[t]);
  }
}

template <int kTokens>
struct Tile {
  static constexpr int kVectors = kTokens <= 2 ? kLineVectors : kLineVectors / 2;

  static void Multiply(const TernaryLinearArgs& args, int64_t first_token, const uint8_t* tile, int64_t lines,
                       int64_t row) noexcept {
    for (int first = 0; first < kLineVectors; first += kVectors) {
      MultiplyVectors(args, first_token, tile + 16 * first, lines, row + 4 * first);
    }
  }

  static void MultiplyVectors(const TernaryLinearArgs& args, int64_t first_token, const uint8_t* vectors, int64_t lines,
                              int64_t row) noexcept {
    int32x4_t total[kTokens][kVectors];
    STERNA_UNROLL
    for (int i = 0; i < kTokens * kVectors; ++i) total[i / kVectors][i % kVectors] = vdupq_n_s32(0);
    for (int64_t line = 0; line < lines;) {
      const int64_t end = lines - line < kLinesPerWiden ? lines : line + kLinesPerWiden;
      Sums16 sums[kTokens][kVectors];
      STERNA_UNROLL
      for (int i = 0; i < kTokens * kVectors; ++i) sums[i / kVectors][i % kVectors].Clear();
      for (; line < end; ++line) {
        const uint8_t* from = vectors + line * kTernaryLineBytes;
        __builtin_prefetch(from + kPrefetchBytes);
        uint8x16_t bytes[kVectors];
        STERNA_UNROLL
        for (int v = 0; v < kVectors; ++v) bytes[v] = vld1q_u8(from + 16 * v);
        const int8_t* x = args.x + first_token * args.x_stride + line * kTernaryLineCols;
        AddPlane<0>(bytes, x, args.x_stride, sums);
        AddPlane<1>(bytes, x, args.x_stride, sums);
        AddPlane<2>(bytes, x, args.x_stride, sums);
        AddPlane<3>(bytes, x, args.x_stride, sums);
      }
      STERNA_UNROLL
      for (int i = 0; i < kTokens * kVectors; ++i) {
        int32x4_t& sum = total[i / kVectors][i % kVectors];
        sum = vaddq_s32(sum, sums[i / kVectors][i % kVectors].Widen());
      }
    }
    STERNA_UNROLL
    for (int i = 0; i < kTokens * kVectors; ++i) {
      StoreScaled(args, first_token + i / kVectors, row + 4 * (i % kVectors), total[i / kVectors][i % kVectors]);
    }
  }
};

/// Rows row .. row+7 of a panel, whose codes begin at `codes`.
template <int kTokens>
void MultiplyBlock(const TernaryLinearArgs& args, const TokenBlock& block, const uint8_t* codes, int64_t row) noexcept {
  constexpr int kVectors = kLineVectors / 2;
  int32x4_t total[kTokens][kVectors];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) total[t][0] = total[t][1] = vdupq_n_s32(0);
  const uint8_t* x = block.x;
  for (int64_t group = 0; group < block.groups;) {
    const int64_t end = block.groups - group < kGroupsPerWiden ? block.groups : group + kGroupsPerWiden;
    Sums16 sums[kTokens][kVectors];
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      sums[t][0].Clear();
      sums[t][1].Clear();
    }
    for (; group < end; ++group, codes += 64, x += 4 * kTokens) {
      const int8x16_t upper = vreinterpretq_s8_u8(vld1q_u8(codes)), lower = vreinterpretq_s8_u8(vld1q_u8(codes + 16));
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const int8x16_t columns = BroadcastDword(x + 4 * t);
        sums[t][0].Add(upper, columns);
        sums[t][1].Add(lower, columns);
      }
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      total[t][0] = vaddq_s32(total[t][0], sums[t][0].Widen());
      total[t][1] = vaddq_s32(total[t][1], sums[t][1].Widen());
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    StoreScaled(args, block.token + t, row, total[t][0]);
    StoreScaled(args, block.token + t, row + 4, total[t][1]);
  }
}

struct ManyTokens {
  static constexpr int64_t kPanelTiles = 1;
  static constexpr int64_t kBlockTokens = 6;
  static constexpr int64_t kSmallestBlock = 5;
  static constexpr auto Pack = PackActivationDwords;

  static void Unpack(const uint8_t* codes, int64_t /*tiles*/, int64_t lines, uint8_t* panel) noexcept {
    UnpackTile(codes, lines, panel);
  }

  static void Run(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
    for (int64_t half = 0; half < 2; ++half) {
      const uint8_t* codes = block.panel + 32 * half;
      const int64_t row = block.row + 8 * half;
      block.tokens == 5 ? MultiplyBlock<5>(args, block, codes, row) : MultiplyBlock<6>(args, block, codes, row);
    }
  }
};

}  // namespace

void TernaryLinearNeon(const TernaryLinearArgs& args) noexcept {
  return args.tokens <= kMaxFewTokens ? MultiplyFewTokens<FewTokensOf<Tile>>(args) : MultiplyManyTokens<ManyTokens>(args);
}

}  // namespace sterna
