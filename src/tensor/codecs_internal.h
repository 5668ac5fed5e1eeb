// One block at a time: the decoders and encoders behind encodings.h and ternary_rows.h. For the files of this room only.
#ifndef STERNA_TENSOR_CODECS_INTERNAL_H_
#define STERNA_TENSOR_CODECS_INTERNAL_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/half.h"

namespace sterna {

static_assert(std::endian::native == std::endian::little, "encodings are read and written as they lie in memory");

template <class T>
T LoadAs(const std::byte* bytes) noexcept {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}
template <class T>
void StoreAs(T value, std::byte* bytes) noexcept {
  std::memcpy(bytes, &value, sizeof(T));
}
inline float LoadF16(const std::byte* bytes) noexcept {
  return F16ToFloat(LoadAs<uint16_t>(bytes));
}

/// Stores `scale` rounded to f16; false where it becomes infinite (or was).
inline bool StoreF16(float scale, std::byte* out) noexcept {
  const uint16_t half = FloatToF16(scale);
  StoreAs(half, out);
  return (half & 0x7c00u) != 0x7c00u;
}
/// numerator / d; 0 where d is 0 or so small that the quotient overflows. Such a d is 0 in f16, so the codes do not matter.
inline float SafeRatio(float numerator, float d) noexcept {
  const float ratio = d == 0 ? 0.0f : numerator / d;
  return std::isinf(ratio) ? 0.0f : ratio;
}
inline float SafeInverse(float d) noexcept {
  return SafeRatio(1.0f, d);
}
/// Rounded to nearest, ties to even, for magnitudes below 2^22; a library call per weight would dominate the cost.
inline float RoundHalfEven(float value) noexcept {
  return (value + 0x1.8p23f) - 0x1.8p23f;
}
inline constexpr float kDeadGroup = 1e-15f;  // ggml's GROUP_MAX_EPS: a group below this magnitude counts as zeros

// Decode one block to f32.
void DecodeQ8_0(const std::byte* block, float* out) noexcept;
void DecodeQ4_0(const std::byte* block, float* out) noexcept;
void DecodeQ4_1(const std::byte* block, float* out) noexcept;
void DecodeQ5_0(const std::byte* block, float* out) noexcept;
void DecodeQ5_1(const std::byte* block, float* out) noexcept;
void DecodeQ2_K(const std::byte* block, float* out) noexcept;
void DecodeQ3_K(const std::byte* block, float* out) noexcept;
void DecodeQ4_K(const std::byte* block, float* out) noexcept;
void DecodeQ5_K(const std::byte* block, float* out) noexcept;
void DecodeQ6_K(const std::byte* block, float* out) noexcept;
void DecodeIQ4_NL(const std::byte* block, float* out) noexcept;
void DecodeMXFP4(const std::byte* block, float* out) noexcept;
void DecodeNVFP4(const std::byte* block, float* out) noexcept;

// Encode one block of finite values. False where a scale of the block is too large for f16; the block is then unspecified.
bool EncodeQ8_0(const float* values, std::byte* block) noexcept;
bool EncodeQ4_0(const float* values, std::byte* block) noexcept;
bool EncodeQ4_1(const float* values, std::byte* block) noexcept;
bool EncodeQ5_0(const float* values, std::byte* block) noexcept;
bool EncodeQ5_1(const float* values, std::byte* block) noexcept;
bool EncodeQ2_K(const float* values, std::byte* block) noexcept;
bool EncodeQ3_K(const float* values, std::byte* block) noexcept;
bool EncodeQ4_K(const float* values, std::byte* block) noexcept;
bool EncodeQ5_K(const float* values, std::byte* block) noexcept;
bool EncodeQ6_K(const float* values, std::byte* block) noexcept;
bool EncodeIQ4_NL(const float* values, std::byte* block) noexcept;

}  // namespace sterna

#endif  // STERNA_TENSOR_CODECS_INTERNAL_H_
