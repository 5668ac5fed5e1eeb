// Q2_K, Q4_K, Q5_K: 256 weights in groups, each with a small scale and a small minimum of the block's two f16 factors.
#include <algorithm>
#include <cmath>

#include "tensor/codecs_internal.h"

namespace sterna {
namespace {

constexpr int kBlock = 256;
constexpr float kLargestValue = 1e9f;  // beyond it no f16 factor can hold the scale of any of these types

// What distinguishes the three types when a block is encoded.
struct KType {
  int group;         // weights that share scale and minimum
  int max_code;      // codes lie in [0, max_code]
  int max_scale;     // so do scales and minimums of groups
  float first_step;  // trial steps: (first_step + 0.1 i + max_code) / range, 0 <= i <= last_trial
  int last_trial;
  bool absolute_errors;  // else squared ones
};
constexpr KType kQ2K{16, 3, 15, -0.5f, 15, true};
constexpr KType kQ4K{32, 15, 63, -1.0f, 20, false};
constexpr KType kQ5K{32, 31, 63, -0.5f, 15, false};
constexpr int kMaxGroups = kBlock / 16, kMaxGroup = 32;

int RoundToCode(float value, int max_code) noexcept {
  return static_cast<int>(RoundHalfEven(std::clamp(value, 0.0f, static_cast<float>(max_code))));
}

struct GroupFit {
  float scale = 0;
  float minimum = 0;  // values = scale * code - minimum
};

float WeightedError(const KType& type, const float* values, const float* weights, const uint8_t* codes, float scale,
                    float low) noexcept {
  float error = 0;
  for (int j = 0; j < type.group; ++j) {
    const float difference = scale * static_cast<float>(codes[j]) + low - values[j];
    error += weights[j] * (type.absolute_errors ? std::fabs(difference) : difference * difference);
  }
  return error;
}

// Weighted least squares of scale and minimum for the codes of some trial steps; the trial of least error wins (ggml
// make_qkx2_quants; operations in its order). A better minimum moves the steps that are tried after it.
GroupFit FitGroup(const KType& type, const float* values, const float* weights, uint8_t* codes) noexcept {
  const int n = type.group;
  const auto max_code = static_cast<float>(type.max_code);
  const auto [least, most] = std::minmax_element(values, values + n);
  float low = std::min(*least, 0.0f);
  const float high = *most;
  float sum_w = 0, sum_x = 0;
  for (int j = 0; j < n; ++j) {
    sum_w += weights[j];
    sum_x += weights[j] * values[j];
  }
  std::fill_n(codes, n, uint8_t{0});
  if (high == low) return {0, -low};
  float inverse = max_code / (high - low);
  if (std::isinf(inverse)) return {};
  float scale = 1.0f / inverse;
  for (int j = 0; j < n; ++j) codes[j] = static_cast<uint8_t>(RoundToCode(inverse * (values[j] - low), type.max_code));
  float best_error = WeightedError(type, values, weights, codes, scale, low);
  for (int trial = 0; trial <= type.last_trial; ++trial) {
    inverse = (type.first_step + 0.1f * static_cast<float>(trial) + max_code) / (high - low);
    if (std::isinf(inverse)) break;
    uint8_t trial_codes[kMaxGroup];
    float sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (int j = 0; j < n; ++j) {
      const int code = RoundToCode(inverse * (values[j] - low), type.max_code);
      trial_codes[j] = static_cast<uint8_t>(code);
      const auto l = static_cast<float>(code);
      sum_l += weights[j] * l;
      sum_l2 += weights[j] * l * l;
      sum_xl += weights[j] * l * values[j];
    }
    const float determinant = sum_w * sum_l2 - sum_l * sum_l;
    if (!(determinant > 0)) continue;
    float trial_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    float trial_low = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    if (trial_low > 0) {
      trial_low = 0;
      trial_scale = sum_xl / sum_l2;
    }
    const float error = WeightedError(type, values, weights, trial_codes, trial_scale, trial_low);
    if (error < best_error) {
      std::copy_n(trial_codes, n, codes);
      best_error = error;
      scale = trial_scale;
      low = trial_low;
    }
  }
  return {scale, -low};
}

// One block, encoded but not yet packed.
struct EncodedBlock {
  uint8_t codes[kBlock];
  int scales[kMaxGroups], minimums[kMaxGroups];
  uint16_t d, dmin;  // f16
};

// False where a factor does not fit f16. `weights`: of one group, filled by `weigh`.
template <class Weigh>
bool EncodeBlock(const KType& type, const float* values, Weigh weigh, EncodedBlock* out) noexcept {
  for (int j = 0; j < kBlock; ++j) {
    if (std::fabs(values[j]) > kLargestValue) return false;
  }
  const int groups = kBlock / type.group;
  GroupFit fits[kMaxGroups];
  float largest_scale = 0, largest_minimum = 0;
  for (int g = 0; g < groups; ++g) {
    float weights[kMaxGroup];
    weigh(values + type.group * g, weights);
    fits[g] = FitGroup(type, values + type.group * g, weights, out->codes + type.group * g);
    largest_scale = std::max(largest_scale, fits[g].scale);
    largest_minimum = std::max(largest_minimum, fits[g].minimum);
  }
  const auto max_scale = static_cast<float>(type.max_scale);
  const float inverse_scale = SafeRatio(max_scale, largest_scale), inverse_minimum = SafeRatio(max_scale, largest_minimum);
  out->d = FloatToF16(largest_scale / max_scale);
  out->dmin = FloatToF16(largest_minimum / max_scale);
  if ((out->d & 0x7c00u) == 0x7c00u || (out->dmin & 0x7c00u) == 0x7c00u) return false;
  for (int g = 0; g < groups; ++g) {
    out->scales[g] = RoundToCode(inverse_scale * fits[g].scale, type.max_scale);
    out->minimums[g] = RoundToCode(inverse_minimum * fits[g].minimum, type.max_scale);
    const float scale = F16ToFloat(out->d) * static_cast<float>(out->scales[g]);
    if (scale == 0) continue;  // decodes to the minimum whatever the codes; ggml leaves those of the fit
    const float minimum = F16ToFloat(out->dmin) * static_cast<float>(out->minimums[g]);
    for (int j = type.group * g; j < type.group * (g + 1); ++j) {
      out->codes[j] = static_cast<uint8_t>(RoundToCode((values[j] + minimum) / scale, type.max_code));
    }
  }
  return true;
}

// Larger values count more, and none counts nothing: weight = root mean square of the group + |value|.
void WeighByMagnitude(const float* values, float* weights) noexcept {
  float squares = 0;
  for (int j = 0; j < 32; ++j) squares += values[j] * values[j];
  const float root_mean_square = std::sqrt(squares / 32.0f);
  for (int j = 0; j < 32; ++j) weights[j] = root_mean_square + std::fabs(values[j]);
}

// Eight six-bit scales and eight six-bit minimums in twelve bytes: those of groups 0-3 in bytes 0-3 and 4-7; of groups 4-7 the low
// nibbles in bytes 8-11, the high bits on top of bytes 0-7.
void StoreSixBitPairs(const EncodedBlock& block, std::byte* out) noexcept {
  for (int g = 0; g < 4; ++g) {
    const int scale = block.scales[g + 4], minimum = block.minimums[g + 4];
    out[g] = static_cast<std::byte>(block.scales[g] | (scale >> 4) << 6);
    out[g + 4] = static_cast<std::byte>(block.minimums[g] | (minimum >> 4) << 6);
    out[g + 8] = static_cast<std::byte>((scale & 15) | (minimum & 15) << 4);
  }
}
int SixBitScale(const std::byte* pairs, int g) noexcept {
  if (g < 4) return static_cast<int>(pairs[g]) & 63;
  return (static_cast<int>(pairs[g + 4]) & 15) | static_cast<int>(pairs[g - 4]) >> 6 << 4;
}
int SixBitMinimum(const std::byte* pairs, int g) noexcept {
  if (g < 4) return static_cast<int>(pairs[g + 4]) & 63;
  return static_cast<int>(pairs[g + 4]) >> 4 | static_cast<int>(pairs[g]) >> 6 << 4;
}

// Of each 64 codes the first 32 in the low nibbles of 32 bytes, the others in the high ones.
void StoreNibbles(const uint8_t* codes, std::byte* out) noexcept {
  for (int j = 0; j < kBlock / 2; ++j) {
    const uint8_t* c = codes + j / 32 * 64 + j % 32;
    out[j] = static_cast<std::byte>((c[0] & 15) | (c[32] & 15) << 4);
  }
}
int Nibble(const std::byte* nibbles, int j) noexcept {
  return static_cast<int>(nibbles[j / 64 * 32 + j % 32]) >> (j % 64 < 32 ? 0 : 4) & 15;
}

// Offsets in the blocks.
constexpr int kQ2Codes = 16, kQ2Factors = 80;
constexpr int kPairs = 4, kQ4Codes = 16, kQ5HighBits = 16, kQ5Codes = 48;

template <class Code>
void DecodePairs(const std::byte* block, Code code, float* out) noexcept {
  const float d = LoadF16(block), dmin = LoadF16(block + 2);
  for (int j = 0; j < kBlock; ++j) {
    const float scale = d * static_cast<float>(SixBitScale(block + kPairs, j / 32));
    const float minimum = dmin * static_cast<float>(SixBitMinimum(block + kPairs, j / 32));
    out[j] = scale * static_cast<float>(code(j)) - minimum;
  }
}

}  // namespace

void DecodeQ2_K(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block + kQ2Factors), dmin = LoadF16(block + kQ2Factors + 2);
  for (int j = 0; j < kBlock; ++j) {
    const int both = static_cast<int>(block[j / 16]);
    const int code = static_cast<int>(block[kQ2Codes + j / 128 * 32 + j % 32]) >> (j % 128 / 32 * 2) & 3;
    out[j] = d * static_cast<float>(both & 15) * static_cast<float>(code) - dmin * static_cast<float>(both >> 4);
  }
}

