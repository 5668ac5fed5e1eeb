#include <arm_neon.h>

#include "kernels/rope/rope_variants.h"

namespace sterna {

void RopeNeon(const RopeArgs& args) noexcept {
  const int64_t half = args.head_dim / 2;
  const int64_t whole = half - half % 4;
  for (int64_t head = 0; head < args.heads; ++head) {
    float* const first = args.x + head * args.head_dim;
    float* const second = first + half;
    for (int64_t i = 0; i < whole; i += 4) {
      const float32x4_t a = vld1q_f32(first + i), b = vld1q_f32(second + i);
      const float32x4_t cos = vld1q_f32(args.cos + i), sin = vld1q_f32(args.sin + i);
      vst1q_f32(first + i, vfmsq_f32(vmulq_f32(a, cos), b, sin));
      vst1q_f32(second + i, vfmaq_f32(vmulq_f32(b, cos), a, sin));
    }
    for (int64_t i = whole; i < half; ++i) {
      const float a = first[i], b = second[i];
      first[i] = __builtin_fmaf(-b, args.sin[i], a * args.cos[i]);
      second[i] = __builtin_fmaf(a, args.sin[i], b * args.cos[i]);
    }
  }
}

}  // namespace sterna
