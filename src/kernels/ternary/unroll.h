// Private to this family: writes short loops of constant length out, so that arrays of sums can live in registers.
#ifndef STERNA_KERNELS_TERNARY_UNROLL_H_
#define STERNA_KERNELS_TERNARY_UNROLL_H_

// GCC leaves such arrays in memory when the loop remains a loop, which costs more than half of the speed.
#if defined(__clang__)
#define STERNA_UNROLL _Pragma("unroll")
#else
#define STERNA_UNROLL _Pragma("GCC unroll 16")
#endif

#endif  // STERNA_KERNELS_TERNARY_UNROLL_H_
