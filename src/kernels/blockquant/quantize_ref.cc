#include <cmath>

#include "base/half.h"
#include "kernels/blockquant/variants.h"

namespace sterna {

// The comparisons are written so that a NaN loses: it does not raise the maximum, and as a product it becomes -127. The vector
// variants get the same from the operand order of their min and max, and no conversion ever sees a value outside int8.
void BlockQuantizeRef(const BlockQuantizeArgs& args) noexcept {
  for (int64_t block = 0; block < args.n / kQuantBlock; ++block) {
    const float* x = args.x + kQuantBlock * block;
    float largest = 0;
    for (int64_t j = 0; j < kQuantBlock; ++j) {
      const float magnitude = std::fabs(x[j]);
      if (magnitude > largest) largest = magnitude;
    }
    const float d = largest / 127.0f;
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    int32_t* group_sums = args.group_sums + 2 * block;
    group_sums[0] = group_sums[1] = 0;
    for (int64_t j = 0; j < kQuantBlock; ++j) {
      float steps = x[j] * inverse;
      steps = steps > -127.0f ? steps : -127.0f;
      steps = steps < 127.0f ? steps : 127.0f;
      const auto q = static_cast<int8_t>(std::lrintf(steps));
      args.q[kQuantBlock * block + j] = q;
      group_sums[j / 16] += q;
    }
    args.scales[block] = F16ToFloat(FloatToF16(d));
    args.sums[block] = F16ToFloat(FloatToF16(d * static_cast<float>(group_sums[0] + group_sums[1])));
  }
}

}  // namespace sterna
