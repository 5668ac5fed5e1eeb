// The arithmetic limit that products of f32 are compared with: fused multiply-adds from registers, without loads or stores.
#ifndef STERNA_BENCH_FMA_PEAK_H_
#define STERNA_BENCH_FMA_PEAK_H_

#include <cstdint>

namespace sterna {

/// Runs `steps` rounds of 12 independent sums; returns how many multiply-adds of one lane that was. `sink` keeps the work alive.
using FmaPeakFunction = int64_t (*)(int64_t steps, float* sink) noexcept;

#if defined(__x86_64__)
int64_t FmaPeakAvx2(int64_t steps, float* sink) noexcept;
int64_t FmaPeakAvx512(int64_t steps, float* sink) noexcept;
#endif

}  // namespace sterna

#endif  // STERNA_BENCH_FMA_PEAK_H_
