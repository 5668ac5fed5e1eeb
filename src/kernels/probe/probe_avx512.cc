// AVX-512: vpdpbusd on zmm. Registers: 24 chains (the ternary kernels' number of sums), codes, x. Sums wrap modulo 2^32, as the
// contract says.
#include <immintrin.h>

#include "kernels/probe/chains.h"
#include "kernels/probe/variants.h"

namespace sterna {
namespace {

constexpr int kChains = 24;

struct Dot {
  using Vector = __m512i;

  static __m512i Add(__m512i sums, __m512i codes, __m512i& x) noexcept { return _mm512_dpbusd_epi32(sums, codes, x); }
};

}  // namespace

uint64_t ReadProbeAvx512(const ReadProbeArgs& args) noexcept {
  __m512i sums = _mm512_setzero_si512();
  for (int64_t at = 0; at < args.bytes; at += 64) {
    const std::byte* line = args.data + at;
    _mm_prefetch(reinterpret_cast<const char*>(line) + kProbePrefetchBytes, _MM_HINT_T0);
    sums = _mm512_add_epi64(sums, _mm512_load_si512(line));
  }
  alignas(64) uint64_t lanes[8];
  _mm512_store_si512(lanes, sums);
  uint64_t total = 0;
  for (const uint64_t lane : lanes) total += lane;
  return total;
}

int64_t MultiplyProbeAvx512(const MultiplyProbeArgs& args) noexcept {
  const __m512i codes = _mm512_load_si512(args.codes);
  __m512i x = _mm512_load_si512(args.x);
  Chains<kChains, Dot> chains;
  chains.Clear(_mm512_setzero_si512());
  for (int64_t round = 0; round < args.rounds; ++round) chains.Add(codes, x);
  *args.sum = 0;
  chains.ForEach([&](__m512i sums) noexcept { AddLanes(sums, args.sum); });
  return args.rounds * kChains * static_cast<int64_t>(sizeof(__m512i));
}

}  // namespace sterna
