// Root-mean-square normalization.
#ifndef STERNA_KERNELS_NORM_RMS_NORM_H_
#define STERNA_KERNELS_NORM_RMS_NORM_H_

#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

struct RmsNormArgs {
  const float* x;       ///< [n], 64 readable bytes past the end
  const float* weight;  ///< [n], or null for all ones
  int64_t n;            ///< >= 1
  float epsilon;
  float* y;  ///< [n]; may be x itself
};

/// y[j] = (x[j] * r) * weight[j] with r = float(1 / sqrt(mean(x^2) + epsilon)) (arXiv:1910.07467, order as in transformers
/// LlamaRMSNorm). The mean is taken in f64: lane l of 8 sums x[j]^2 (exact in f64) for j = l mod 8 in rising order; then lanes l
/// and l+4 are added, then l+2, l+1; the sum is divided by n, epsilon added, square root, reciprocal, one rounding to f32.
/// Bit-identical on every ISA. Cannot fail.
using RmsNormFunction = void (*)(const RmsNormArgs&) noexcept;

std::span<const Kernel<RmsNormFunction>> RmsNormKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_NORM_RMS_NORM_H_
