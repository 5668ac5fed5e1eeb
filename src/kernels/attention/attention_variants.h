// The variants behind AttentionKernels(). Callers take one from the list, which knows what the processor can run.
#ifndef STERNA_KERNELS_ATTENTION_ATTENTION_VARIANTS_H_
#define STERNA_KERNELS_ATTENTION_ATTENTION_VARIANTS_H_

#include "kernels/attention/attention.h"

namespace sterna {

void AttentionRef(const AttentionArgs& args) noexcept;
void AttentionAvx2(const AttentionArgs& args) noexcept;
void AttentionAvx512(const AttentionArgs& args) noexcept;
void AttentionNeon(const AttentionArgs& args) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_ATTENTION_ATTENTION_VARIANTS_H_
