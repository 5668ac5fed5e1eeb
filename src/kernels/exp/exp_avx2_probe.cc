#include "kernels/exp/exp_avx2.h"
#include "kernels/exp/exp_probe.h"

namespace sterna {

void ExpAllAvx2(const float* x, int64_t n, float* y) noexcept {
  for (int64_t j = 0; j < n; j += 8) _mm256_storeu_ps(y + j, ExpAvx2(_mm256_loadu_ps(x + j)));
}

}  // namespace sterna
