// IQ4_NL, MXFP4, NVFP4: four-bit codes that choose from a table of 16 values.
#include <algorithm>
#include <cmath>

#include "tensor/codecs_internal.h"

namespace sterna {
namespace {

constexpr int kBlock = 32;

// ggml's kvalues_iq4nl: fitted to the distribution of weights.
constexpr int8_t kNonlinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
// e2m1 numbers of the OCP microscaling formats, doubled.
constexpr int8_t kE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// 2^(exponent - 128), half of what the exponent byte says, since kE2M1 is doubled. Denormal for 0 and 1; no byte is NaN, as in
// ggml.
float HalfOfE8M0(uint8_t exponent) noexcept {
  const uint32_t bits = exponent < 2 ? 0x00200000u << exponent : static_cast<uint32_t>(exponent - 1) << 23;
  return std::bit_cast<float>(bits);
}

// Unsigned e4m3, bias 7, halved since kE2M1 is doubled; 0x7f counts as 0, as in ggml.
float HalfOfUnsignedE4M3(uint8_t byte) noexcept {
  if (byte == 0 || byte == 0x7f) return 0;
  const int exponent = byte >> 3 & 15, mantissa = byte & 7;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                        : std::ldexp(1.0f + static_cast<float>(mantissa) / 8.0f, exponent - 7);
  return magnitude * 0.5f;
}

int NearestNonlinear(float value) noexcept {
  if (value <= kNonlinear[0]) return 0;
  if (value >= kNonlinear[15]) return 15;
  int high = 1;
  while (value >= kNonlinear[high]) ++high;
  return value - kNonlinear[high - 1] < kNonlinear[high] - value ? high - 1 : high;
}

void StoreNibbles(const int* codes, std::byte* out) noexcept {
  for (int j = 0; j < kBlock / 2; ++j) out[j] = static_cast<std::byte>(codes[j] | codes[j + kBlock / 2] << 4);
}

}  // namespace

void DecodeIQ4_NL(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block);
  for (int j = 0; j < kBlock / 2; ++j) {
    const auto both = static_cast<uint8_t>(block[2 + j]);
    out[j] = d * static_cast<float>(kNonlinear[both & 15]);
    out[j + kBlock / 2] = d * static_cast<float>(kNonlinear[both >> 4]);
  }
}

void DecodeMXFP4(const std::byte* block, float* out) noexcept {
  const float d = HalfOfE8M0(static_cast<uint8_t>(block[0]));
  for (int j = 0; j < kBlock / 2; ++j) {
    const auto both = static_cast<uint8_t>(block[1 + j]);
    out[j] = d * static_cast<float>(kE2M1[both & 15]);
    out[j + kBlock / 2] = d * static_cast<float>(kE2M1[both >> 4]);
  }
}

void DecodeNVFP4(const std::byte* block, float* out) noexcept {
  for (int group = 0; group < 4; ++group) {
    const float d = HalfOfUnsignedE4M3(static_cast<uint8_t>(block[group]));
    for (int j = 0; j < 8; ++j) {
      const auto both = static_cast<uint8_t>(block[4 + 8 * group + j]);
      out[16 * group + j] = d * static_cast<float>(kE2M1[both & 15]);
      out[16 * group + 8 + j] = d * static_cast<float>(kE2M1[both >> 4]);
    }
  }
}

namespace {

// A step d for the block by least squares over the codes that `inverse` gives, errors weighted by value^2: value_code / code_code.
struct TableFit {
  float value_code = 0;
  float code_code = 0;
};
TableFit FitTable(const float* values, float inverse) noexcept {
  TableFit fit;
  for (int j = 0; j < kBlock; ++j) {
    const auto entry = static_cast<float>(kNonlinear[NearestNonlinear(inverse * values[j])]);
    const float weight = values[j] * values[j];
    fit.value_code += weight * entry * values[j];
    fit.code_code += weight * entry * entry;
  }
  return fit;
}

}  // namespace

bool EncodeIQ4_NL(const float* values, std::byte* block) noexcept {
  float extreme = 0;
  for (int j = 0; j < kBlock; ++j) {
    if (std::fabs(values[j]) > std::fabs(extreme)) extreme = values[j];
  }
  if (std::fabs(extreme) < kDeadGroup) {
    std::fill_n(block, 2 + kBlock / 2, std::byte{0});
    return true;
  }
  // First the step that sends the extreme value to +127, then 15 around the one that sends it to -127: the one of least error.
  const TableFit first = FitTable(values, 1.0f / (-extreme / static_cast<float>(kNonlinear[0])));
  float d = first.code_code > 0 ? first.value_code / first.code_code : 0.0f;
  float best = d * first.value_code;
  for (int step = -7; step <= 7; ++step) {
    const TableFit fit = FitTable(values, static_cast<float>(step + kNonlinear[0]) / extreme);
    if (fit.code_code > 0 && fit.value_code * fit.value_code > best * fit.code_code) {
      d = fit.value_code / fit.code_code;
      best = d * fit.value_code;
    }
  }
  if (!std::isfinite(d)) return false;  // squares overflowed: far beyond what an f16 scale can hold
  const float inverse = SafeInverse(d);
  int codes[kBlock];
  for (int j = 0; j < kBlock; ++j) codes[j] = NearestNonlinear(inverse * values[j]);
  StoreNibbles(codes, block + 2);
  return StoreF16(d, block);
}

}  // namespace sterna
