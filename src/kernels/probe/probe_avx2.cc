// AVX2. Overflow: vpmaddubsw gives |c0*x0 + c1*x1| <= 2*2*127 = 508 with codes <= 2 and |x| <= 127, so a 16-bit lane holds the 64
// of kProductsPerWiden: 32512 <= 32767. Registers: 8 chains of sums, codes, x, one product, and the 32-bit total once per round.
#include <immintrin.h>

#include "kernels/probe/chains.h"
#include "kernels/probe/variants.h"

namespace sterna {
namespace {

constexpr int kChains = 8;
constexpr int kProductsPerWiden = 64;

struct Add16 {
  using Vector = __m256i;

  static __m256i Add(__m256i sums, __m256i codes, __m256i& x) noexcept {
    Hide(x);
    sums = _mm256_add_epi16(sums, _mm256_maddubs_epi16(codes, x));
    Hide(sums);  // GCC 12 otherwise copies it to another register each time
    return sums;
  }
};

}  // namespace

uint64_t ReadProbeAvx2(const ReadProbeArgs& args) noexcept {
  __m256i low = _mm256_setzero_si256(), high = low;
  for (int64_t at = 0; at < args.bytes; at += 64) {
    const auto* line = reinterpret_cast<const __m256i*>(args.data + at);
    _mm_prefetch(reinterpret_cast<const char*>(line) + kProbePrefetchBytes, _MM_HINT_T0);
    low = _mm256_add_epi64(low, _mm256_load_si256(line));
    high = _mm256_add_epi64(high, _mm256_load_si256(line + 1));
  }
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi64(low, high));
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

int64_t MultiplyProbeAvx2(const MultiplyProbeArgs& args) noexcept {
  const __m256i codes = _mm256_load_si256(reinterpret_cast<const __m256i*>(args.codes));
  __m256i x = _mm256_load_si256(reinterpret_cast<const __m256i*>(args.x));
  __m256i total = _mm256_setzero_si256();
  for (int64_t round = 0; round < args.rounds; ++round) {
    Chains<kChains, Add16> chains;
    chains.Clear(_mm256_setzero_si256());
    for (int product = 0; product < kProductsPerWiden; ++product) chains.Add(codes, x);
    chains.ForEach(
        [&](__m256i sums16) noexcept { total = _mm256_add_epi32(total, _mm256_madd_epi16(sums16, _mm256_set1_epi16(1))); });
  }
  *args.sum = 0;
  AddLanes(total, args.sum);
  return args.rounds * kChains * kProductsPerWiden * static_cast<int64_t>(sizeof(__m256i));
}

}  // namespace sterna
