// The codes of TQ1_0, TQ2_0 and I2_S blocks as small integers, and back.
#include "tensor/codecs_internal.h"

namespace sterna {
namespace {

// TQ1_0 stores digits in three runs of bytes: `count` bytes of `digits` digits, digit n of byte m being weight first + m + count *
// n.
struct TritRun {
  int first_byte, count, digits, first;
};
constexpr TritRun kTritRuns[] = {{0, 32, 5, 0}, {32, 16, 5, 160}, {48, 4, 4, 240}};

}  // namespace

void UnpackTQ1_0(const std::byte* block, int8_t* values) noexcept {
  for (const TritRun& run : kTritRuns) {
    for (int m = 0; m < run.count; ++m) {
      auto rest = static_cast<uint8_t>(block[run.first_byte + m]);
      for (int n = 0; n < run.digits; ++n) {
        values[run.first + m + run.count * n] = static_cast<int8_t>((rest * 3 >> 8) - 1);
        rest = static_cast<uint8_t>(rest * 3);
      }
    }
  }
}

void PackTQ1_0(const int8_t* values, std::byte* block) noexcept {
  for (const TritRun& run : kTritRuns) {
    for (int m = 0; m < run.count; ++m) {
      int number = 0;  // five base-3 digits; the fifth is 0 where a byte holds four
      for (int n = 0; n < 5; ++n) number = number * 3 + (n < run.digits ? values[run.first + m + run.count * n] + 1 : 0);
      block[run.first_byte + m] = static_cast<std::byte>((number * 256 + 242) / 243);
    }
  }
}

void UnpackTQ2_0(const std::byte* block, int8_t* values) noexcept {
  for (int j = 0; j < kTernaryBlock; ++j) {
    const int byte = static_cast<int>(block[j / 128 * 32 + j % 32]);
    values[j] = static_cast<int8_t>((byte >> (j % 128 / 32 * 2) & 3) - 1);
  }
}

void PackTQ2_0(const int8_t* values, std::byte* block) noexcept {
  for (int m = 0; m < 64; ++m) {
    const int8_t* v = values + m / 32 * 128 + m % 32;
    block[m] = static_cast<std::byte>((v[0] + 1) | (v[32] + 1) << 2 | (v[64] + 1) << 4 | (v[96] + 1) << 6);
  }
}

void UnpackI2_S(const std::byte* block, int8_t* values) noexcept {
  for (int j = 0; j < kI2_SBlock; ++j) {
    const int byte = static_cast<int>(block[j % 32]);
    values[j] = static_cast<int8_t>((byte >> (6 - j / 32 * 2) & 3) - 1);
  }
}

void PackI2_S(const int8_t* values, std::byte* block) noexcept {
  for (int m = 0; m < 32; ++m) {
    const int8_t* v = values + m;
    block[m] = static_cast<std::byte>((v[0] + 1) << 6 | (v[32] + 1) << 4 | (v[64] + 1) << 2 | (v[96] + 1));
  }
}

}  // namespace sterna
