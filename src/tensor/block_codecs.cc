// Q8_0, Q4_0, Q4_1: 32 weights around one scale. Encoders follow ggml's quantize_row_*_ref.
#include <algorithm>
#include <cmath>

#include "tensor/codecs_internal.h"

namespace sterna {
namespace {

constexpr int kBlock = 32;

void StoreNibbles(const uint8_t* codes, std::byte* out) noexcept {
  for (int j = 0; j < kBlock / 2; ++j) out[j] = static_cast<std::byte>(codes[j] | codes[j + kBlock / 2] << 4);
}

}  // namespace

void DecodeQ8_0(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block);
  for (int j = 0; j < kBlock; ++j) out[j] = d * static_cast<float>(static_cast<int8_t>(block[2 + j]));
}

void DecodeQ4_0(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block);
  for (int j = 0; j < kBlock / 2; ++j) {
    const int both = static_cast<int>(block[2 + j]);
    out[j] = d * static_cast<float>((both & 15) - 8);
    out[j + kBlock / 2] = d * static_cast<float>((both >> 4) - 8);
  }
}

void DecodeQ4_1(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block), m = LoadF16(block + 2);
  for (int j = 0; j < kBlock / 2; ++j) {
    const int both = static_cast<int>(block[4 + j]);
    out[j] = d * static_cast<float>(both & 15) + m;
    out[j + kBlock / 2] = d * static_cast<float>(both >> 4) + m;
  }
}

bool EncodeQ8_0(const float* values, std::byte* block) noexcept {
  float amax = 0;
  for (int j = 0; j < kBlock; ++j) amax = std::max(amax, std::fabs(values[j]));
  const float d = amax / 127.0f;
  const float inverse = SafeInverse(d);
  for (int j = 0; j < kBlock; ++j) block[2 + j] = static_cast<std::byte>(static_cast<int8_t>(std::round(values[j] * inverse)));
  return StoreF16(d, block);
}

bool EncodeQ4_0(const float* values, std::byte* block) noexcept {
  // The first value of largest magnitude becomes code 0, which stands for -8.
  float extreme = 0;
  for (int j = 0; j < kBlock; ++j) {
    if (std::fabs(values[j]) > std::fabs(extreme)) extreme = values[j];
  }
  const float d = extreme / -8.0f;
  const float inverse = SafeInverse(d);
  uint8_t codes[kBlock];
  for (int j = 0; j < kBlock; ++j) codes[j] = static_cast<uint8_t>(std::min(15, static_cast<int>(values[j] * inverse + 8.5f)));
  StoreNibbles(codes, block + 2);
  return StoreF16(d, block);
}

bool EncodeQ4_1(const float* values, std::byte* block) noexcept {
  const auto [low, high] = std::minmax_element(values, values + kBlock);
  const float min = *low;
  const float d = (*high - min) / 15.0f;
  const bool fits = StoreF16(d, block) && StoreF16(min, block + 2);
  if (!fits) return false;
  const float inverse = SafeInverse(d);
  uint8_t codes[kBlock];
  for (int j = 0; j < kBlock; ++j)
    codes[j] = static_cast<uint8_t>(std::min(15, static_cast<int>((values[j] - min) * inverse + 0.5f)));
  StoreNibbles(codes, block + 4);
  return true;
}

}  // namespace sterna
