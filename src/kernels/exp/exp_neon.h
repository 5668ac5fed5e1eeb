// Exp of kernels/exp/exp.h on 4 lanes of NEON; internal linkage, so that every file has its own.
#ifndef STERNA_KERNELS_EXP_EXP_NEON_H_
#define STERNA_KERNELS_EXP_EXP_NEON_H_

#include <arm_neon.h>

#include "kernels/exp/exp.h"

namespace sterna {
namespace {

inline float32x4_t ExpNeon(float32x4_t x) noexcept {
  const uint32x4_t too_low = vcltq_f32(x, vdupq_n_f32(kExpLow));
  x = vminq_f32(x, vdupq_n_f32(kExpHigh));  // fmin: a NaN stays, and becomes quiet
  const float32x4_t n = vrndnq_f32(vmulq_n_f32(x, kLog2E));
  float32x4_t r = vfmaq_n_f32(x, n, -kLn2High);
  r = vfmaq_n_f32(r, n, -kLn2Low);
  float32x4_t p = vdupq_n_f32(kExpC[5]);
  p = vfmaq_f32(vdupq_n_f32(kExpC[4]), p, r);
  p = vfmaq_f32(vdupq_n_f32(kExpC[3]), p, r);
  p = vfmaq_f32(vdupq_n_f32(kExpC[2]), p, r);
  p = vfmaq_f32(vdupq_n_f32(kExpC[1]), p, r);
  p = vfmaq_f32(vdupq_n_f32(kExpC[0]), p, r);
  p = vaddq_f32(vfmaq_f32(r, vmulq_f32(p, r), r), vdupq_n_f32(1.0f));
  // A NaN converts to 0: the NaN in p stays.
  const int32x4_t power = vshlq_n_s32(vcvtnq_s32_f32(n), 23);
  const int32x4_t scaled = vaddq_s32(vreinterpretq_s32_f32(p), power);
  return vreinterpretq_f32_s32(vbicq_s32(scaled, vreinterpretq_s32_u32(too_low)));
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_EXP_EXP_NEON_H_
