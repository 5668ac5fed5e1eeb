// NEON with sdot. Registers: 24 chains (the ternary kernels' number of sums), codes, x. Sums wrap modulo 2^32, as the contract
// says.
#include <arm_neon.h>

#include "kernels/probe/chains.h"
#include "kernels/probe/variants.h"

namespace sterna {
namespace {

constexpr int kChains = 24;

struct Dot {
  using Vector = int32x4_t;

  static int32x4_t Add(int32x4_t sums, int32x4_t codes, int32x4_t& x) noexcept {
    return vdotq_s32(sums, vreinterpretq_s8_s32(codes), vreinterpretq_s8_s32(x));
  }
};

}  // namespace

int64_t MultiplyProbeNeonDotprod(const MultiplyProbeArgs& args) noexcept {
  const int32x4_t codes = vreinterpretq_s32_u8(vld1q_u8(args.codes));
  int32x4_t x = vreinterpretq_s32_s8(vld1q_s8(args.x));
  Chains<kChains, Dot> chains;
  chains.Clear(vdupq_n_s32(0));
  for (int64_t round = 0; round < args.rounds; ++round) chains.Add(codes, x);
  *args.sum = 0;
  chains.ForEach([&](int32x4_t sums) noexcept { AddLanes(sums, args.sum); });
  return args.rounds * kChains * static_cast<int64_t>(sizeof(int8x16_t));
}

}  // namespace sterna
