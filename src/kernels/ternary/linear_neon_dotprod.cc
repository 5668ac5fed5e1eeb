// NEON with sdot. Few tokens: neon_sdot.h. Many: 16 rows x 6 tokens in 24 sums, 4 vectors of codes, a broadcast that its load makes
// (ld1r): 10 loads for 24 sdot.
//
// Overflow: all codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
#include "kernels/ternary/neon_sdot.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

template <int kTokens>
void MultiplyBlock(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
  int32x4_t sums[kTokens][kLineVectors];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int v = 0; v < kLineVectors; ++v) sums[t][v] = vdupq_n_s32(0);
  }
  const uint8_t* codes = block.panel;
  const uint8_t* x = block.x;
  for (int64_t group = 0; group < block.groups; ++group, codes += 64, x += 4 * kTokens) {
    int8x16_t w[kLineVectors];
    STERNA_UNROLL
    for (int v = 0; v < kLineVectors; ++v) w[v] = vreinterpretq_s8_u8(vld1q_u8(codes + 16 * v));
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const int8x16_t columns = BroadcastDword(x + 4 * t);
      STERNA_UNROLL
      for (int v = 0; v < kLineVectors; ++v) sums[t][v] = vdotq_s32(sums[t][v], w[v], columns);
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int v = 0; v < kLineVectors; ++v) StoreScaled(args, block.token + t, block.row + 4 * v, sums[t][v]);
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
    return block.tokens == 5 ? MultiplyBlock<5>(args, block) : MultiplyBlock<6>(args, block);
  }
};

}  // namespace

void TernaryLinearNeonDotprod(const TernaryLinearArgs& args) noexcept {
  return args.tokens <= kMaxFewTokens ? MultiplyFewTokens<FewTokensOf<SdotTile>>(args) : MultiplyManyTokens<ManyTokens>(args);
}

}  // namespace sterna
