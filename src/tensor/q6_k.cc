// Q6_K: 256 weights in 16 groups of 16, each group with an 8-bit scale of the block's f16 scale.
#include <algorithm>
#include <cmath>

#include "tensor/codecs_internal.h"

namespace sterna {
namespace {

constexpr int kBlock = 256;
constexpr int kGroup = 16;
constexpr int kGroups = kBlock / kGroup;
constexpr int kHighBits = 128, kScales = 192, kBlockScale = 208;  // offsets in the block
constexpr int kMaxCode = 32;                                      // codes lie in [-32, 31]

int Code(float scaled) noexcept {
  constexpr float kMin = -kMaxCode, kMax = kMaxCode - 1;
  return static_cast<int>(RoundHalfEven(std::clamp(scaled, kMin, kMax)));
}

// How well codes = round(values * inverse) fit, each value weighted by its square: the best factor for these codes is
// value_code / code_code, and it removes value_code^2 / code_code of the weighted squared norm.
struct Fit {
  float value_code = 0;
  float code_code = 0;
};

Fit FitCodes(const float* values, float inverse) noexcept {
  Fit fit;
  for (int j = 0; j < kGroup; ++j) {
    const auto code = static_cast<float>(Code(inverse * values[j]));
    const float weight = values[j] * values[j];
    fit.value_code += weight * values[j] * code;
    fit.code_code += weight * code * code;
  }
  return fit;
}

// The factor of one group: of 19 candidate steps around the one that sends the extreme value to code -32, the one of least weighted
// squared error (ggml make_qx_quants with rmse_type 1; operations in its order). codes: [16], those of that step, plus 32.
float GroupScale(const float* values, uint8_t* codes) noexcept {
  float extreme = 0;
  for (int j = 0; j < kGroup; ++j) {
    if (std::fabs(values[j]) > std::fabs(extreme)) extreme = values[j];
  }
  if (std::fabs(extreme) < kDeadGroup) {
    std::fill_n(codes, kGroup, uint8_t{0});
    return 0;
  }
  float best_inverse = -static_cast<float>(kMaxCode) / extreme;
  const Fit first = FitCodes(values, best_inverse);
  float scale = first.code_code != 0 ? first.value_code / first.code_code : 0.0f;
  float best = scale * first.value_code;
  for (int step = -9; step <= 9; ++step) {
    if (step == 0) continue;
    const float inverse = -(static_cast<float>(kMaxCode) + 0.1f * static_cast<float>(step)) / extreme;
    const Fit fit = FitCodes(values, inverse);
    if (fit.code_code > 0 && fit.value_code * fit.value_code > best * fit.code_code) {
      scale = fit.value_code / fit.code_code;
      best = scale * fit.value_code;
      best_inverse = inverse;
    }
  }
  for (int j = 0; j < kGroup; ++j) codes[j] = static_cast<uint8_t>(Code(best_inverse * values[j]) + kMaxCode);
  return scale;
}

// codes: [256] in [0, 63].
void StoreCodes(const uint8_t* codes, std::byte* block) noexcept {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* c = codes + 128 * half;
    for (int j = 0; j < 64; ++j) block[64 * half + j] = static_cast<std::byte>((c[j] & 15) | (c[j + 64] & 15) << 4);
    for (int j = 0; j < 32; ++j) {
      block[kHighBits + 32 * half + j] =
          static_cast<std::byte>(c[j] >> 4 | (c[j + 32] >> 4) << 2 | (c[j + 64] >> 4) << 4 | (c[j + 96] >> 4) << 6);
    }
  }
}

}  // namespace

void DecodeQ6_K(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block + kBlockScale);
  for (int j = 0; j < kBlock; ++j) {
    const int half = j / 128, in_half = j % 128;
    const int low = static_cast<int>(block[64 * half + in_half % 64]) >> (in_half < 64 ? 0 : 4) & 15;
    const int high = static_cast<int>(block[kHighBits + 32 * half + in_half % 32]) >> (in_half / 32 * 2) & 3;
    const float scale = d * static_cast<float>(static_cast<int8_t>(block[kScales + j / kGroup]));
    out[j] = scale * static_cast<float>((low | high << 4) - 32);
  }
}

bool EncodeQ6_K(const float* values, std::byte* block) noexcept {
  float scales[kGroups];
  uint8_t codes[kBlock];
  float extreme = 0;
  for (int g = 0; g < kGroups; ++g) {
    scales[g] = GroupScale(values + kGroup * g, codes + kGroup * g);
    if (!std::isfinite(scales[g])) return false;  // squares overflowed: far beyond what an f16 scale can hold
    if (std::fabs(scales[g]) > std::fabs(extreme)) extreme = scales[g];
  }
  if (std::fabs(extreme) < kDeadGroup) {
    std::fill_n(block, kBlockScale + 2, std::byte{0});
    return true;
  }
  const float inverse = -128.0f / extreme;
  const uint16_t d = FloatToF16(1.0f / inverse);
  if ((d & 0x7c00u) == 0x7c00u) return false;
  StoreAs(d, block + kBlockScale);
  for (int g = 0; g < kGroups; ++g) {
    const int scale = std::min(127, static_cast<int>(RoundHalfEven(inverse * scales[g])));
    block[kScales + g] = static_cast<std::byte>(scale);
    const float step = F16ToFloat(d) * static_cast<float>(scale);
    if (step == 0) continue;  // decodes to 0 whatever the codes; ggml leaves those of the group's own step
    for (int j = kGroup * g; j < kGroup * (g + 1); ++j) codes[j] = static_cast<uint8_t>(Code(values[j] / step) + kMaxCode);
  }
  StoreCodes(codes, block);
  return true;
}

}  // namespace sterna
