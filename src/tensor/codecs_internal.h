// One block at a time: the decoders and encoders behind encodings.h and ternary_rows.h. For the files of this room only.
#ifndef STERNA_TENSOR_CODECS_INTERNAL_H_
#define STERNA_TENSOR_CODECS_INTERNAL_H_

#include <bit>
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

// Decode one block to f32.
void DecodeQ8_0(const std::byte* block, float* out) noexcept;
void DecodeQ4_0(const std::byte* block, float* out) noexcept;
void DecodeQ4_1(const std::byte* block, float* out) noexcept;
void DecodeQ6_K(const std::byte* block, float* out) noexcept;

// Encode one block of finite values. False where a scale of the block is too large for f16; the block is then unspecified.
bool EncodeQ8_0(const float* values, std::byte* block) noexcept;
bool EncodeQ4_0(const float* values, std::byte* block) noexcept;
bool EncodeQ4_1(const float* values, std::byte* block) noexcept;
bool EncodeQ6_K(const float* values, std::byte* block) noexcept;

// The codes of one ternary block as numbers in {-1, 0, 1}, and 2 where a 2-bit code is 3.
void UnpackTQ1_0(const std::byte* block, int8_t* values) noexcept;
void UnpackTQ2_0(const std::byte* block, int8_t* values) noexcept;
void UnpackI2_S(const std::byte* block, int8_t* values) noexcept;

// The reverse, for values in {-1, 0, 1}. Scales are the caller's.
void PackTQ1_0(const int8_t* values, std::byte* block) noexcept;
void PackTQ2_0(const int8_t* values, std::byte* block) noexcept;
void PackI2_S(const int8_t* values, std::byte* block) noexcept;

inline constexpr int64_t kTernaryBlock = 256;  // TQ1_0 and TQ2_0
inline constexpr int64_t kTQ1_0ScaleOffset = 52;
inline constexpr int64_t kTQ2_0ScaleOffset = 64;
inline constexpr int64_t kI2_SBlock = 128;

}  // namespace sterna

#endif  // STERNA_TENSOR_CODECS_INTERNAL_H_
