// AVX-512 VNNI: a line is one zmm, a lane of 32 bits is a row.
//
// Few tokens: codes are multiplied where they stand in the byte. vpdpbusd takes unsigned codes, so masking plane p in place gives
// an exact multiple of 4^p, kept in sums of its own and shifted back at the end: 4 masks, a line, a plane, 16 sums for 4 tokens.
//
// Overflow: a lane of vpdpbusd adds four products. Plane 3 in place is at most 128 * 127 * 4 per line, so 2^15 lines stay below
// 2^31; longer rows are cut there. All codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
//
// Reads: codes exactly; activations up to the next multiple of 16 columns, which are zeros; prefetches past the end do not fault.
#include "kernels/ternary/variants.h"
#include "kernels/ternary/zmm.h"

namespace sterna {
namespace {

constexpr int64_t kMaxSegmentLines = int64_t{1} << 15;

template <int kTokens>
void MultiplyTile(const TernaryLinearArgs& args, int64_t first_token, const uint8_t* tile, int64_t lines, int64_t row) noexcept {
  const __m512i masks[4] = {_mm512_set1_epi8(0x03), _mm512_set1_epi8(0x0c), _mm512_set1_epi8(0x30),
                            _mm512_set1_epi8(static_cast<char>(0xc0))};
  __m512i total[kTokens];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) total[t] = _mm512_setzero_si512();

  for (int64_t line = 0; line < lines;) {
    const int64_t end = lines - line < kMaxSegmentLines ? lines : line + kMaxSegmentLines;
    __m512i sums[kTokens][4];
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) sums[t][0] = sums[t][1] = sums[t][2] = sums[t][3] = _mm512_setzero_si512();
    for (; line < end; ++line) {
      const uint8_t* bytes = tile + line * kTernaryLineBytes;
      _mm_prefetch(reinterpret_cast<const char*>(bytes) + kPrefetchBytes, _MM_HINT_T0);
      const __m512i codes = _mm512_load_si512(bytes);
      const int8_t* x = args.x + first_token * args.x_stride + line * kTernaryLineCols;
      STERNA_UNROLL
      for (int p = 0; p < 4; ++p) {
        const __m512i plane = _mm512_and_si512(codes, masks[p]);
        STERNA_UNROLL
        for (int t = 0; t < kTokens; ++t) {
          sums[t][p] = _mm512_dpbusd_epi32(sums[t][p], plane, BroadcastDword(x + t * args.x_stride + 4 * p));
        }
      }
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const __m512i low = _mm512_add_epi32(sums[t][0], _mm512_srai_epi32(sums[t][1], 2));
      const __m512i high = _mm512_add_epi32(_mm512_srai_epi32(sums[t][2], 4), _mm512_srai_epi32(sums[t][3], 6));
      total[t] = _mm512_add_epi32(total[t], _mm512_add_epi32(low, high));
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) StoreScaled(args, first_token + t, row, total[t]);
}

struct FewTokens {
  static void MultiplyTile(const TernaryLinearArgs& args, int64_t tokens, int64_t first_token, const uint8_t* tile, int64_t lines,
                           int64_t row) noexcept {
    switch (tokens) {
      case 1:
        return sterna::MultiplyTile<1>(args, first_token, tile, lines, row);
      case 2:
        return sterna::MultiplyTile<2>(args, first_token, tile, lines, row);
      case 3:
        return sterna::MultiplyTile<3>(args, first_token, tile, lines, row);
      default:
        return sterna::MultiplyTile<4>(args, first_token, tile, lines, row);
    }
  }
};

struct ManyTokens {
  static constexpr int64_t kPanelTiles = 2;
  static constexpr int64_t kBlockTokens = 12;
  static constexpr int64_t kSmallestBlock = 9;
  static constexpr auto Pack = PackActivationDwords;

  static void Unpack(const uint8_t* codes, int64_t tiles, int64_t lines, uint8_t* panel) noexcept {
    const __m512i mask = _mm512_set1_epi8(3);
    const int64_t step = 64 * tiles;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      uint8_t* out = panel + 64 * tile;
      for (int64_t line = 0; line < lines; ++line, codes += kTernaryLineBytes, out += 4 * step) {
        _mm_prefetch(reinterpret_cast<const char*>(codes) + kPrefetchBytes, _MM_HINT_T0);
        const __m512i bytes = _mm512_load_si512(codes);
        _mm512_store_si512(out, _mm512_and_si512(bytes, mask));
        _mm512_store_si512(out + step, _mm512_and_si512(_mm512_srli_epi16(bytes, 2), mask));
        _mm512_store_si512(out + 2 * step, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask));
        _mm512_store_si512(out + 3 * step, _mm512_and_si512(_mm512_srli_epi16(bytes, 6), mask));
      }
    }
  }

  static void Run(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
    return block.tiles == 2 ? RunBlock<2>(args, block) : RunBlock<1>(args, block);
  }
};

}  // namespace

void TernaryLinearAvx512(const TernaryLinearArgs& args) noexcept {
  return args.tokens <= kMaxFewTokens ? MultiplyFewTokens<FewTokens>(args) : MultiplyManyTokens<ManyTokens>(args);
}

}  // namespace sterna
