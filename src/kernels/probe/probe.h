// What the machine allows, measured with the same instructions as the kernels: reading memory in order, and int8
// multiply-accumulates. The limits that a benchmark's figures are compared with.
#ifndef STERNA_KERNELS_PROBE_PROBE_H_
#define STERNA_KERNELS_PROBE_PROBE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

struct ReadProbeArgs {
  const std::byte* data;  ///< 64-byte aligned
  int64_t bytes;          ///< a multiple of 64
};

/// Reads the bytes once, in order, with the kernels' software prefetch, and returns the sum of their little-endian 64-bit words
/// modulo 2^64, so that no read can be left out. The same sum on every ISA. Prefetches past the end, reads nothing there. Cannot
/// fail.
using ReadProbeFunction = uint64_t (*)(const ReadProbeArgs&) noexcept;

/// From slow to fast; the first is plain C++.
std::span<const Kernel<ReadProbeFunction>> ReadProbeKernels();

struct MultiplyProbeArgs {
  const uint8_t* codes;  ///< [64], each <= 2, as ternary codes are; 64-byte aligned
  const int8_t* x;       ///< [64], each in [-127, 127]; 64-byte aligned
  int64_t rounds;        ///< >= 0
  uint32_t* sum;         ///< out: sum of all products modulo 2^32
};

/// Multiplies codes with x in registers, `rounds` times, by the instructions of the ternary kernels of its level: vpdpbusd on zmm
/// or ymm; vpmaddubsw into 16-bit sums that are widened every 64 products on AVX2; smmla, sdot or smlal (widened every 64) on
/// AArch64; plain C++ otherwise. Every product is of neighbours (codes[i], x[i]), but each level takes as many of the 64 as its
/// register holds, smmla half as many. Returns the number of multiply-accumulates done.
using MultiplyProbeFunction = int64_t (*)(const MultiplyProbeArgs&) noexcept;

/// From slow to fast; the first is plain C++.
std::span<const Kernel<MultiplyProbeFunction>> MultiplyProbeKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_PROBE_PROBE_H_
