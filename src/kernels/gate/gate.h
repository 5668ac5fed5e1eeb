// The gated activations of feed-forward blocks.
#ifndef STERNA_KERNELS_GATE_GATE_H_
#define STERNA_KERNELS_GATE_GATE_H_

#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

enum class Activation : uint8_t {
  kSilu,         ///< g / (1 + exp(-g))
  kReluSquared,  ///< max(g, 0)^2
};

struct GateArgs {
  Activation activation;
  const float* gate;  ///< [n]
  const float* up;    ///< [n]
  int64_t n;
  float* y;  ///< [n]; may be gate or up itself
};

/// y[j] = act(gate[j]) * up[j]. kSilu: (g / (1 + Exp(-g))) * u with Exp of kernels/exp/exp.h. kReluSquared: (r * r) * u with
/// r = max(g, 0). One rounding per operation written here; bit-identical on every ISA. Cannot fail.
using GateFunction = void (*)(const GateArgs&) noexcept;

std::span<const Kernel<GateFunction>> GateKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_GATE_GATE_H_
