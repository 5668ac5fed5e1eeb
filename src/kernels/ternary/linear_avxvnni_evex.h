// For tests only: the AVX-VNNI variant with AVX-512 encoding.
#ifndef STERNA_KERNELS_TERNARY_LINEAR_AVXVNNI_EVEX_H_
#define STERNA_KERNELS_TERNARY_LINEAR_AVXVNNI_EVEX_H_

#include "kernels/ternary/linear.h"

namespace sterna {

/// Needs what Isa::kAvx512 needs. x86-64 only.
void TernaryLinearAvxVnniEvex(const TernaryLinearArgs& args) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_LINEAR_AVXVNNI_EVEX_H_
