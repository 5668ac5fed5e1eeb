#include <arm_neon.h>

#include "kernels/norm/rms_norm_variants.h"

namespace sterna {

// The eight lanes are four chains of two; four hide most of the latency of an addition. A square is exact in f64, so the fused step
// has the bits of a multiplication and an addition.
void RmsNormNeon(const RmsNormArgs& args) noexcept {
  const int64_t whole = args.n - args.n % 8;
  float64x2_t sums[4] = {vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0)};
  const auto add_square = [](float64x2_t sum, float64x2_t x) { return vfmaq_f64(sum, x, x); };
  for (int64_t j = 0; j < whole; j += 8) {
    const float32x4_t a = vld1q_f32(args.x + j), b = vld1q_f32(args.x + j + 4);
    sums[0] = add_square(sums[0], vcvt_f64_f32(vget_low_f32(a)));
    sums[1] = add_square(sums[1], vcvt_high_f64_f32(a));
    sums[2] = add_square(sums[2], vcvt_f64_f32(vget_low_f32(b)));
    sums[3] = add_square(sums[3], vcvt_high_f64_f32(b));
  }
  double lanes[kRmsNormLanes];
  for (int i = 0; i < 4; ++i) vst1q_f64(lanes + 2 * i, sums[i]);
  for (int64_t j = whole; j < args.n; ++j) {
    const double x = args.x[j];
    lanes[j - whole] += x * x;
  }

  const float r = InverseRms(lanes, args.n, args.epsilon);
  const int64_t vectors = args.n - args.n % 4;
  if (args.weight == nullptr) {
    for (int64_t j = 0; j < vectors; j += 4) vst1q_f32(args.y + j, vmulq_n_f32(vld1q_f32(args.x + j), r));
    for (int64_t j = vectors; j < args.n; ++j) args.y[j] = args.x[j] * r;
    return;
  }
  for (int64_t j = 0; j < vectors; j += 4) {
    vst1q_f32(args.y + j, vmulq_f32(vmulq_n_f32(vld1q_f32(args.x + j), r), vld1q_f32(args.weight + j)));
  }
  for (int64_t j = vectors; j < args.n; ++j) args.y[j] = (args.x[j] * r) * args.weight[j];
}

}  // namespace sterna
