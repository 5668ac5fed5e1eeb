#include <algorithm>

#include "kernels/exp/exp.h"
#include "kernels/gate/gate_variants.h"

namespace sterna {
namespace {

float Activate(Activation activation, float g) noexcept {
  switch (activation) {
    case Activation::kSilu:
      return g / (1.0f + Exp(-g));
    case Activation::kReluSquared: {
      const float r = std::max(g, 0.0f);  // a NaN stays
      return r * r;
    }
    case Activation::kGeluTanh: {
      const float z = kGeluScale * (g + kGeluCubic * (g * g * g));
      return g / (1.0f + Exp(-z));
    }
  }
  return 0.0f;
}

}  // namespace

void GateRef(const GateArgs& args) noexcept {
  for (int64_t j = 0; j < args.n; ++j) args.y[j] = Activate(args.activation, args.gate[j]) * args.up[j];
}

}  // namespace sterna
