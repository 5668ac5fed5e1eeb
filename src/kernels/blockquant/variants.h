// Private to this family: the functions that the kernel lists name. Plain data: files with ISA flags include this.
#ifndef STERNA_KERNELS_BLOCKQUANT_VARIANTS_H_
#define STERNA_KERNELS_BLOCKQUANT_VARIANTS_H_

#include "kernels/blockquant/linear.h"
#include "kernels/blockquant/quantize.h"

namespace sterna {

void BlockQuantizeRef(const BlockQuantizeArgs& args) noexcept;

/// Q8_0, Q4_0, Q4_1 and Q6_K, as the variants below.
template <DType kType>
void BlockLinearRef(const BlockLinearArgs& args) noexcept;

#if defined(__x86_64__)
void BlockQuantizeAvx2(const BlockQuantizeArgs& args) noexcept;
void BlockQuantizeAvx512(const BlockQuantizeArgs& args) noexcept;

template <DType kType>
void BlockLinearAvx2(const BlockLinearArgs& args) noexcept;
template <DType kType>
void BlockLinearAvx512(const BlockLinearArgs& args) noexcept;
#elif defined(__aarch64__)
void BlockQuantizeNeon(const BlockQuantizeArgs& args) noexcept;

template <DType kType>
void BlockLinearNeon(const BlockLinearArgs& args) noexcept;
template <DType kType>
void BlockLinearNeonDotprod(const BlockLinearArgs& args) noexcept;
#endif

}  // namespace sterna

#endif  // STERNA_KERNELS_BLOCKQUANT_VARIANTS_H_
