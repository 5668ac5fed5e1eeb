#include <arm_neon.h>

#include "kernels/exp/exp_neon.h"
#include "kernels/gate/gate_variants.h"

namespace sterna {
namespace {

/// g / (1 + Exp(-z)).
float32x4_t TimesLogistic(float32x4_t g, float32x4_t z) noexcept {
  return vdivq_f32(g, vaddq_f32(vdupq_n_f32(1.0f), ExpNeon(vnegq_f32(z))));
}

float32x4_t GeluTanh(float32x4_t g) noexcept {
  const float32x4_t cube = vmulq_f32(vmulq_f32(g, g), g);
  return TimesLogistic(g, vmulq_n_f32(vaddq_f32(g, vmulq_n_f32(cube, kGeluCubic)), kGeluScale));
}

float32x4_t ReluSquared(float32x4_t g) noexcept {
  const float32x4_t r = vmaxq_f32(g, vdupq_n_f32(0.0f));  // fmax: a NaN stays
  return vmulq_f32(r, r);
}

}  // namespace

void GateNeon(const GateArgs& args) noexcept {
  const int64_t whole = args.n - args.n % 4;
  const auto for_each = [&](auto activate) {
    for (int64_t j = 0; j < whole; j += 4) {
      vst1q_f32(args.y + j, vmulq_f32(activate(vld1q_f32(args.gate + j)), vld1q_f32(args.up + j)));
    }
  };
  switch (args.activation) {
    case Activation::kSilu:
      for_each([](float32x4_t g) { return TimesLogistic(g, g); });
      break;
    case Activation::kReluSquared:
      for_each([](float32x4_t g) { return ReluSquared(g); });
      break;
    case Activation::kGeluTanh:
      for_each([](float32x4_t g) { return GeluTanh(g); });
      break;
  }
  if (whole < args.n) GateRef({args.activation, args.gate + whole, args.up + whole, args.n - whole, args.y + whole});
}

}  // namespace sterna
