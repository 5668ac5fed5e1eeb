// For tests only: the text of the AVX-VNNI variant with the AVX-512 encoding of its one special instruction, so that processors
// with AVX-512 and without AVX-VNNI run it too.
#include "kernels/ternary/linear_avxvnni_evex.h"

#include "kernels/ternary/ymm_vnni.h"

namespace sterna {
namespace {

struct EvexDot {
  static __m256i Add(__m256i sums, __m256i codes, __m256i x) noexcept { return _mm256_dpbusd_epi32(sums, codes, x); }
};

}  // namespace

void TernaryLinearAvxVnniEvex(const TernaryLinearArgs& args) noexcept {
  MultiplyVnni256<EvexDot>(args);
}

}  // namespace sterna
