// NEON. Overflow: a product is at most 2 * 127 = 254 with codes <= 2 and |x| <= 127, so a 16-bit lane holds the 2 * 64 of a round:
// 32512 <= 32767. Registers: 16 chains of sums, codes, x, and the 32-bit total once per round.
#include <arm_neon.h>

#include "kernels/probe/chains.h"
#include "kernels/probe/variants.h"

namespace sterna {
namespace {

constexpr int kChains = 16;
constexpr int kProductsPerWiden = 64;

struct Add16 {
  using Vector = int16x8_t;

  static int16x8_t Add(int16x8_t sums, int16x8_t codes16, int16x8_t& x16) noexcept {
    Hide(x16);
    const int8x16_t codes = vreinterpretq_s8_s16(codes16), x = vreinterpretq_s8_s16(x16);
    return vmlal_high_s8(vmlal_s8(sums, vget_low_s8(codes), vget_low_s8(x)), codes, x);
  }
};

}  // namespace

uint64_t ReadProbeNeon(const ReadProbeArgs& args) noexcept {
  uint64x2_t sums[4] = {vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0)};
  for (int64_t at = 0; at < args.bytes; at += 64) {
    const auto* line = reinterpret_cast<const uint8_t*>(args.data + at);
    __builtin_prefetch(line + kProbePrefetchBytes);
    for (int i = 0; i < 4; ++i) sums[i] = vaddq_u64(sums[i], vreinterpretq_u64_u8(vld1q_u8(line + 16 * i)));
  }
  return vaddvq_u64(vaddq_u64(vaddq_u64(sums[0], sums[1]), vaddq_u64(sums[2], sums[3])));
}

int64_t MultiplyProbeNeon(const MultiplyProbeArgs& args) noexcept {
  const int16x8_t codes = vreinterpretq_s16_u8(vld1q_u8(args.codes));
  int16x8_t x = vreinterpretq_s16_s8(vld1q_s8(args.x));
  int32x4_t total = vdupq_n_s32(0);
  for (int64_t round = 0; round < args.rounds; ++round) {
    Chains<kChains, Add16> chains;
    chains.Clear(vdupq_n_s16(0));
    for (int product = 0; product < kProductsPerWiden; ++product) chains.Add(codes, x);
    chains.ForEach([&](int16x8_t sums16) noexcept { total = vpadalq_s16(total, sums16); });
  }
  *args.sum = 0;
  AddLanes(total, args.sum);
  return args.rounds * kChains * kProductsPerWiden * static_cast<int64_t>(sizeof(int8x16_t));
}

}  // namespace sterna
