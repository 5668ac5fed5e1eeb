// AVX2: vpmaddubsw into 16-bit sums, widened to 32 bits before they can overflow.
//
// Overflow: vpmaddubsw gives |c0*x0 + c1*x1| <= 2*2*127 = 508 with codes in {0, 1, 2} (code 3 does not occur) and |x| <= 127, so a
// 16-bit lane holds 64 of them: 32512 <= 32767. A line adds 4, one per plane: widen every 16 lines. A column group of a panel adds
// 1: widen every 64 groups. All codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
//
// Registers: few tokens: 8 sums, 2 halves of a line, 2 planes, mask, broadcast, product. Many: 12 sums, 2 halves, broadcast,
// product.
//
// Reads: codes exactly; activations up to the next multiple of 16 columns, which are zeros; prefetches past the end do not fault.
#include "kernels/ternary/unroll.h"
#include "kernels/ternary/variants.h"
#include "kernels/ternary/ymm.h"

namespace sterna {
namespace {

constexpr int64_t kLinesPerWiden = 16;
constexpr int64_t kGroupsPerWiden = 64;

__m256i AddProducts(__m256i sums16, __m256i codes, __m256i x) noexcept {
  return _mm256_add_epi16(sums16, _mm256_maddubs_epi16(codes, x));
}

/// Emits nothing. GCC otherwise adds the products of a line as a tree, for which there are not enough registers.
void KeepOrder(__m256i& sums16) noexcept {
  __asm__("" : "+x"(sums16));
}

/// The two 16-bit sums of a row are neighbours.
__m256i Widen(__m256i sums16) noexcept {
  return _mm256_madd_epi16(sums16, _mm256_set1_epi16(1));
}

template <int kTokens>
void MultiplyTile(const TernaryLinearArgs& args, int64_t first_token, const uint8_t* tile, int64_t lines, int64_t row) noexcept {
  const __m256i mask = _mm256_set1_epi8(3);
  __m256i total[kTokens][2];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) total[t][0] = total[t][1] = _mm256_setzero_si256();

  for (int64_t line = 0; line < lines;) {
    const int64_t end = lines - line < kLinesPerWiden ? lines : line + kLinesPerWiden;
    __m256i sums[kTokens][2];
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) sums[t][0] = sums[t][1] = _mm256_setzero_si256();
    for (; line < end; ++line) {
      const uint8_t* bytes = tile + line * kTernaryLineBytes;
      _mm_prefetch(reinterpret_cast<const char*>(bytes) + kPrefetchBytes, _MM_HINT_T0);
      __m256i low = LoadAligned(bytes), high = LoadAligned(bytes + 32);
      const int8_t* x = args.x + first_token * args.x_stride + line * kTernaryLineCols;
      STERNA_UNROLL
      for (int p = 0; p < 4; ++p) {
        const __m256i low_plane = _mm256_and_si256(low, mask), high_plane = _mm256_and_si256(high, mask);
        STERNA_UNROLL
        for (int t = 0; t < kTokens; ++t) {
          const __m256i columns = BroadcastDword(x + t * args.x_stride + 4 * p);
          sums[t][0] = AddProducts(sums[t][0], low_plane, columns);
          sums[t][1] = AddProducts(sums[t][1], high_plane, columns);
          KeepOrder(sums[t][0]);
          KeepOrder(sums[t][1]);
        }
        low = _mm256_srli_epi16(low, 2);
        high = _mm256_srli_epi16(high, 2);
      }
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      total[t][0] = _mm256_add_epi32(total[t][0], Widen(sums[t][0]));
      total[t][1] = _mm256_add_epi32(total[t][1], Widen(sums[t][1]));
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) StoreScaled(args, first_token + t, row, total[t][0], total[t][1]);
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

template <int kTokens>
void MultiplyBlock(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
  __m256i total[kTokens][2];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) total[t][0] = total[t][1] = _mm256_setzero_si256();

  const uint8_t* codes = block.panel;
  const uint8_t* x = block.x;
  for (int64_t group = 0; group < block.groups;) {
    const int64_t end = block.groups - group < kGroupsPerWiden ? block.groups : group + kGroupsPerWiden;
    __m256i sums[kTokens][2];
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) sums[t][0] = sums[t][1] = _mm256_setzero_si256();
    for (; group < end; ++group, codes += 64, x += 4 * kTokens) {
      const __m256i low = LoadAligned(codes), high = LoadAligned(codes + 32);
      STERNA_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const __m256i columns = BroadcastDword(x + 4 * t);
        sums[t][0] = AddProducts(sums[t][0], low, columns);
        sums[t][1] = AddProducts(sums[t][1], high, columns);
      }
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      total[t][0] = _mm256_add_epi32(total[t][0], Widen(sums[t][0]));
      total[t][1] = _mm256_add_epi32(total[t][1], Widen(sums[t][1]));
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) StoreScaled(args, block.token + t, block.row, total[t][0], total[t][1]);
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

void TernaryLinearAvx2(const TernaryLinearArgs& args) noexcept {
  return args.tokens <= kMaxFewTokens ? MultiplyFewTokens<FewTokens>(args) : MultiplyManyTokens<ManyTokens>(args);
}

}  // namespace sterna
