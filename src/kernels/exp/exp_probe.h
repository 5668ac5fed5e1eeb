// The vector forms of Exp as plain functions, for exp_test.cc alone.
#ifndef STERNA_KERNELS_EXP_EXP_PROBE_H_
#define STERNA_KERNELS_EXP_EXP_PROBE_H_

#include <cstdint>

namespace sterna {

/// y[j] = the vector Exp of x[j]; n is a multiple of 16.
void ExpAllAvx2(const float* x, int64_t n, float* y) noexcept;
void ExpAllAvx512(const float* x, int64_t n, float* y) noexcept;
void ExpAllNeon(const float* x, int64_t n, float* y) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_EXP_EXP_PROBE_H_
