#include <cmath>

#include "kernels/ternary/tile_layout.h"
#include "kernels/ternary/variants.h"

namespace sterna {

// The comparisons are written so that a NaN loses: it does not raise the maximum, and as a product it becomes -127. The vector
// variants get the same from the operand order of their min and max, and no conversion ever sees a value outside int8.
void QuantizeRef(const QuantizeArgs& args) noexcept {
  float largest = 1e-5f;
  for (int64_t i = 0; i < args.n; ++i) {
    const float magnitude = std::fabs(args.x[i]);
    if (magnitude > largest) largest = magnitude;
  }
  const float scale = 127.0f / largest;
  int32_t sum = 0;
  for (int64_t i = 0; i < args.n; ++i) {
    float steps = args.x[i] * scale;
    steps = steps > -127.0f ? steps : -127.0f;
    steps = steps < 127.0f ? steps : 127.0f;
    const auto q = static_cast<int8_t>(std::lrintf(steps));
    args.q[i] = q;
    sum += q;
  }
  for (int64_t i = args.n; i < PaddedActivations(args.n); ++i) args.q[i] = 0;
  *args.scale = scale;
  *args.sum = sum;
}

}  // namespace sterna
