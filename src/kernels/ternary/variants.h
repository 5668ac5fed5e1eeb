// Private to this family: the functions that the kernel lists name, one per instruction set.
#ifndef STERNA_KERNELS_TERNARY_VARIANTS_H_
#define STERNA_KERNELS_TERNARY_VARIANTS_H_

#include "kernels/ternary/linear.h"
#include "kernels/ternary/quantize.h"

namespace sterna {

void QuantizeRef(const QuantizeArgs& args) noexcept;
void TernaryLinearRef(const TernaryLinearArgs& args) noexcept;
void FiveTritLinearRef(const TernaryLinearArgs& args) noexcept;

#if defined(__x86_64__)
void QuantizeAvx2(const QuantizeArgs& args) noexcept;
void QuantizeAvx512(const QuantizeArgs& args) noexcept;
void TernaryLinearAvx2(const TernaryLinearArgs& args) noexcept;
void TernaryLinearAvxVnni(const TernaryLinearArgs& args) noexcept;
void TernaryLinearAvx512(const TernaryLinearArgs& args) noexcept;
void FiveTritLinearAvx512Vbmi(const TernaryLinearArgs& args) noexcept;
#elif defined(__aarch64__)
void QuantizeNeon(const QuantizeArgs& args) noexcept;
void TernaryLinearNeon(const TernaryLinearArgs& args) noexcept;
void TernaryLinearNeonDotprod(const TernaryLinearArgs& args) noexcept;
void TernaryLinearNeonI8mm(const TernaryLinearArgs& args) noexcept;
#endif

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_VARIANTS_H_
