// Q3_K: 256 weights in 16 groups of 16, each group with a six-bit signed scale of the block's f16 scale.
#include <algorithm>
#include <cmath>

#include "tensor/codecs_internal.h"

namespace sterna {
namespace {

constexpr int kBlock = 256, kGroup = 16, kGroups = kBlock / kGroup;
constexpr int kCodes = 32, kScales = 96, kBlockScale = 108;  // offsets in the block; the high bits are at 0
constexpr int kMaxCode = 4;                                  // codes lie in [-4, 3]
constexpr int kMaxScale = 32;                                // scales of groups in [-32, 31]
constexpr float kLargestValue = 1e9f;                        // beyond it no f16 scale is large enough

int RoundTo(float value, int limit) noexcept {
  return static_cast<int>(RoundHalfEven(std::clamp(value, static_cast<float>(-limit), static_cast<float>(limit - 1))));
}

// The factor of one group: codes of the step that sends the extreme value to -4, then up to five rounds in which each code may move
// to where it lowers the error, weighted by value^2 (ggml make_q3_quants; operations in its order).
float GroupScale(const float* values, int* codes) noexcept {
  float extreme = 0;
  for (int j = 0; j < kGroup; ++j) {
    if (std::fabs(values[j]) > std::fabs(extreme)) extreme = values[j];
  }
  if (std::fabs(extreme) < kDeadGroup) {
    std::fill_n(codes, kGroup, -kMaxCode);
    return 0;
  }
  const float inverse = -static_cast<float>(kMaxCode) / extreme;
  float value_code = 0, code_code = 0;
  for (int j = 0; j < kGroup; ++j) {
    codes[j] = RoundTo(inverse * values[j], kMaxCode);
    const auto code = static_cast<float>(codes[j]);
    const float weight = values[j] * values[j];
    value_code += weight * values[j] * code;
    code_code += weight * code * code;
  }
  for (int round = 0; round < 5; ++round) {
    bool has_moved = false;
    for (int j = 0; j < kGroup; ++j) {
      const auto code = static_cast<float>(codes[j]);
      const float weight = values[j] * values[j];
      float other_value_code = value_code - weight * values[j] * code;
      if (!(other_value_code > 0)) continue;
      float other_code_code = code_code - weight * code * code;
      const int moved = RoundTo(values[j] * other_code_code / other_value_code, kMaxCode);
      if (moved == codes[j]) continue;
      const auto moved_code = static_cast<float>(moved);
      other_value_code += weight * values[j] * moved_code;
      other_code_code += weight * moved_code * moved_code;
      if (other_code_code > 0 && other_value_code * other_value_code * code_code > value_code * value_code * other_code_code) {
        codes[j] = moved;
        value_code = other_value_code;
        code_code = other_code_code;
        has_moved = true;
      }
    }
    if (!has_moved) break;
  }
  return code_code > 0 ? value_code / code_code : 0.0f;
}

// Low nibbles of scales 0-7 and 8-15 in eight bytes, then four bytes with the high two bits of scales b, b+4, b+8, b+12.
int Scale(const std::byte* scales, int g) noexcept {
  const int low = static_cast<int>(scales[g % 8]) >> (g < 8 ? 0 : 4) & 15;
  const int high = static_cast<int>(scales[8 + g % 4]) >> (g / 4 * 2) & 3;
  return (low | high << 4) - kMaxScale;
}

}  // namespace

void DecodeQ3_K(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block + kBlockScale);
  for (int j = 0; j < kBlock; ++j) {
    const int low = static_cast<int>(block[kCodes + j / 128 * 32 + j % 32]) >> (j % 128 / 32 * 2) & 3;
    const int high = static_cast<int>(block[j % 32]) >> (j / 32) & 1;
    const float scale = d * static_cast<float>(Scale(block + kScales, j / kGroup));
    out[j] = scale * static_cast<float>((low | high << 2) - kMaxCode);
  }
}

bool EncodeQ3_K(const float* values, std::byte* block) noexcept {
  float scales[kGroups];
  int codes[kBlock];
  float extreme = 0;
  for (int j = 0; j < kBlock; ++j) {
    if (std::fabs(values[j]) > kLargestValue) return false;
  }
  for (int g = 0; g < kGroups; ++g) {
    scales[g] = GroupScale(values + kGroup * g, codes + kGroup * g);
    if (std::fabs(scales[g]) > std::fabs(extreme)) extreme = scales[g];
  }
  std::fill_n(block, kBlockScale + 2, std::byte{0});
  const float inverse = SafeRatio(-static_cast<float>(kMaxScale), extreme);
  if (!StoreF16(SafeInverse(inverse), block + kBlockScale)) return false;
  for (int g = 0; inverse != 0 && g < kGroups; ++g) {
    const int scale = RoundTo(inverse * scales[g], kMaxScale) + kMaxScale;
    block[kScales + g % 8] |= static_cast<std::byte>((scale & 15) << (g < 8 ? 0 : 4));
    block[kScales + 8 + g % 4] |= static_cast<std::byte>(scale >> 4 << (g / 4 * 2));
  }
  const float d = LoadF16(block + kBlockScale);
  for (int g = 0; g < kGroups; ++g) {
    const float step = d * static_cast<float>(Scale(block + kScales, g));
    if (step == 0) continue;  // decodes to 0 whatever the codes; ggml leaves those of the group's own step
    for (int j = kGroup * g; j < kGroup * (g + 1); ++j) codes[j] = RoundTo(values[j] / step, kMaxCode);
  }
  for (int j = 0; j < kBlock; ++j) {
    const int code = codes[j] + kMaxCode;
    block[j % 32] |= static_cast<std::byte>(code >> 2 << (j / 32));
    block[kCodes + j / 128 * 32 + j % 32] |= static_cast<std::byte>((code & 3) << (j % 128 / 32 * 2));
  }
  return true;
}

}  // namespace sterna
