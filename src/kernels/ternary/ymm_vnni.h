// Private to this family: the 256-bit vpdpbusd variant, without the instruction itself. AVX-VNNI and AVX-512 VNNI encode it
// differently; the product is built with the first, and a test runs this same text with the second.
//
// Few tokens: where registers allow, codes are multiplied where they stand in the byte, which gives exact multiples of 4^p kept in
// sums of their own and shifted back at the end. One token: 4 sets of sums, no shift; two: 2 sets, one shift; three and four: 1
// set.
//
// Registers: few tokens: 8 sums, 2 halves of a line, a plane of each, broadcast, masks. Many: 12 sums, 2 halves, broadcast.
//
// Overflow: plane 3 in place is at most 128 * 127 * 4 per line and lane, so 2^15 lines stay below 2^31; longer rows are cut there.
// All codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
//
// Reads: codes exactly; activations up to the next multiple of 16 columns, which are zeros; prefetches past the end do not fault.
#ifndef STERNA_KERNELS_TERNARY_YMM_VNNI_H_
#define STERNA_KERNELS_TERNARY_YMM_VNNI_H_

#include "kernels/ternary/unroll.h"
#include "kernels/ternary/ymm.h"

namespace sterna {
namespace {

constexpr int64_t kMaxSegmentLines = int64_t{1} << 15;

/// The four planes of half a line: plane p times 4^(p % kSets).
template <int kSets>
void MaskPlanes(__m256i bytes, __m256i (&planes)[4]) noexcept {
  const __m256i mask0 = _mm256_set1_epi8(0x03), mask1 = _mm256_set1_epi8(0x0c);
  planes[0] = _mm256_and_si256(bytes, mask0);
  if constexpr (kSets == 4) {
    planes[1] = _mm256_and_si256(bytes, mask1);
    planes[2] = _mm256_and_si256(bytes, _mm256_set1_epi8(0x30));
    planes[3] = _mm256_and_si256(bytes, _mm256_set1_epi8(static_cast<char>(0xc0)));
  } else if constexpr (kSets == 2) {
    const __m256i upper = _mm256_srli_epi16(bytes, 4);
    planes[1] = _mm256_and_si256(bytes, mask1);
    planes[2] = _mm256_and_si256(upper, mask0);
    planes[3] = _mm256_and_si256(upper, mask1);
  } else {
    planes[1] = _mm256_and_si256(_mm256_srli_epi16(bytes, 2), mask0);
    planes[2] = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask0);
    planes[3] = _mm256_and_si256(_mm256_srli_epi16(bytes, 6), mask0);
  }
}

template <int kSets>
__m256i FoldSets(const __m256i (&sums)[kSets]) noexcept {
  __m256i sum = sums[0];
  if constexpr (kSets >= 2) sum = _mm256_add_epi32(sum, _mm256_srai_epi32(sums[1], 2));
  if constexpr (kSets == 4) {
    sum = _mm256_add_epi32(sum, _mm256_add_epi32(_mm256_srai_epi32(sums[2], 4), _mm256_srai_epi32(sums[3], 6)));
  }
  return sum;
}

/// Dot::Add(sums, codes, x): vpdpbusd.
template <class Dot, int kTokens>
void MultiplyTile(const TernaryLinearArgs& args, int64_t first_token, const uint8_t* tile, int64_t lines, int64_t row) noexcept {
  constexpr int kSets = kTokens == 1 ? 4 : kTokens == 2 ? 2 : 1;
  __m256i total[kTokens][2];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) total[t][0] = total[t][1] = _mm256_setzero_si256();

  for (int64_t line = 0; line < lines;) {
    const int64_t end = lines - line < kMaxSegmentLines ? lines : line + kMaxSegmentLines;
    __m256i sums[kTokens][2][kSets];
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      STERNA_UNROLL
      for (int set = 0; set < kSets; ++set) sums[t][0][set] = sums[t][1][set] = _mm256_setzero_si256();
    }
    for (; line < end; ++line) {
      const uint8_t* bytes = tile + line * kTernaryLineBytes;
      _mm_prefetch(reinterpret_cast<const char*>(bytes) + kPrefetchBytes, _MM_HINT_T0);
      __m256i low[4], high[4];
      MaskPlanes<kSets>(LoadAligned(bytes), low);
      MaskPlanes<kSets>(LoadAligned(bytes + 32), high);
      const int8_t* x = args.x + first_token * args.x_stride + line * kTernaryLineCols;
      STERNA_UNROLL
      for (int p = 0; p < 4; ++p) {
        STERNA_UNROLL
        for (int t = 0; t < kTokens; ++t) {
          const __m256i columns = BroadcastDword(x + t * args.x_stride + 4 * p);
          sums[t][0][p % kSets] = Dot::Add(sums[t][0][p % kSets], low[p], columns);
          sums[t][1][p % kSets] = Dot::Add(sums[t][1][p % kSets], high[p], columns);
        }
      }
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      total[t][0] = _mm256_add_epi32(total[t][0], FoldSets<kSets>(sums[t][0]));
      total[t][1] = _mm256_add_epi32(total[t][1], FoldSets<kSets>(sums[t][1]));
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) StoreScaled(args, first_token + t, row, total[t][0], total[t][1]);
}

template <class Dot>
struct FewTokens {
  static void MultiplyTile(const TernaryLinearArgs& args, int64_t tokens, int64_t first_token, const uint8_t* tile, int64_t lines,
                           int64_t row) noexcept {
    switch (tokens) {
      case 1:
        return sterna::MultiplyTile<Dot, 1>(args, first_token, tile, lines, row);
      case 2:
        return sterna::MultiplyTile<Dot, 2>(args, first_token, tile, lines, row);
      case 3:
        return sterna::MultiplyTile<Dot, 3>(args, first_token, tile, lines, row);
      default:
        return sterna::MultiplyTile<Dot, 4>(args, first_token, tile, lines, row);
    }
  }
};

template <class Dot, int kTokens>
void MultiplyBlock(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
  __m256i sums[kTokens][2];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) sums[t][0] = sums[t][1] = _mm256_setzero_si256();
  const uint8_t* codes = block.panel;
  const uint8_t* x = block.x;
  for (int64_t group = 0; group < block.groups; ++group, codes += 64, x += 4 * kTokens) {
    const __m256i low = LoadAligned(codes), high = LoadAligned(codes + 32);
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const __m256i columns = BroadcastDword(x + 4 * t);
      sums[t][0] = Dot::Add(sums[t][0], low, columns);
      sums[t][1] = Dot::Add(sums[t][1], high, columns);
    }
  }
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) StoreScaled(args, block.token + t, block.row, sums[t][0], sums[t][1]);
}

template <class Dot>
struct ManyTokens {
  static constexpr int64_t kPanelTiles = 1;
  static constexpr int64_t kBlockTokens = 6;
  static constexpr int64_t kSmallestBlock = 5;
  static constexpr auto Pack = PackActivationDwords;

  static void Unpack(const uint8_t* codes, int64_t /*tiles*/, int64_t lines, uint8_t* panel) noexcept {
    UnpackTile(codes, lines, panel);
  }

  static void Run(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
    return block.tokens == 5 ? MultiplyBlock<Dot, 5>(args, block) : MultiplyBlock<Dot, 6>(args, block);
  }
};

template <class Dot>
void MultiplyVnni256(const TernaryLinearArgs& args) noexcept {
  return args.tokens <= kMaxFewTokens ? MultiplyFewTokens<FewTokens<Dot>>(args) : MultiplyManyTokens<ManyTokens<Dot>>(args);
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_YMM_VNNI_H_
