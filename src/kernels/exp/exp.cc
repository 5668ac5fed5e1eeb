#include "kernels/exp/exp.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace sterna {

float Exp(float x) noexcept {
  if (std::isnan(x)) return x + x;  // quiet; the conversion to an integer below would be undefined
  if (x < kExpLow) return 0.0f;
  x = std::min(x, kExpHigh);
  const float n = std::nearbyint(x * kLog2E);
  float r = std::fma(n, -kLn2High, x);
  r = std::fma(n, -kLn2Low, r);
  float p = kExpC[5];
  for (int i = 4; i >= 0; --i) p = std::fma(p, r, kExpC[i]);
  p = std::fma(p * r, r, r) + 1.0f;
  return std::bit_cast<float>(std::bit_cast<int32_t>(p) + (static_cast<int32_t>(n) << 23));
}

}  // namespace sterna
