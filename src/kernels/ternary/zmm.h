// Private to this family: what the AVX-512 kernels of all layouts share. A lane of 32 bits is a row. Many tokens: 2 tiles x 12
// tokens in 24 sums, 2 registers of codes, one broadcast.
#ifndef STERNA_KERNELS_TERNARY_ZMM_H_
#define STERNA_KERNELS_TERNARY_ZMM_H_

#include <immintrin.h>

#include <cstring>

#include "kernels/ternary/linear.h"
#include "kernels/ternary/pack_activations_sse2.h"
#include "kernels/ternary/tile_layout.h"
#include "kernels/ternary/token_loops.h"
#include "kernels/ternary/unroll.h"

namespace sterna {
namespace {

/// Four columns of one token in every lane.
__m512i BroadcastDword(const void* four_columns) noexcept {
  int32_t dword;
  std::memcpy(&dword, four_columns, sizeof dword);
  return _mm512_set1_epi32(dword);
}

void StoreScaled(const TernaryLinearArgs& args, int64_t token, int64_t row, __m512i biased) noexcept {
  const int64_t rows = args.row_end - row;
  const auto mask = static_cast<__mmask16>(rows >= kTernaryTileRows ? 0xffffu : (1u << rows) - 1);
  const __m512 sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(biased, _mm512_set1_epi32(args.x_sums[token])));
  const __m512 unscaled = _mm512_div_ps(sum, _mm512_set1_ps(args.x_scales[token]));
  const __m512 scales = _mm512_maskz_loadu_ps(mask, args.row_scales + row);
  _mm512_mask_storeu_ps(args.y + token * args.y_stride + row, mask, _mm512_mul_ps(unscaled, scales));
}

template <int kTiles, int kTokens>
void MultiplyBlock(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
  __m512i sums[kTiles][kTokens];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int tile = 0; tile < kTiles; ++tile) sums[tile][t] = _mm512_setzero_si512();
  }
  const uint8_t* codes = block.panel;
  const uint8_t* x = block.x;
  for (int64_t group = 0; group < block.groups; ++group, codes += 64 * kTiles, x += 4 * kTokens) {
    __m512i w[kTiles];
    STERNA_UNROLL
    for (int tile = 0; tile < kTiles; ++tile) w[tile] = _mm512_load_si512(codes + 64 * tile);
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const __m512i columns = BroadcastDword(x + 4 * t);
      STERNA_UNROLL
      for (int tile = 0; tile < kTiles; ++tile) sums[tile][t] = _mm512_dpbusd_epi32(sums[tile][t], w[tile], columns);
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    STERNA_UNROLL
    for (int tile = 0; tile < kTiles; ++tile)
      StoreScaled(args, block.token + t, block.row + tile * kTernaryTileRows, sums[tile][t]);
  }
}

template <int kTiles>
void RunBlock(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
  switch (block.tokens) {
    case 6:
      return MultiplyBlock<kTiles, 6>(args, block);
    case 7:
      return MultiplyBlock<kTiles, 7>(args, block);
    case 8:
      return MultiplyBlock<kTiles, 8>(args, block);
    case 9:
      return MultiplyBlock<kTiles, 9>(args, block);
    case 10:
      return MultiplyBlock<kTiles, 10>(args, block);
    case 11:
      return MultiplyBlock<kTiles, 11>(args, block);
    default:
      return MultiplyBlock<kTiles, 12>(args, block);
  }
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_ZMM_H_
