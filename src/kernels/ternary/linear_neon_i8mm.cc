// NEON with smmla, which multiplies 2 rows x 8 columns by 8 columns x 2 tokens: twice the products of sdot.
//
// Few tokens stay with sdot (neon_sdot.h): for two tokens the zips that smmla needs cost what it saves, and four tokens save a
// fifth of the instructions of a loop that waits for memory. Many: 8 pairs of rows x 3 pairs of tokens in 24 sums, 3 pairs of
// activations, a pair of rows: 11 loads for 24 smmla. An odd number of tokens has its last pair overlap the one before.
//
// Panel: [groups of 8 columns][8 pairs of rows] x 16 bytes. Activations: [groups of 8 columns][tokens] x 8 bytes.
//
// Overflow: all codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
#include "kernels/ternary/neon_sdot.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

constexpr int kRowPairs = kTernaryTileRows / 2;

/// Stores, for rows r .. r+3, columns 4p .. 4p+7 that come from two planes: first the pair r, r+1, then the pair r+2, r+3.
inline void StorePairs(uint8_t* to, int8x16_t plane, int8x16_t next_plane) noexcept {
  const int32x4_t a = vreinterpretq_s32_s8(plane), b = vreinterpretq_s32_s8(next_plane);
  vst1q_u8(to, vreinterpretq_u8_s32(vzip1q_s32(a, b)));
  vst1q_u8(to + 16, vreinterpretq_u8_s32(vzip2q_s32(a, b)));
}

/// What Run knows about the number of tokens.
template <int kTokens>
void MultiplyBlock(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
  constexpr int kTokenPairs = (kTokens + 1) / 2;
  int32x4_t sums[kTokenPairs][kRowPairs];
  STERNA_UNROLL
  for (int pair = 0; pair < kTokenPairs; ++pair) {
    STERNA_UNROLL
    for (int r = 0; r < kRowPairs; ++r) sums[pair][r] = vdupq_n_s32(0);
  }
  const auto first_of_pair = [](int pair) { return 2 * pair + 2 <= kTokens ? 2 * pair : kTokens - 2; };
  const uint8_t* codes = block.panel;
  const uint8_t* x = block.x;
  for (int64_t group = 0; group < block.groups / 2; ++group, codes += 16 * kRowPairs, x += 8 * kTokens) {
    int8x16_t columns[kTokenPairs];
    STERNA_UNROLL
    for (int pair = 0; pair < kTokenPairs; ++pair) columns[pair] = vreinterpretq_s8_u8(vld1q_u8(x + 8 * first_of_pair(pair)));
    STERNA_UNROLL
    for (int r = 0; r < kRowPairs; ++r) {
      const int8x16_t w = vreinterpretq_s8_u8(vld1q_u8(codes + 16 * r));
      STERNA_UNROLL
      for (int pair = 0; pair < kTokenPairs; ++pair) sums[pair][r] = vmmlaq_s32(sums[pair][r], w, columns[pair]);
    }
  }
  STERNA_UNROLL
  for (int pair = 0; pair < kTokenPairs; ++pair) {
    const int64_t token = block.token + first_of_pair(pair);
    STERNA_UNROLL
    for (int r = 0; r < kRowPairs; r += 2) {
      // Lanes: row 0 of the pair by token 0, by token 1, row 1 by token 0, by token 1.
      StoreScaled(args, token, block.row + 2 * r, vuzp1q_s32(sums[pair][r], sums[pair][r + 1]));
      StoreScaled(args, token + 1, block.row + 2 * r, vuzp2q_s32(sums[pair][r], sums[pair][r + 1]));
    }
  }
}

struct ManyTokens {
  static constexpr int64_t kPanelTiles = 1;
  static constexpr int64_t kBlockTokens = 6;
  static constexpr int64_t kSmallestBlock = 5;

  static void Unpack(const uint8_t* codes, int64_t /*tiles*/, int64_t lines, uint8_t* panel) noexcept {
    for (int64_t line = 0; line < lines; ++line, codes += kTernaryLineBytes, panel += 4 * 64) {
      __builtin_prefetch(codes + kPrefetchBytes);
      for (int64_t v = 0; v < kLineVectors; ++v) {
        const uint8x16_t bytes = vld1q_u8(codes + 16 * v);
        StorePairs(panel + 32 * v, Plane<0>(bytes), Plane<1>(bytes));
        StorePairs(panel + 128 + 32 * v, Plane<2>(bytes), Plane<3>(bytes));
      }
    }
  }

  static void Pack(const int8_t* x, int64_t x_stride, int64_t tokens, int64_t lines, uint8_t* packed) noexcept {
    for (int64_t token = 0; token < tokens; ++token) {
      const int8_t* from = x + token * x_stride;
      uint8_t* to = packed + 8 * token;
      for (int64_t group = 0; group < 2 * lines; ++group)
        vst1_s8(reinterpret_cast<int8_t*>(to + 8 * tokens * group), vld1_s8(from + 8 * group));
    }
  }

  static void Run(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
    return block.tokens == 5 ? MultiplyBlock<5>(args, block) : MultiplyBlock<6>(args, block);
  }
};

}  // namespace

void TernaryLinearNeonI8mm(const TernaryLinearArgs& args) noexcept {
  return args.tokens <= kMaxFewTokens ? MultiplyFewTokens<FewTokensOf<SdotTile>>(args) : MultiplyManyTokens<ManyTokens>(args);
}

}  // namespace sterna
