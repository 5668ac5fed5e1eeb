// AVX-VNNI: vpdpbusd on ymm in its VEX encoding. Registers: 12 chains, codes, x. Sums wrap modulo 2^32, as the contract says.
#include <immintrin.h>

#include "kernels/probe/chains.h"
#include "kernels/probe/variants.h"

namespace sterna {
namespace {

constexpr int kChains = 12;

struct Dot {
  using Vector = __m256i;

  static __m256i Add(__m256i sums, __m256i codes, __m256i& x) noexcept { return _mm256_dpbusd_avx_epi32(sums, codes, x); }
};

}  // namespace

int64_t MultiplyProbeAvxVnni(const MultiplyProbeArgs& args) noexcept {
  const __m256i codes = _mm256_load_si256(reinterpret_cast<const __m256i*>(args.codes));
  __m256i x = _mm256_load_si256(reinterpret_cast<const __m256i*>(args.x));
  Chains<kChains, Dot> chains;
  chains.Clear(_mm256_setzero_si256());
  for (int64_t round = 0; round < args.rounds; ++round) chains.Add(codes, x);
  *args.sum = 0;
  chains.ForEach([&](__m256i sums) noexcept { AddLanes(sums, args.sum); });
  return args.rounds * kChains * static_cast<int64_t>(sizeof(__m256i));
}

}  // namespace sterna
