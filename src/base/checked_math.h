// Arithmetic on numbers that come from outside: every product and sum says whether it fits.
#ifndef STERNA_BASE_CHECKED_MATH_H_
#define STERNA_BASE_CHECKED_MATH_H_

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>

namespace sterna {

/// a * b, or nothing where the result does not fit T.
template <std::integral T>
constexpr std::optional<T> CheckedMul(T a, T b) {
  T out;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

/// a + b, or nothing where the result does not fit T.
template <std::integral T>
constexpr std::optional<T> CheckedAdd(T a, T b) {
  T out;
  if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
  return out;
}

/// The same value in another integer type, or nothing where it does not fit.
template <std::integral To, std::integral From>
constexpr std::optional<To> CheckedCast(From value) {
  To out;
  if (__builtin_add_overflow(value, From{0}, &out)) return std::nullopt;
  return out;
}

/// value rounded up to a multiple of `multiple` (> 0), or nothing on overflow. value >= 0.
template <std::integral T>
constexpr std::optional<T> CheckedRoundUp(T value, T multiple) {
  const T remainder = static_cast<T>(value % multiple);
  if (remainder == 0) return value;
  return CheckedAdd(value, static_cast<T>(multiple - remainder));
}

/// value rounded up to a multiple; for numbers already known to be small.
template <std::integral T>
constexpr T RoundUp(T value, T multiple) {
  return static_cast<T>((value + multiple - 1) / multiple * multiple);
}

}  // namespace sterna

#endif  // STERNA_BASE_CHECKED_MATH_H_
