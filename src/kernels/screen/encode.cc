// Rows to 6 bits, with norms of what the rounding changed. Everything that a bound rests on is computed in double from the numbers
// that were stored, and rounded upwards.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/screen/screen.h"

namespace sterna {
namespace {

constexpr float kMaxMagnitude = 0x1p50f;
// Rows below this have no codes, only norms: products of their scales could underflow.
constexpr float kMinMagnitude = 0x1p-60f;
constexpr double kMaxByte = 255;
// More than what a sum of squares, its root and a conversion to float can lose.
constexpr double kUpwards = 1 + 0x1p-20;

struct Group {
  std::array<uint8_t, kScreenGroup> codes;
  uint8_t scale;
  double error_squares = 0, row_squares = 0, screen_squares = 0;
};

/// The smallest step that keeps every weight within the codes -32 .. 31.
float NeededStep(const float* w, int64_t n) noexcept {
  float low = 0, high = 0;
  for (int64_t i = 0; i < n; ++i) {
    low = std::min(low, w[i]);
    high = std::max(high, w[i]);
  }
  return std::max(high / 31.0f, low / -32.0f);
}

void EncodeGroup(const float* w, int64_t n, float row_scale, float needed_step, Group* group) noexcept {
  const double wanted = row_scale > 0 ? std::ceil(static_cast<double>(needed_step) / static_cast<double>(row_scale)) : 0.0;
  const double scale = std::min(wanted, kMaxByte);
  const double step = scale * static_cast<double>(row_scale);
  const float inverse = step > 0 ? static_cast<float>(1 / step) : 0.0f;
  group->scale = static_cast<uint8_t>(scale);
  group->codes.fill(32);
  for (int64_t i = 0; i < n; ++i) {
    const float shifted = std::clamp(w[i] * inverse + 32.5f, 0.0f, 63.0f);
    const auto code = static_cast<int32_t>(shifted);
    group->codes[static_cast<size_t>(i)] = static_cast<uint8_t>(code);
    const double screen = step * static_cast<double>(code - 32), exact = static_cast<double>(w[i]);
    group->error_squares += (exact - screen) * (exact - screen);
    group->row_squares += exact * exact;
    group->screen_squares += screen * screen;
  }
}

void PackBlock(const Group& first, const Group& second, std::byte* out) noexcept {
  std::array<uint8_t, kScreenBlock> codes;
  std::ranges::copy(first.codes, codes.begin());
  std::ranges::copy(second.codes, codes.begin() + kScreenGroup);
  for (size_t j = 0; j < 32; ++j) out[j] = static_cast<std::byte>((codes[j] & 15) | (codes[32 + j] & 15) << 4);
  for (size_t j = 0; j < 16; ++j) {
    out[32 + j] =
        static_cast<std::byte>(codes[j] >> 4 | codes[16 + j] >> 4 << 2 | codes[32 + j] >> 4 << 4 | codes[48 + j] >> 4 << 6);
  }
}

}  // namespace

bool EncodeScreenRow(std::span<const float> row, std::byte* out) noexcept {
  const auto cols = static_cast<int64_t>(row.size());
  const int64_t groups = 2 * ScreenBlocks(cols);
  std::array<float, 2 * ScreenBlocks(kMaxScreenCols)> steps;
  std::array<double, 2 * ScreenBlocks(kMaxScreenCols)> errors;
  bool in_range = true;
  for (const float w : row) in_range &= std::abs(w) <= kMaxMagnitude;  // false for NaN
  if (!in_range) return false;
  float largest_step = 0;
  const auto columns_of = [&](int64_t g) { return std::clamp<int64_t>(cols - kScreenGroup * g, 0, kScreenGroup); };
  for (int64_t g = 0; g < groups; ++g) {
    steps[static_cast<size_t>(g)] = NeededStep(row.data() + std::min(cols, kScreenGroup * g), columns_of(g));
    largest_step = std::max(largest_step, steps[static_cast<size_t>(g)]);
  }
  // A little more than the quotient, so that no scale exceeds 255.
  const float row_scale = largest_step < kMinMagnitude ? 0.0f : largest_step / 255.0f * (1 + 0x1p-20f);

  std::byte* scales = out + ScreenBlocks(cols) * kScreenBlockBytes;
  std::byte* norms = scales + groups;
  double row_squares = 0, screen_squares = 0, largest_error = 0;
  for (int64_t g = 0; g < groups; g += 2) {
    Group pair[2];
    for (int64_t i = 0; i < 2; ++i) {
      Group& group = pair[i];
      const auto at = static_cast<size_t>(g + i);
      EncodeGroup(row.data() + std::min(cols, kScreenGroup * (g + i)), columns_of(g + i), row_scale, steps[at], &group);
      row_squares += group.row_squares;
      screen_squares += group.screen_squares;
      errors[at] = std::sqrt(group.error_squares) * kUpwards;
      largest_error = std::max(largest_error, errors[at]);
      scales[g + i] = static_cast<std::byte>(group.scale);
    }
    PackBlock(pair[0], pair[1], out + g / 2 * kScreenBlockBytes);
  }
  const float unit = largest_error > 0 ? std::max(static_cast<float>(largest_error / kMaxByte * kUpwards), 0x1p-100f) : 0.0f;
  for (int64_t g = 0; g < groups; ++g) {
    const double steps_up = unit > 0 ? std::ceil(errors[static_cast<size_t>(g)] / static_cast<double>(unit)) : 0.0;
    norms[g] = static_cast<std::byte>(std::min(steps_up, kMaxByte));
  }
  const auto norm = static_cast<float>(std::sqrt(std::max(row_squares, screen_squares)) * kUpwards) + 0x1p-120f;
  const float numbers[] = {row_scale, unit, norm};
  std::memcpy(norms + groups, numbers, sizeof(numbers));
  return true;
}

}  // namespace sterna
