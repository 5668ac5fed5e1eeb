// AVX-512 VBMI: a line of five codes a byte is one zmm. The upper six bits of each byte look up 84 * c4 (vpermb), which is both a
// factor of vpdpbusd as it stands and what is taken off the byte; the rest looks up the other four codes as two bits each
// (vpermi2b), which is a line of the two-bit layout and is multiplied as such: 13 instructions for 320 weights, 10 in the two-bit
// layout.
//
// Few tokens: codes are multiplied where they stand; plane p < 4 collects 4^p times its sum, plane 4 collects 84 times its sum.
// Both are divided exactly at the end.
//
// Overflow: a lane adds four products; 84 * 2 * 127 * 4 per line in plane 4, so 2^14 lines stay below 2^31; longer rows are cut
// there. All codes of a row of 2^22 columns: 2 * 127 * 2^22 < 2^31.
//
// Reads: codes exactly; activations up to the next multiple of 4 columns, which are zeros; prefetches past the end do not fault.
#include "kernels/ternary/five_trit_layout.h"
#include "kernels/ternary/variants.h"
#include "kernels/ternary/zmm.h"

namespace sterna {
namespace {

constexpr int64_t kMaxSegmentLines = int64_t{1} << 14;
constexpr int kPlanes = 5;

struct Tables {
  alignas(64) uint8_t step[64];       ///< of the upper six bits of a byte: 84 * c4
  alignas(64) uint8_t two_bits[128];  ///< of the rest: c0 .. c3, two bits each
};

constexpr Tables MakeTables() {
  Tables tables{};
  for (int i = 0; i < 64; ++i) tables.step[i] = static_cast<uint8_t>(4 * i / kFiveTritStep * kFiveTritStep);
  for (int i = 0; i < 128; ++i) {
    const auto rest = static_cast<uint8_t>(i % kFiveTritStep);
    for (int plane = 0; plane < 4; ++plane) tables.two_bits[i] |= static_cast<uint8_t>(FiveTritCode(rest, plane) << (2 * plane));
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

/// The tables in registers, and a line decoded by them.
class Decoder {
 public:
  struct Line {
    __m512i two_bits;  ///< planes 0 .. 3
    __m512i step;      ///< 84 times plane 4
  };

  Line Decode(__m512i bytes) const noexcept {
    // vpermb reads the lower six bits of each index: what the shift brings in from the neighbouring byte does not count.
    const __m512i step = _mm512_permutexvar_epi8(_mm512_srli_epi16(bytes, 2), step_);
    return {_mm512_permutex2var_epi8(low_, _mm512_sub_epi8(bytes, step), high_), step};
  }

 private:
  __m512i step_ = _mm512_load_si512(kTables.step);
  __m512i low_ = _mm512_load_si512(kTables.two_bits), high_ = _mm512_load_si512(kTables.two_bits + 64);
};

/// A multiple of 84, divided by it: modulo 2^32, dividing by 21 is multiplying by its inverse.
__m512i DivideByStep(__m512i multiple) noexcept {
  constexpr int32_t kInverseOf21 = 0x3cf3cf3d;
  static_assert(static_cast<uint32_t>(kInverseOf21) * 21u == 1u && kFiveTritStep == 4 * 21);
  return _mm512_mullo_epi32(_mm512_srai_epi32(multiple, 2), _mm512_set1_epi32(kInverseOf21));
}

template <int kTokens>
struct PlaneSums {
  __m512i of[kTokens][kPlanes];
};

/// Adds the products of one line; x: 20 columns of the first token.
template <int kTokens>
void AddLine(Decoder::Line line, const int8_t* x, int64_t x_stride, const __m512i (&masks)[4], PlaneSums<kTokens>* sums) noexcept {
  STERNA_UNROLL
  for (int p = 0; p < kPlanes; ++p) {
    const __m512i plane = p == 4 ? line.step : _mm512_and_si512(line.two_bits, masks[p]);
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      sums->of[t][p] = _mm512_dpbusd_epi32(sums->of[t][p], plane, BroadcastDword(x + t * x_stride + 4 * p));
    }
  }
}

template <int kTokens>
void MultiplyTile(const TernaryLinearArgs& args, int64_t first_token, const uint8_t* tile, int64_t lines, int64_t row) noexcept {
  const __m512i masks[4] = {_mm512_set1_epi8(0x03), _mm512_set1_epi8(0x0c), _mm512_set1_epi8(0x30),
                            _mm512_set1_epi8(static_cast<char>(0xc0))};
  const Decoder decoder;
  const int8_t* x = args.x + first_token * args.x_stride;
  const int64_t whole_lines = args.cols / kFiveTritLineCols;
  __m512i total[kTokens];
  STERNA_UNROLL
  for (int t = 0; t < kTokens; ++t) total[t] = _mm512_setzero_si512();

  for (int64_t line = 0; line < lines;) {
    PlaneSums<kTokens> sums;
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      STERNA_UNROLL
      for (int p = 0; p < kPlanes; ++p) sums.of[t][p] = _mm512_setzero_si512();
    }
    const int64_t end = whole_lines - line < kMaxSegmentLines ? whole_lines : line + kMaxSegmentLines;
    for (; line < end; ++line) {
      const uint8_t* bytes = tile + line * kTernaryLineBytes;
      _mm_prefetch(reinterpret_cast<const char*>(bytes) + kPrefetchBytes, _MM_HINT_T0);
      AddLine<kTokens>(decoder.Decode(_mm512_load_si512(bytes)), x + line * kFiveTritLineCols, args.x_stride, masks, &sums);
    }
    if (line == whole_lines && line < lines) {
      // The row ends inside this line: activations beyond its padding are not there to be read.
      const int64_t rest = args.cols - line * kFiveTritLineCols;
      int8_t tail[kTokens][kFiveTritLineCols] = {};
      for (int t = 0; t < kTokens; ++t) {
        std::memcpy(tail[t], x + t * args.x_stride + line * kFiveTritLineCols, static_cast<size_t>(rest));
      }
      AddLine<kTokens>(decoder.Decode(_mm512_load_si512(tile + line * kTernaryLineBytes)), tail[0], kFiveTritLineCols, masks,
                       &sums);
      ++line;
    }
    STERNA_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const __m512i low = _mm512_add_epi32(sums.of[t][0], _mm512_srai_epi32(sums.of[t][1], 2));
      const __m512i high = _mm512_add_epi32(_mm512_srai_epi32(sums.of[t][2], 4), _mm512_srai_epi32(sums.of[t][3], 6));
      total[t] = _mm512_add_epi32(_mm512_add_epi32(total[t], DivideByStep(sums.of[t][4])), _mm512_add_epi32(low, high));
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
    const Decoder decoder;
    const int64_t step = 64 * tiles;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      uint8_t* out = panel + 64 * tile;
      for (int64_t line = 0; line < lines; ++line, codes += kTernaryLineBytes, out += kPlanes * step) {
        _mm_prefetch(reinterpret_cast<const char*>(codes) + kPrefetchBytes, _MM_HINT_T0);
        const Decoder::Line decoded = decoder.Decode(_mm512_load_si512(codes));
        // 0, 84 and 168 shifted right by 6 are 0, 1 and 2.
        _mm512_store_si512(out, _mm512_and_si512(decoded.two_bits, mask));
        _mm512_store_si512(out + step, _mm512_and_si512(_mm512_srli_epi16(decoded.two_bits, 2), mask));
        _mm512_store_si512(out + 2 * step, _mm512_and_si512(_mm512_srli_epi16(decoded.two_bits, 4), mask));
        _mm512_store_si512(out + 3 * step, _mm512_and_si512(_mm512_srli_epi16(decoded.two_bits, 6), mask));
        // 0, 84 and 168, shifted right by 6, are 0, 1 and 2.
        _mm512_store_si512(out + 4 * step, _mm512_and_si512(_mm512_srli_epi16(decoded.step, 6), mask));
      }
    }
  }

  static void Run(const TernaryLinearArgs& args, const TokenBlock& block) noexcept {
    return block.tiles == 2 ? RunBlock<2>(args, block) : RunBlock<1>(args, block);
  }
};

}  // namespace

void FiveTritLinearAvx512Vbmi(const TernaryLinearArgs& args) noexcept {
  return args.tokens <= kMaxFewTokens ? MultiplyFewTokens<FewTokens, kFiveTritLineCols>(args)
                                      : MultiplyManyTokens<ManyTokens, kFiveTritLineCols>(args);
}

}  // namespace sterna
