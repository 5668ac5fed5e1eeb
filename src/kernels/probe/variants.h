// Private to this family: the variants behind the lists of kernels.cc.
#ifndef STERNA_KERNELS_PROBE_VARIANTS_H_
#define STERNA_KERNELS_PROBE_VARIANTS_H_

#include <cstdint>

#include "kernels/probe/probe.h"

namespace sterna {

/// How far ahead of the reads every variant prefetches: one page.
inline constexpr int64_t kProbePrefetchBytes = 4096;

uint64_t ReadProbeRef(const ReadProbeArgs& args) noexcept;
uint64_t ReadProbeAvx2(const ReadProbeArgs& args) noexcept;
uint64_t ReadProbeAvx512(const ReadProbeArgs& args) noexcept;
uint64_t ReadProbeNeon(const ReadProbeArgs& args) noexcept;

int64_t MultiplyProbeRef(const MultiplyProbeArgs& args) noexcept;
int64_t MultiplyProbeAvx2(const MultiplyProbeArgs& args) noexcept;
int64_t MultiplyProbeAvxVnni(const MultiplyProbeArgs& args) noexcept;
int64_t MultiplyProbeAvx512(const MultiplyProbeArgs& args) noexcept;
int64_t MultiplyProbeNeon(const MultiplyProbeArgs& args) noexcept;
int64_t MultiplyProbeNeonDotprod(const MultiplyProbeArgs& args) noexcept;
int64_t MultiplyProbeNeonI8mm(const MultiplyProbeArgs& args) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_PROBE_VARIANTS_H_
