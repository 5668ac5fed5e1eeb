// The exponential that every variant of attention and gates computes with the same operations, so that results agree to the bit.
#ifndef STERNA_KERNELS_EXP_EXP_H_
#define STERNA_KERNELS_EXP_EXP_H_

namespace sterna {

// Exp(x), in f32, every step rounded to nearest even:
//   NaN gives the same NaN, made quiet; x < kExpLow gives +0 (-inf too); x > kExpHigh counts as kExpHigh (+inf too); otherwise
//   n = round_half_even(x * kLog2E);  r = fma(n, -kLn2High, x);  r = fma(n, -kLn2Low, r)
//   p = kExpC[5]; for i = 4 .. 0: p = fma(p, r, kExpC[i]);  p = fma(p * r, r, r) + 1      (kExpC: of r^2 upwards)
//   Exp = p * 2^n by adding n to the exponent bits (n in [-126, 127], so the result is normal).
// exp_avx2.h, exp_avx512.h and exp_neon.h do the same in vectors, for files with those flags.
inline constexpr float kExpLow = -87.33654f;  // below, the result would be denormal
inline constexpr float kExpHigh = 88.02969f;  // 127 * ln 2: n stays at most 127
inline constexpr float kLog2E = 1.44269504f;
inline constexpr float kLn2High = 0.693359375f;  // 10 significant bits: n * kLn2High is exact
inline constexpr float kLn2Low = -2.12194440e-4f;
// Minimax coefficients for (exp(r) - 1 - r) / r^2 on [-ln2/2, ln2/2], as in the Cephes library's expf. Not inline: an unoptimized
// vector file would define it as a weak symbol.
constexpr float kExpC[6] = {5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f,
                            8.3334519073e-3f, 1.3981999507e-3f, 1.9875691500e-4f};

/// The scalar form, for reference kernels and tails. Relative error below 2 units in the last place on [kExpLow, kExpHigh].
float Exp(float x) noexcept;

}  // namespace sterna

#endif  // STERNA_KERNELS_EXP_EXP_H_
