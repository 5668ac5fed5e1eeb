// The variants behind RopeKernels(). Callers take one from the list, which knows what the processor can run.
#ifndef STERNA_KERNELS_ROPE_ROPE_VARIANTS_H_
#define STERNA_KERNELS_ROPE_ROPE_VARIANTS_H_

#include "kernels/rope/rope.h"

namespace sterna {

void RopeRef(const RopeArgs& args) noexcept;
void RopeAvx2(const RopeArgs& args) noexcept;
void RopeAvx512(const RopeArgs& args) noexcept;
void RopeNeon(const RopeArgs& args) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_ROPE_ROPE_VARIANTS_H_
