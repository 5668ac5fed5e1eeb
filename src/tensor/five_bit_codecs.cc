// Q5_0, Q5_1: 32 weights of five bits around one scale. Encoders follow ggml's quantize_row_*_ref.
#include <algorithm>
#include <cmath>

#include "tensor/codecs_internal.h"

namespace sterna {
namespace {

constexpr int kBlock = 32;

// Fifth bits as one little-endian word, bit j of it that of weight j; then the nibbles as in Q4_0.
void StoreFiveBits(const uint8_t* codes, std::byte* out) noexcept {
  uint32_t high = 0;
  for (int j = 0; j < kBlock; ++j) high |= static_cast<uint32_t>(codes[j] >> 4) << j;
  StoreAs(high, out);
  for (int j = 0; j < kBlock / 2; ++j) out[4 + j] = static_cast<std::byte>((codes[j] & 15) | (codes[j + kBlock / 2] & 15) << 4);
}

int FiveBits(const std::byte* high_and_nibbles, int j) noexcept {
  const auto high = LoadAs<uint32_t>(high_and_nibbles);
  const int nibble = static_cast<int>(high_and_nibbles[4 + j % 16]) >> (j < 16 ? 0 : 4) & 15;
  return nibble | static_cast<int>(high >> j & 1) << 4;
}

}  // namespace

void DecodeQ5_0(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block);
  for (int j = 0; j < kBlock; ++j) out[j] = d * static_cast<float>(FiveBits(block + 2, j) - 16);
}

void DecodeQ5_1(const std::byte* block, float* out) noexcept {
  const float d = LoadF16(block), m = LoadF16(block + 2);
  for (int j = 0; j < kBlock; ++j) out[j] = d * static_cast<float>(FiveBits(block + 4, j)) + m;
}

bool EncodeQ5_0(const float* values, std::byte* block) noexcept {
  // The first value of largest magnitude becomes code 0, which stands for -16.
  float extreme = 0;
  for (int j = 0; j < kBlock; ++j) {
    if (std::fabs(values[j]) > std::fabs(extreme)) extreme = values[j];
  }
  const float d = extreme / -16.0f;
  const float inverse = SafeInverse(d);
  uint8_t codes[kBlock];
  for (int j = 0; j < kBlock; ++j) codes[j] = static_cast<uint8_t>(std::min(31, static_cast<int>(values[j] * inverse + 16.5f)));
  StoreFiveBits(codes, block + 2);
  return StoreF16(d, block);
}

bool EncodeQ5_1(const float* values, std::byte* block) noexcept {
  const auto [low, high] = std::minmax_element(values, values + kBlock);
  const float min = *low;
  const float d = (*high - min) / 31.0f;
  const bool fits = StoreF16(d, block) && StoreF16(min, block + 2);
  if (!fits) return false;
  const float inverse = SafeInverse(d);
  uint8_t codes[kBlock];
  // ggml takes the code modulo 256 without a bound; it exceeds 31 by rounding only, never far enough for the difference to show
  // in five bits other than as 32.
  for (int j = 0; j < kBlock; ++j)
    codes[j] = static_cast<uint8_t>(std::min(31, static_cast<int>((values[j] - min) * inverse + 0.5f)));
  StoreFiveBits(codes, block + 4);
  return true;
}

}  // namespace sterna
