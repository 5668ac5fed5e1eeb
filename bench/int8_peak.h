// The arithmetic limit that products of int8 are compared with: multiply-accumulates from registers, without loads or stores.
#ifndef STERNA_BENCH_INT8_PEAK_H_
#define STERNA_BENCH_INT8_PEAK_H_

#include <cstdint>

namespace sterna {

/// Runs `steps` rounds of independent sums; returns how many multiply-accumulates that was. `sink` keeps the work alive.
using Int8PeakFunction = int64_t (*)(int64_t steps, int32_t* sink) noexcept;

#if defined(__x86_64__)
int64_t Int8PeakAvx2(int64_t steps, int32_t* sink) noexcept;    ///< vpmaddubsw and vpaddw on ymm
int64_t Int8PeakAvx512(int64_t steps, int32_t* sink) noexcept;  ///< vpdpbusd on zmm
#endif

}  // namespace sterna

#endif  // STERNA_BENCH_INT8_PEAK_H_
