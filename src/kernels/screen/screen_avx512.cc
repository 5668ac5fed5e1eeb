// Screening with AVX-512 VNNI: a zmm register holds the 64 codes of a block in order, and its 16 sums of 4 products are the 16
// lanes of the contract; the lower 8 belong to one group, the upper 8 to the next.
//
// Tiles of 4 rows x 1 token: further tokens find the rows in the cache. Per block and row: the codes are put together in 6
// operations, two vpdpbusd for the halves of the 16-bit activations, a shift and an addition, conversion, vpermps of the factor,
// multiply-add. vpdpbusd takes unsigned times signed bytes: codes keep their bias of 32, which `starts` takes off again. It wraps
// nowhere: |sum| <= 4 * 63 * 32640 < 2^24, so that the conversion is exact too. Over-reads: up to 16 bytes behind the last row.
#include <immintrin.h>

#include "kernels/screen/variants.h"

// GCC leaves arrays of sums in memory unless their loops are written out.
#define STERNA_UNROLL _Pragma("GCC unroll 16")

namespace sterna {
namespace {

constexpr int64_t kRows = 4;
constexpr int64_t kChunkBlocks = 8;  // whose 16 groups fill a register
// The rows of a tile are read each at its own pace, too slowly for the processor to see the streams: the rows to come are asked for
// in one sequence, and into the second-level cache.
constexpr int64_t kPrefetchBytes = 32768;

__m512i Codes(const std::byte* block) noexcept {
  const __m256i nibbles = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
  const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(nibbles), _mm256_srli_epi16(nibbles, 4), 1);
  const __m512i high = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block + kScreenHighBits)));
  // Each quarter's two bits to places 4 and 5 of their byte; a turn left by 62 is one right by 2.
  const __m512i turned = _mm512_rolv_epi64(high, _mm512_setr_epi64(4, 4, 2, 2, 0, 0, 62, 62));
  // 0xca: the first operand chooses bit by bit between the second and the third; then the two top bits go.
  const __m512i merged = _mm512_ternarylogic_epi64(_mm512_set1_epi8(15), both, turned, 0xca);
  return _mm512_and_si512(merged, _mm512_set1_epi8(63));
}

__m512 Bytes(const std::byte* bytes) noexcept {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))));
}

float SumOfLanes(__m512 v) noexcept {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

template <int64_t kTileRows>
void Tile(const ScreenArgs& args, int64_t first_row, const ScreenInput& input, float* lower, float* upper) noexcept {
  const int64_t blocks = ScreenBlocks(args.cols), row_bytes = ScreenRowBytes(args.cols);
  const std::byte* rows = args.rows + first_row * row_bytes;
  const std::byte* ahead = rows + (kTileRows * row_bytes > kPrefetchBytes ? kTileRows * row_bytes : kPrefetchBytes);
  __m512 sums[kTileRows], errors[kTileRows];
  STERNA_UNROLL
  for (int64_t r = 0; r < kTileRows; ++r) sums[r] = errors[r] = _mm512_setzero_ps();
  const __m512i lane_groups = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  for (int64_t chunk = 0; chunk < blocks; chunk += kChunkBlocks) {
    const __m512 steps = _mm512_loadu_ps(input.steps + 2 * chunk), norms = _mm512_loadu_ps(input.norms + 2 * chunk);
    __m512 factors[kTileRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kTileRows; ++r) {
      const std::byte* scales = rows + r * row_bytes + kScreenBlockBytes * blocks + 2 * chunk;
      factors[r] = _mm512_mul_ps(Bytes(scales), steps);
      errors[r] = _mm512_fmadd_ps(Bytes(scales + 2 * blocks), norms, errors[r]);
    }
    const int64_t end = chunk + kChunkBlocks < blocks ? chunk + kChunkBlocks : blocks;
    __m512i groups = lane_groups;
    for (int64_t b = chunk; b < end; ++b) {
      constexpr int64_t kBytes = kTileRows * (kScreenBlockBytes + 4);
      STERNA_UNROLL
      for (int64_t i = 0; i < (kBytes + 63) / 64; ++i) __builtin_prefetch(ahead + 64 * i, 0, 2);
      ahead += kBytes;
      const __m512i high = _mm512_load_si512(input.high + kScreenBlock * b), low = _mm512_load_si512(input.low + kScreenBlock * b);
      const __m512i start = _mm512_load_si512(input.starts + 16 * b);
      STERNA_UNROLL
      for (int64_t r = 0; r < kTileRows; ++r) {
        const __m512i codes = Codes(rows + r * row_bytes + kScreenBlockBytes * b);
        const __m512i of_high = _mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, high);
        const __m512i of_low = _mm512_dpbusd_epi32(start, codes, low);
        const __m512 dots = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(of_high, 8), of_low));
        sums[r] = _mm512_fmadd_ps(_mm512_permutexvar_ps(groups, factors[r]), dots, sums[r]);
      }
      groups = _mm512_add_epi32(groups, _mm512_set1_epi32(2));
    }
  }
  STERNA_UNROLL
  for (int64_t r = 0; r < kTileRows; ++r) {
    float numbers[3];
    __builtin_memcpy(numbers, rows + r * row_bytes + (kScreenBlockBytes + 4) * blocks, sizeof(numbers));
    const float approximate = numbers[0] * SumOfLanes(sums[r]);
    const float radius = __builtin_fmaf(numbers[1], SumOfLanes(errors[r]), __builtin_fmaf(numbers[2], input.slack, kScreenTiny));
    lower[first_row + r] = approximate - radius;
    upper[first_row + r] = approximate + radius;
  }
}

}  // namespace

void ScreenAvx512(const ScreenArgs& args) noexcept {
  int64_t row = args.row_begin;
  for (; row + kRows <= args.row_end; row += kRows) {
    for (int64_t t = 0; t < args.tokens; ++t) {
      Tile<kRows>(args, row, args.inputs[t], args.lower + t * args.stride, args.upper + t * args.stride);
    }
  }
  for (; row < args.row_end; ++row) {
    for (int64_t t = 0; t < args.tokens; ++t) {
      Tile<1>(args, row, args.inputs[t], args.lower + t * args.stride, args.upper + t * args.stride);
    }
  }
}

}  // namespace sterna
