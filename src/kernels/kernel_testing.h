// What the tests of all families share: the variants that this machine can run, inputs, and comparison to the bit.
#ifndef STERNA_KERNELS_KERNEL_TESTING_H_
#define STERNA_KERNELS_KERNEL_TESTING_H_

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "base/cpu_features.h"
#include "base/rng.h"
#include "kernels/kernel.h"

namespace sterna {

/// The variants of `list` that this processor can run; the reference is the first.
template <class Function>
std::vector<Kernel<Function>> RunnableKernels(std::span<const Kernel<Function>> list) {
  std::vector<Kernel<Function>> runnable;
  for (const auto& kernel : list) {
    if (HostCpu().Contains(IsaFeatures(kernel.info.isa))) runnable.push_back(kernel);
  }
  return runnable;
}

/// n normally distributed numbers times `scale`, with a zero and a minus zero among them.
inline std::vector<float> NormalFloats(int64_t n, uint64_t seed, float scale = 1.0f) {
  RngStream random{.key = seed};
  std::vector<float> x(static_cast<size_t>(n));
  for (float& value : x) value = static_cast<float>(random.NextNormal()) * scale;
  if (n > 4) x[static_cast<size_t>(n / 2)] = 0.0f, x[static_cast<size_t>(n / 3)] = -0.0f;
  return x;
}

inline std::vector<uint32_t> Bits(std::span<const float> x) {
  std::vector<uint32_t> bits;
  bits.reserve(x.size());
  for (const float value : x) bits.push_back(std::bit_cast<uint32_t>(value));
  return bits;
}

/// Half a unit in the last place of 1: the relative error of one rounding to f32.
inline constexpr double kRounding = 0x1p-24;

}  // namespace sterna

#endif  // STERNA_KERNELS_KERNEL_TESTING_H_
