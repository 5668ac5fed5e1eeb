// The gated activations of feed-forward blocks.
#ifndef STERNA_KERNELS_GATE_GATE_H_
#define STERNA_KERNELS_GATE_GATE_H_

#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace sterna {

/// 2 sqrt(2/pi), and the factor of the cube in kGeluTanh.
inline constexpr float kGeluScale = 1.5957691216057308f;
inline constexpr float kGeluCubic = 0.044715f;

enum class Activation : uint8_t {
  kSilu,         ///< g / (1 + exp(-g))
  kReluSquared,  ///< max(g, 0)^2
  kGeluTanh,     ///< g / 2 * (1 + tanh(sqrt(2/pi) (g + 0.044715 g^3))), arXiv:1606.08415; `gelu_pytorch_tanh` of transformers
};

struct GateArgs {
  Activation activation;
  const float* gate;  ///< [n]
  const float* up;    ///< [n]
  int64_t n;
  float* y;  ///< [n]; may be gate or up itself
};

/// y[j] = act(gate[j]) * up[j]. kSilu: (g / (1 + Exp(-g))) * u with Exp of kernels/exp/exp.h. kReluSquared: (r * r) * u with
/// r = max(g, 0). kGeluTanh: with (1 + tanh(a)) / 2 = 1 / (1 + exp(-2a)), (g / (1 + Exp(-z))) * u, z = kGeluScale * (g +
/// kGeluCubic * ((g * g) * g)). One rounding per operation written here; bit-identical on every ISA. Cannot fail.
using GateFunction = void (*)(const GateArgs&) noexcept;

std::span<const Kernel<GateFunction>> GateKernels();

}  // namespace sterna

#endif  // STERNA_KERNELS_GATE_GATE_H_
