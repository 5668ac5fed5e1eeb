#include "kernels/exp/exp_avx512.h"
#include "kernels/exp/exp_probe.h"

namespace sterna {

void ExpAllAvx512(const float* x, int64_t n, float* y) noexcept {
  for (int64_t j = 0; j < n; j += 16) _mm512_storeu_ps(y + j, ExpAvx512(_mm512_loadu_ps(x + j)));
}

}  // namespace sterna
