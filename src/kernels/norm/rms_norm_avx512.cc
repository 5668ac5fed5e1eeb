#include <immintrin.h>

#include "kernels/norm/rms_norm_variants.h"

namespace sterna {
namespace {

/// A mask of the first `count` of 16 lanes.
__mmask16 FirstLanes(int64_t count) noexcept {
  return count >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << count) - 1);
}

}  // namespace

// One zmm holds the eight lanes. As in the AVX2 variant, the multiplication stays out of the chain of additions. Lanes behind n
// load as zero and add +0, which changes no sum of squares.
void RmsNormAvx512(const RmsNormArgs& args) noexcept {
  __m512d sums = _mm512_setzero_pd();
  for (int64_t j = 0; j < args.n; j += 8) {
    const __m512d x = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(static_cast<__mmask8>(FirstLanes(args.n - j)), args.x + j));
    sums = _mm512_add_pd(sums, _mm512_mul_pd(x, x));
  }
  double lanes[kRmsNormLanes];
  _mm512_storeu_pd(lanes, sums);

  const __m512 factor = _mm512_set1_ps(InverseRms(lanes, args.n, args.epsilon));
  for (int64_t j = 0; j < args.n; j += 16) {
    const __mmask16 lanes_left = FirstLanes(args.n - j);
    __m512 y = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes_left, args.x + j), factor);
    if (args.weight != nullptr) y = _mm512_mul_ps(y, _mm512_maskz_loadu_ps(lanes_left, args.weight + j));
    _mm512_mask_storeu_ps(args.y + j, lanes_left, y);
  }
}

}  // namespace sterna
