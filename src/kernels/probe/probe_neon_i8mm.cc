// NEON with smmla: both rows of codes are the first 8, both columns of x too, so that all four sums are of neighbours. Registers:
// 24 chains (the ternary kernels' number of sums), codes, x. Sums wrap modulo 2^32, as the contract says.
#include <arm_neon.h>

#include "kernels/probe/chains.h"
#include "kernels/probe/variants.h"

namespace sterna {
namespace {

constexpr int kChains = 24;
constexpr int64_t kProducts = 4 * 8;  // of one smmla

struct Multiply {
  using Vector = int32x4_t;

  static int32x4_t Add(int32x4_t sums, int32x4_t codes, int32x4_t& x) noexcept {
    return vmmlaq_s32(sums, vreinterpretq_s8_s32(codes), vreinterpretq_s8_s32(x));
  }
};

}  // namespace

int64_t MultiplyProbeNeonI8mm(const MultiplyProbeArgs& args) noexcept {
  const uint8x8_t codes8 = vld1_u8(args.codes);
  const int8x8_t x8 = vld1_s8(args.x);
  const int32x4_t codes = vreinterpretq_s32_u8(vcombine_u8(codes8, codes8));
  int32x4_t x = vreinterpretq_s32_s8(vcombine_s8(x8, x8));
  Chains<kChains, Multiply> chains;
  chains.Clear(vdupq_n_s32(0));
  for (int64_t round = 0; round < args.rounds; ++round) chains.Add(codes, x);
  *args.sum = 0;
  chains.ForEach([&](int32x4_t sums) noexcept { AddLanes(sums, args.sum); });
  return args.rounds * kChains * kProducts;
}

}  // namespace sterna
