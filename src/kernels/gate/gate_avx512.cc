#include <immintrin.h>

#include "kernels/exp/exp_avx512.h"
#include "kernels/gate/gate_variants.h"

namespace sterna {
namespace {

/// g / (1 + Exp(-z)).
__m512 TimesLogistic(__m512 g, __m512 z) noexcept {
  const __m512 minus_z = _mm512_xor_ps(z, _mm512_set1_ps(-0.0f));
  return _mm512_div_ps(g, _mm512_add_ps(_mm512_set1_ps(1.0f), ExpAvx512(minus_z)));
}

__m512 GeluTanh(__m512 g) noexcept {
  const __m512 cube = _mm512_mul_ps(_mm512_mul_ps(g, g), g);
  const __m512 sum = _mm512_add_ps(g, _mm512_mul_ps(_mm512_set1_ps(kGeluCubic), cube));
  return TimesLogistic(g, _mm512_mul_ps(_mm512_set1_ps(kGeluScale), sum));
}

__m512 ReluSquared(__m512 g) noexcept {
  const __m512 r = _mm512_max_ps(_mm512_setzero_ps(), g);  // in this order a NaN stays
  return _mm512_mul_ps(r, r);
}

}  // namespace

void GateAvx512(const GateArgs& args) noexcept {
  const auto for_each = [&](auto activate) {
    for (int64_t j = 0; j < args.n; j += 16) {
      const __mmask16 lanes = args.n - j >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << (args.n - j)) - 1);
      const __m512 y =
          _mm512_mul_ps(activate(_mm512_maskz_loadu_ps(lanes, args.gate + j)), _mm512_maskz_loadu_ps(lanes, args.up + j));
      _mm512_mask_storeu_ps(args.y + j, lanes, y);
    }
  };
  switch (args.activation) {
    case Activation::kSilu:
      for_each([](__m512 g) { return TimesLogistic(g, g); });
      break;
    case Activation::kReluSquared:
      for_each([](__m512 g) { return ReluSquared(g); });
      break;
    case Activation::kGeluTanh:
      for_each([](__m512 g) { return GeluTanh(g); });
      break;
  }
}

}  // namespace sterna
