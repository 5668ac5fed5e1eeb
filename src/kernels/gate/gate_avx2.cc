#include <immintrin.h>

#include "kernels/exp/exp_avx2.h"
#include "kernels/gate/gate_variants.h"

namespace sterna {
namespace {

/// g / (1 + Exp(-z)).
__m256 TimesLogistic(__m256 g, __m256 z) noexcept {
  const __m256 minus_z = _mm256_xor_ps(z, _mm256_set1_ps(-0.0f));
  return _mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1.0f), ExpAvx2(minus_z)));
}

__m256 GeluTanh(__m256 g) noexcept {
  const __m256 cube = _mm256_mul_ps(_mm256_mul_ps(g, g), g);
  const __m256 sum = _mm256_add_ps(g, _mm256_mul_ps(_mm256_set1_ps(kGeluCubic), cube));
  return TimesLogistic(g, _mm256_mul_ps(_mm256_set1_ps(kGeluScale), sum));
}

__m256 ReluSquared(__m256 g) noexcept {
  const __m256 r = _mm256_max_ps(_mm256_setzero_ps(), g);  // in this order a NaN stays
  return _mm256_mul_ps(r, r);
}

}  // namespace

void GateAvx2(const GateArgs& args) noexcept {
  const int64_t whole = args.n - args.n % 8;
  const auto for_each = [&](auto activate) {
    for (int64_t j = 0; j < whole; j += 8) {
      _mm256_storeu_ps(args.y + j, _mm256_mul_ps(activate(_mm256_loadu_ps(args.gate + j)), _mm256_loadu_ps(args.up + j)));
    }
  };
  switch (args.activation) {
    case Activation::kSilu:
      for_each([](__m256 g) { return TimesLogistic(g, g); });
      break;
    case Activation::kReluSquared:
      for_each([](__m256 g) { return ReluSquared(g); });
      break;
    case Activation::kGeluTanh:
      for_each([](__m256 g) { return GeluTanh(g); });
      break;
  }
  if (whole < args.n) GateRef({args.activation, args.gate + whole, args.up + whole, args.n - whole, args.y + whole});
}

}  // namespace sterna
