#include <cmath>

#include "kernels/norm/rms_norm_variants.h"

namespace sterna {

float InverseRms(const double lanes[kRmsNormLanes], int64_t n, float epsilon) noexcept {
  const double a = lanes[0] + lanes[4], b = lanes[1] + lanes[5], c = lanes[2] + lanes[6], d = lanes[3] + lanes[7];
  const double mean = ((a + c) + (b + d)) / static_cast<double>(n);
  return static_cast<float>(1.0 / std::sqrt(mean + static_cast<double>(epsilon)));
}

void RmsNormRef(const RmsNormArgs& args) noexcept {
  double lanes[kRmsNormLanes] = {};
  for (int64_t j = 0; j < args.n; ++j) {
    const double x = args.x[j];
    lanes[j % kRmsNormLanes] += x * x;
  }
  const float r = InverseRms(lanes, args.n, args.epsilon);
  for (int64_t j = 0; j < args.n; ++j) {
    const float scaled = args.x[j] * r;
    args.y[j] = args.weight != nullptr ? scaled * args.weight[j] : scaled;
  }
}

}  // namespace sterna
