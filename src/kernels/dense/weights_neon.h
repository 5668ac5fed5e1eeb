// Private to linear_neon.cc: how each weight type becomes vectors of 16 f32.
#ifndef STERNA_KERNELS_DENSE_WEIGHTS_NEON_H_
#define STERNA_KERNELS_DENSE_WEIGHTS_NEON_H_

#include <arm_neon.h>

#include "kernels/dense/panel.h"

namespace sterna {
namespace {

constexpr int64_t kQuarterLanes = kDenseLanes / 4;

/// The 16 lanes of the contract, a quarter in each register.
struct Vector {
  float32x4_t quarters[4];
};

inline float LoadF16(const std::byte* bytes) noexcept {
  __fp16 half;
  __builtin_memcpy(&half, bytes, sizeof(half));
  return half;
}

inline uint8x16_t LoadBytes(const std::byte* bytes) noexcept {
  return vld1q_u8(reinterpret_cast<const uint8_t*>(bytes));
}

inline Vector FloatsOfI8(int8x16_t bytes) noexcept {
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))}};
}
inline Vector Scale(float factor, Vector v) noexcept {
  STERNA_UNROLL
  for (float32x4_t& quarter : v.quarters) quarter = vmulq_n_f32(quarter, factor);
  return v;
}
inline int8x16_t LowNibbles(uint8x16_t bytes) noexcept {
  return vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15)));
}
inline int8x16_t HighNibbles(uint8x16_t bytes) noexcept {
  return vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
}

// A chunk is kCols columns in kBytes bytes that are decoded together, as vectors in the order of columns.
// kHasTail: cols may be any number, and a vector takes kBytes bytes for its kCols = 16 columns.

struct F32 {
  static constexpr int64_t kCols = 16, kBytes = 64;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* from = row + kBytes * chunk;
    STERNA_UNROLL
    for (int64_t i = 0; i < 4; ++i) w[0].quarters[i] = vreinterpretq_f32_u8(LoadBytes(from + 16 * i));
  }
};

struct F16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const float16x8_t low = vreinterpretq_f16_u8(LoadBytes(row + kBytes * chunk));
    const float16x8_t high = vreinterpretq_f16_u8(LoadBytes(row + kBytes * chunk + 16));
    w[0] = {{vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)), vcvt_high_f32_f16(high)}};
  }
};

struct Bf16 {
  static constexpr int64_t kCols = 16, kBytes = 32;
  static constexpr bool kHasTail = true;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const uint16x8_t zero = vdupq_n_u16(0);
    const uint16x8_t low = vreinterpretq_u16_u8(LoadBytes(row + kBytes * chunk));
    const uint16x8_t high = vreinterpretq_u16_u8(LoadBytes(row + kBytes * chunk + 16));
    const auto upper_half = [](uint16x8_t v) { return vreinterpretq_f32_u16(v); };
    w[0] = {{upper_half(vzip1q_u16(zero, low)), upper_half(vzip2q_u16(zero, low)), upper_half(vzip1q_u16(zero, high)),
             upper_half(vzip2q_u16(zero, high))}};
  }
};

struct Q8_0 {
  static constexpr int64_t kCols = 32, kBytes = 34;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const float d = LoadF16(block);
    w[0] = Scale(d, FloatsOfI8(vreinterpretq_s8_u8(LoadBytes(block + 2))));
    w[1] = Scale(d, FloatsOfI8(vreinterpretq_s8_u8(LoadBytes(block + 18))));
  }
};

struct Q4_0 {
  static constexpr int64_t kCols = 32, kBytes = 18;
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const float d = LoadF16(block);
    const uint8x16_t nibbles = LoadBytes(block + 2);
    const int8x16_t eight = vdupq_n_s8(8);
    w[0] = Scale(d, FloatsOfI8(vsubq_s8(LowNibbles(nibbles), eight)));
    w[1] = Scale(d, FloatsOfI8(vsubq_s8(HighNibbles(nibbles), eight)));
  }
};

struct Q4_1 {
  static constexpr int64_t kCols = 32, kBytes = 20;
  static constexpr bool kHasTail = false;
  // d * code is exact, so the fused form has the one rounding of d * code + m.
  static Vector Affine(float d, Vector codes, float m) noexcept {
    STERNA_UNROLL
    for (float32x4_t& quarter : codes.quarters) quarter = vfmaq_n_f32(vdupq_n_f32(m), quarter, d);
    return codes;
  }
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + kBytes * chunk;
    const float d = LoadF16(block), m = LoadF16(block + 2);
    const uint8x16_t nibbles = LoadBytes(block + 4);
    w[0] = Affine(d, FloatsOfI8(LowNibbles(nibbles)), m);
    w[1] = Affine(d, FloatsOfI8(HighNibbles(nibbles)), m);
  }
};

struct Q6_K {
  static constexpr int64_t kCols = 32, kBytes = 26;  // an eighth of a block of 210 bytes
  static constexpr bool kHasTail = false;
  static void Decode(const std::byte* row, int64_t chunk, Vector* w) noexcept {
    const std::byte* block = row + 210 * (chunk / 8);
    const int64_t half = chunk % 8 / 4, part = chunk % 4;
    const std::byte* low = block + 64 * half + 32 * (part % 2);
    const std::byte* high = block + 128 + 32 * half;
    const std::byte* scales = block + 192 + 2 * (chunk % 8);
    const float d = LoadF16(block + 208);
    // Shifts by a register, negative to the right: parts differ in nothing else.
    const int8x16_t low_shift = vdupq_n_s8(static_cast<int8_t>(part < 2 ? 0 : -4));
    const int8x16_t high_shift = vdupq_n_s8(static_cast<int8_t>(4 - 2 * part));
    STERNA_UNROLL
    for (int64_t i = 0; i < 2; ++i) {
      const uint8x16_t nibbles = vandq_u8(vshlq_u8(LoadBytes(low + 16 * i), low_shift), vdupq_n_u8(15));
      const uint8x16_t upper = vandq_u8(vshlq_u8(LoadBytes(high + 16 * i), high_shift), vdupq_n_u8(48));
      const int8x16_t q = vsubq_s8(vreinterpretq_s8_u8(vorrq_u8(nibbles, upper)), vdupq_n_s8(32));
      w[i] = Scale(d * static_cast<float>(static_cast<int8_t>(scales[i])), FloatsOfI8(q));
    }
  }
};

// The columns behind the last whole vector, `count` of them, zeros behind; reads no others.
template <class Type>
Vector DecodeTail(const std::byte* row, int64_t chunk, int64_t count) noexcept {
  std::byte bytes[Type::kBytes] = {};
  for (int64_t i = 0; i < count * Type::kBytes / Type::kCols; ++i) bytes[i] = row[Type::kBytes * chunk + i];
  Vector w;
  Type::Decode(bytes, 0, &w);
  return w;
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_DENSE_WEIGHTS_NEON_H_