bool EncodeQ2_K(const float* values, std::byte* block) noexcept {
  EncodedBlock encoded;
  const auto weigh = [](const float* group, float* weights) {
    for (int j = 0; j < kQ2K.group; ++j) weights[j] = std::fabs(group[j]);
  };
  if (!EncodeBlock(kQ2K, values, weigh, &encoded)) return false;
  for (int g = 0; g < 16; ++g) block[g] = static_cast<std::byte>(encoded.scales[g] | encoded.minimums[g] << 4);
  for (int j = 0; j < 64; ++j) {
    const uint8_t* c = encoded.codes + j / 32 * 128 + j % 32;
    block[kQ2Codes + j] = static_cast<std::byte>(c[0] | c[32] << 2 | c[64] << 4 | c[96] << 6);
  }
  StoreAs(encoded.d, block + kQ2Factors);
  StoreAs(encoded.dmin, block + kQ2Factors + 2);
  return true;
}

void DecodeQ4_K(const std::byte* block, float* out) noexcept {
  DecodePairs(
      block, [block](int j) { return Nibble(block + kQ4Codes, j); }, out);
}

bool EncodeQ4_K(const float* values, std::byte* block) noexcept {
  EncodedBlock encoded;
  if (!EncodeBlock(kQ4K, values, WeighByMagnitude, &encoded)) return false;
  StoreAs(encoded.d, block);
  StoreAs(encoded.dmin, block + 2);
  StoreSixBitPairs(encoded, block + kPairs);
  StoreNibbles(encoded.codes, block + kQ4Codes);
  return true;
}

void DecodeQ5_K(const std::byte* block, float* out) noexcept {
  const auto code = [block](int j) {
    return Nibble(block + kQ5Codes, j) | (static_cast<int>(block[kQ5HighBits + j % 32]) >> (j / 32) & 1) << 4;
  };
  DecodePairs(block, code, out);
}

bool EncodeQ5_K(const float* values, std::byte* block) noexcept {
  EncodedBlock encoded;
  if (!EncodeBlock(kQ5K, values, WeighByMagnitude, &encoded)) return false;
  StoreAs(encoded.d, block);
  StoreAs(encoded.dmin, block + 2);
  StoreSixBitPairs(encoded, block + kPairs);
  for (int j = 0; j < 32; ++j) {
    int bits = 0;
    for (int k = 0; k < 8; ++k) bits |= encoded.codes[32 * k + j] >> 4 << k;
    block[kQ5HighBits + j] = static_cast<std::byte>(bits);
  }
  StoreNibbles(encoded.codes, block + kQ5Codes);
  return true;
}

}  // namespace sterna
