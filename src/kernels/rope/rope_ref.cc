#include <cmath>

#include "kernels/rope/rope_variants.h"

namespace sterna {

void RopeRef(const RopeArgs& args) noexcept {
  const int64_t half = args.head_dim / 2;
  for (int64_t head = 0; head < args.heads; ++head) {
    float* const first = args.x + head * args.head_dim;
    float* const second = first + half;
    for (int64_t i = 0; i < half; ++i) {
      const float a = first[i], b = second[i];
      first[i] = std::fma(-b, args.sin[i], a * args.cos[i]);
      second[i] = std::fma(a, args.sin[i], b * args.cos[i]);
    }
  }
}

}  // namespace sterna
