// Screening with AVX2: a ymm register holds the 32 codes of a group in order; the 16 lanes of the contract are two registers, each
// of one group.
//
// Tiles of 2 rows x 1 token. vpmaddubsw takes the unsigned codes: a pair sums to at most 2 * 63 * 128 = 16128 in magnitude, which
// 16 bits hold; vpmaddwd by 256 and by 1 joins the halves of the 16-bit activations, exactly. Over-reads: up to 16 bytes behind the
// last row.
#include <immintrin.h>

#include "kernels/screen/variants.h"

#define STERNA_UNROLL _Pragma("GCC unroll 16")

namespace sterna {
namespace {

constexpr int64_t kRows = 2;
constexpr int64_t kChunkBlocks = 4;  // whose 8 groups fill a register
constexpr int64_t kPrefetchBytes = 32768;

__m256i LoadInts(const void* address) noexcept {
  return _mm256_load_si256(static_cast<const __m256i*>(address));
}

__m256 Bytes(const std::byte* bytes) noexcept {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes))));
}

// fma(factor, products of one group, lanes)
__m256 AddGroup(__m256i codes, const ScreenInput& input, int64_t group, __m256 factor, __m256 lanes) noexcept {
  const __m256i of_high = _mm256_maddubs_epi16(codes, LoadInts(input.high + kScreenGroup * group));
  const __m256i of_low = _mm256_maddubs_epi16(codes, LoadInts(input.low + kScreenGroup * group));
  const __m256i dots =
      _mm256_add_epi32(_mm256_madd_epi16(of_high, _mm256_set1_epi16(256)), _mm256_madd_epi16(of_low, _mm256_set1_epi16(1)));
  return _mm256_fmadd_ps(factor, _mm256_cvtepi32_ps(_mm256_add_epi32(dots, LoadInts(input.starts + 8 * group))), lanes);
}

// Lanes 0 .. 7 and 8 .. 15.
float SumOfLanes(__m256 first, __m256 second) noexcept {
  const __m256 eight = _mm256_add_ps(first, second);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

template <int64_t kTileRows>
void Tile(const ScreenArgs& args, int64_t first_row, const ScreenInput& input, float* lower, float* upper) noexcept {
  const int64_t blocks = ScreenBlocks(args.cols), row_bytes = ScreenRowBytes(args.cols);
  const std::byte* rows = args.rows + first_row * row_bytes;
  const std::byte* ahead = rows + (kTileRows * row_bytes > kPrefetchBytes ? kTileRows * row_bytes : kPrefetchBytes);
  __m256 sums[2][kTileRows], errors[2][kTileRows];
  STERNA_UNROLL
  for (int64_t i = 0; i < 2 * kTileRows; ++i) sums[i / kTileRows][i % kTileRows] = _mm256_setzero_ps();
  STERNA_UNROLL
  for (int64_t i = 0; i < 2 * kTileRows; ++i) errors[i / kTileRows][i % kTileRows] = _mm256_setzero_ps();
  const __m256i low_nibble = _mm256_set1_epi8(15), high_pair = _mm256_set1_epi8(48);
  const __m256i left = _mm256_setr_epi32(4, 4, 4, 4, 2, 2, 2, 2), right = _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2);
  for (int64_t chunk = 0; chunk < blocks; chunk += kChunkBlocks) {
    const __m256 steps = _mm256_loadu_ps(input.steps + 2 * chunk), norms = _mm256_loadu_ps(input.norms + 2 * chunk);
    __m256 factors[kTileRows];
    STERNA_UNROLL
    for (int64_t r = 0; r < kTileRows; ++r) {
      const std::byte* scales = rows + r * row_bytes + kScreenBlockBytes * blocks + 2 * chunk;
      factors[r] = _mm256_mul_ps(Bytes(scales), steps);
      // Groups 16k .. 16k + 7 belong to lanes 0 .. 7, the next 8 to lanes 8 .. 15.
      __m256& error = errors[chunk / kChunkBlocks % 2][r];
      error = _mm256_fmadd_ps(Bytes(scales + 2 * blocks), norms, error);
    }
    const int64_t end = chunk + kChunkBlocks < blocks ? chunk + kChunkBlocks : blocks;
    __m256i group = _mm256_setzero_si256();
    for (int64_t b = chunk; b < end; ++b) {
      constexpr int64_t kBytes = kTileRows * (kScreenBlockBytes + 4);
      STERNA_UNROLL
      for (int64_t i = 0; i < (kBytes + 63) / 64; ++i) __builtin_prefetch(ahead + 64 * i, 0, 2);
      ahead += kBytes;
      const __m256i next_group = _mm256_add_epi32(group, _mm256_set1_epi32(1));
      STERNA_UNROLL
      for (int64_t r = 0; r < kTileRows; ++r) {
        const std::byte* block = rows + r * row_bytes + kScreenBlockBytes * b;
        const __m256i nibbles = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
        const __m256i high =
            _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block + kScreenHighBits)));
        const __m256i first =
            _mm256_or_si256(_mm256_and_si256(nibbles, low_nibble), _mm256_and_si256(_mm256_sllv_epi32(high, left), high_pair));
        const __m256i second = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(nibbles, 4), low_nibble),
                                               _mm256_and_si256(_mm256_srlv_epi32(high, right), high_pair));
        sums[0][r] = AddGroup(first, input, 2 * b, _mm256_permutevar8x32_ps(factors[r], group), sums[0][r]);
        sums[1][r] = AddGroup(second, input, 2 * b + 1, _mm256_permutevar8x32_ps(factors[r], next_group), sums[1][r]);
      }
      group = _mm256_add_epi32(group, _mm256_set1_epi32(2));
    }
  }
  STERNA_UNROLL
  for (int64_t r = 0; r < kTileRows; ++r) {
    float numbers[3];
    __builtin_memcpy(numbers, rows + r * row_bytes + (kScreenBlockBytes + 4) * blocks, sizeof(numbers));
    const float approximate = numbers[0] * SumOfLanes(sums[0][r], sums[1][r]);
    const float radius =
        __builtin_fmaf(numbers[1], SumOfLanes(errors[0][r], errors[1][r]), __builtin_fmaf(numbers[2], input.slack, kScreenTiny));
    lower[first_row + r] = approximate - radius;
    upper[first_row + r] = approximate + radius;
  }
}

}  // namespace

void ScreenAvx2(const ScreenArgs& args) noexcept {
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
