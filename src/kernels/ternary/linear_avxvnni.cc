// AVX-VNNI: vpdpbusd on ymm in its VEX encoding, for processors without AVX-512. See ymm_vnni.h.
#include "kernels/ternary/variants.h"
#include "kernels/ternary/ymm_vnni.h"

namespace sterna {
namespace {

struct VexDot {
  static __m256i Add(__m256i sums, __m256i codes, __m256i x) noexcept { return _mm256_dpbusd_avx_epi32(sums, codes, x); }
};

}  // namespace

void TernaryLinearAvxVnni(const TernaryLinearArgs& args) noexcept {
  MultiplyVnni256<VexDot>(args);
}

}  // namespace sterna
