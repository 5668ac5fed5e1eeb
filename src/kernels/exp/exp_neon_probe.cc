#include "kernels/exp/exp_neon.h"
#include "kernels/exp/exp_probe.h"

namespace sterna {

void ExpAllNeon(const float* x, int64_t n, float* y) noexcept {
  for (int64_t j = 0; j < n; j += 4) vst1q_f32(y + j, ExpNeon(vld1q_f32(x + j)));
}

}  // namespace sterna
