// Block quantization with 4 floats a vector: a block is eight vectors, which stay in registers between the maximum and the
// products.
#include <arm_neon.h>

#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

constexpr int kVectors = kQuantBlock / 4;

float32x4_t Larger(float32x4_t magnitude, float32x4_t largest) noexcept {
  return vbslq_f32(vcgtq_f32(magnitude, largest), magnitude, largest);  // not fmaxnm: a NaN loses here, a signaling one too
}

int32x4_t Steps(float32x4_t x, float inverse) noexcept {
  // The product's NaN is quiet, and a quiet one loses.
  const float32x4_t steps = vmaxnmq_f32(vmulq_n_f32(x, inverse), vdupq_n_f32(-127.0f));
  return vcvtnq_s32_f32(vminq_f32(steps, vdupq_n_f32(127.0f)));
}

float RoundToF16(float x) noexcept {
  return static_cast<__fp16>(x);
}

}  // namespace

void BlockQuantizeNeon(const BlockQuantizeArgs& args) noexcept {
  for (int64_t block = 0; block < args.n / kQuantBlock; ++block) {
    float32x4_t x[kVectors];
    for (int v = 0; v < kVectors; ++v) x[v] = vld1q_f32(args.x + kQuantBlock * block + 4 * v);
    float32x4_t magnitudes[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
    for (int v = 0; v < kVectors; ++v) magnitudes[v % 2] = Larger(vabsq_f32(x[v]), magnitudes[v % 2]);
    const float largest = vmaxvq_f32(vmaxq_f32(magnitudes[0], magnitudes[1]));
    const float d = largest / 127.0f;
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;

    int32x4_t steps[kVectors];
    for (int v = 0; v < kVectors; ++v) steps[v] = Steps(x[v], inverse);
    int32_t* group_sums = args.group_sums + 2 * block;
    for (int v = 0; v < kVectors; v += 4) {
      const int16x8_t low = vmovn_high_s32(vmovn_s32(steps[v]), steps[v + 1]);
      const int16x8_t high = vmovn_high_s32(vmovn_s32(steps[v + 2]), steps[v + 3]);
      vst1q_s8(args.q + kQuantBlock * block + 4 * v, vmovn_high_s16(vmovn_s16(low), high));
      group_sums[v / 4] = vaddvq_s32(vaddq_s32(vaddq_s32(steps[v], steps[v + 1]), vaddq_s32(steps[v + 2], steps[v + 3])));
    }
    args.scales[block] = RoundToF16(d);
    args.sums[block] = RoundToF16(d * static_cast<float>(group_sums[0] + group_sums[1]));
  }
}

}  // namespace sterna
