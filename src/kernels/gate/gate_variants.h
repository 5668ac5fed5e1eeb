// The variants behind GateKernels(). Callers take one from the list, which knows what the processor can run.
#ifndef STERNA_KERNELS_GATE_GATE_VARIANTS_H_
#define STERNA_KERNELS_GATE_GATE_VARIANTS_H_

#include "kernels/gate/gate.h"

namespace sterna {

void GateRef(const GateArgs& args) noexcept;
void GateAvx2(const GateArgs& args) noexcept;
void GateAvx512(const GateArgs& args) noexcept;
void GateNeon(const GateArgs& args) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_GATE_GATE_VARIANTS_H_
