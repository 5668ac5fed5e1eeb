// Quantization with 4 floats a vector. Reads exactly n floats: the last, partial group of 16 goes through a zeroed local copy.
#include <arm_neon.h>

#include "kernels/ternary/tile_layout.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

constexpr int64_t kGroup = 16;  // floats per 16 bytes of q

float32x4_t LargerMagnitude(const float* x, float32x4_t largest) noexcept {
  const float32x4_t magnitude = vabsq_f32(vld1q_f32(x));
  return vbslq_f32(vcgtq_f32(magnitude, largest), magnitude, largest);  // not fmaxnm: a NaN loses here, a signaling one too
}

int32x4_t Steps(const float* x, float scale) noexcept {
  // The product's NaN is quiet, and a quiet one loses.
  const float32x4_t steps = vmaxnmq_f32(vmulq_n_f32(vld1q_f32(x), scale), vdupq_n_f32(-127.0f));
  return vcvtnq_s32_f32(vminq_f32(steps, vdupq_n_f32(127.0f)));
}

/// Writes 16 bytes of q and returns their sum in four parts.
int32x4_t QuantizeGroup(const float* x, float scale, int8_t* q) noexcept {
  const int32x4_t a = Steps(x, scale), b = Steps(x + 4, scale), c = Steps(x + 8, scale), d = Steps(x + 12, scale);
  const int16x8_t low = vmovn_high_s32(vmovn_s32(a), b), high = vmovn_high_s32(vmovn_s32(c), d);
  vst1q_s8(q, vmovn_high_s16(vmovn_s16(low), high));
  return vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d));
}

}  // namespace

void QuantizeNeon(const QuantizeArgs& args) noexcept {
  const int64_t whole = args.n / kGroup * kGroup;
  float tail[kGroup] = {};
  for (int64_t i = whole; i < args.n; ++i) tail[i - whole] = args.x[i];

  // Two chains: one would wait for the latency of its comparison and selection.
  float32x4_t largest[2] = {vdupq_n_f32(1e-5f), vdupq_n_f32(1e-5f)};
  const auto find_largest = [&](const float* x) {
    for (int64_t i = 0; i < kGroup; i += 8) {
      largest[0] = LargerMagnitude(x + i, largest[0]);
      largest[1] = LargerMagnitude(x + i + 4, largest[1]);
    }
  };
  for (int64_t i = 0; i < whole; i += kGroup) find_largest(args.x + i);
  find_largest(tail);
  const float scale = 127.0f / vmaxvq_f32(vmaxq_f32(largest[0], largest[1]));

  int32x4_t sum = vdupq_n_s32(0);
  for (int64_t i = 0; i < whole; i += kGroup) sum = vaddq_s32(sum, QuantizeGroup(args.x + i, scale, args.q + i));
  int64_t written = whole;
  if (whole < args.n) {
    // 0 * scale is 0: the copy's zeros become the zeros behind n.
    sum = vaddq_s32(sum, QuantizeGroup(tail, scale, args.q + whole));
    written += kGroup;
  }
  for (; written < PaddedActivations(args.n); written += kGroup) vst1q_s8(args.q + written, vdupq_n_s8(0));
  *args.scale = scale;
  *args.sum = vaddvq_s32(sum);
}

}  // namespace sterna
