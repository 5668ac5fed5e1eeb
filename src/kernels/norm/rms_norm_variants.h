// The variants behind RmsNormKernels(). Callers take one from the list, which knows what the processor can run.
#ifndef STERNA_KERNELS_NORM_RMS_NORM_VARIANTS_H_
#define STERNA_KERNELS_NORM_RMS_NORM_VARIANTS_H_

#include "kernels/norm/rms_norm.h"

namespace sterna {

void RmsNormRef(const RmsNormArgs& args) noexcept;
void RmsNormAvx2(const RmsNormArgs& args) noexcept;
void RmsNormAvx512(const RmsNormArgs& args) noexcept;
void RmsNormNeon(const RmsNormArgs& args) noexcept;

inline constexpr int64_t kRmsNormLanes = 8;

/// The factor r of the contract from the eight lane sums: the shared end of every variant's first pass.
float InverseRms(const double lanes[kRmsNormLanes], int64_t n, float epsilon) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_NORM_RMS_NORM_VARIANTS_H_
