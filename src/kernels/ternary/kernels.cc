#include "kernels/ternary/scratch.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

constexpr Kernel<QuantizeFunction> kQuantizeKernels[] = {
    {{"quantize_ref", Isa::kRef}, QuantizeRef},
#if defined(__x86_64__)
    {{"quantize_avx2", Isa::kAvx2}, QuantizeAvx2},
    {{"quantize_avx512", Isa::kAvx512}, QuantizeAvx512},
#elif defined(__aarch64__)
    {{"quantize_neon", Isa::kNeon}, QuantizeNeon},
#endif
};

constexpr Kernel<TernaryLinearFunction> kTernaryLinearKernels[] = {
    {{"ternary_linear_ref", Isa::kRef}, TernaryLinearRef},
#if defined(__x86_64__)
    {{"ternary_linear_avx2", Isa::kAvx2}, TernaryLinearAvx2},
    {{"ternary_linear_avxvnni", Isa::kAvxVnni}, TernaryLinearAvxVnni},
    {{"ternary_linear_avx512", Isa::kAvx512}, TernaryLinearAvx512},
#elif defined(__aarch64__)
    {{"ternary_linear_neon", Isa::kNeon}, TernaryLinearNeon},
    {{"ternary_linear_neon_dotprod", Isa::kNeonDotprod}, TernaryLinearNeonDotprod},
    {{"ternary_linear_neon_i8mm", Isa::kNeonI8mm}, TernaryLinearNeonI8mm},
#endif
};

constexpr Kernel<TernaryLinearFunction> kFiveTritLinearKernels[] = {
    {{"five_trit_linear_ref", Isa::kRef}, FiveTritLinearRef},
#if defined(__x86_64__)
    {{"five_trit_linear_avx512vbmi", Isa::kAvx512Vbmi}, FiveTritLinearAvx512Vbmi},
#endif
};

}  // namespace

std::span<const Kernel<QuantizeFunction>> QuantizeKernels() {
  return kQuantizeKernels;
}

std::span<const Kernel<TernaryLinearFunction>> TernaryLinearKernels() {
  return kTernaryLinearKernels;
}

std::span<const Kernel<TernaryLinearFunction>> FiveTritLinearKernels() {
  return kFiveTritLinearKernels;
}

size_t TernaryLinearScratchBytes(int64_t cols, int64_t tokens) {
  if (tokens <= kMaxFewTokens) return 0;
  const int64_t panel = kMaxPanelTiles * UnpackedTileBytes(cols);
  const int64_t chunk_tokens = tokens < kMaxChunkTokens ? tokens : kMaxChunkTokens;
  return static_cast<size_t>(panel + chunk_tokens * TernaryPaddedCols(cols));
}

}  // namespace sterna
