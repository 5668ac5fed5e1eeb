// Private to this family's files with ISA flags: how loops over registers are written.
#ifndef STERNA_KERNELS_BLOCKQUANT_UNROLL_H_
#define STERNA_KERNELS_BLOCKQUANT_UNROLL_H_

// GCC leaves arrays of sums in memory unless their loops are written out and the functions that share them are one.
#define STERNA_UNROLL _Pragma("GCC unroll 16")
#define STERNA_INLINE [[gnu::always_inline]] inline

#endif  // STERNA_KERNELS_BLOCKQUANT_UNROLL_H_
