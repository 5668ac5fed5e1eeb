// Activations to 16-bit steps, with norms of groups and of what the rounding changed, computed in double and rounded upwards.
#include <algorithm>
#include <cmath>

#include "kernels/screen/screen.h"

namespace sterna {
namespace {

constexpr int64_t kLanes = 16;
constexpr float kMaxMagnitude = 0x1p50f;
// Groups below this are all remainder: products of their step could underflow.
constexpr float kMinMagnitude = 0x1p-40f;
constexpr int32_t kMaxSteps = 127 * 256;
constexpr double kUpwards = 1 + 0x1p-15;

int64_t PaddedGroups(int64_t cols) {
  return (2 * ScreenBlocks(cols) + kLanes - 1) / kLanes * kLanes;
}

}  // namespace

size_t ScreenInputBytes(int64_t cols) {
  // high and low: 1 byte a column each; starts: 4 bytes for 4 columns.
  constexpr int64_t kColumnBytes = 3;
  return static_cast<size_t>(ScreenBlocks(cols) * kScreenBlock * kColumnBytes) +
         static_cast<size_t>(2 * PaddedGroups(cols)) * sizeof(float);
}

ScreenInput ScreenInputAt(std::byte* memory, int64_t cols) {
  const int64_t padded = ScreenBlocks(cols) * kScreenBlock;
  auto* floats = reinterpret_cast<float*>(memory + 3 * padded);
  return {.high = reinterpret_cast<int8_t*>(memory),
          .low = reinterpret_cast<int8_t*>(memory + padded),
          .starts = reinterpret_cast<int32_t*>(memory + 2 * padded),
          .steps = floats,
          .norms = floats + PaddedGroups(cols),
          .slack = 0};
}

bool PrepareScreenInput(const float* x, int64_t cols, ScreenInput* input) noexcept {
  double squares = 0, remainder_squares = 0;
  const int64_t groups = 2 * ScreenBlocks(cols);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = kScreenGroup * g, n = std::clamp<int64_t>(cols - first, 0, kScreenGroup);
    float largest = 0;
    for (int64_t i = first; i < first + n; ++i) {
      if (!(std::abs(x[i]) <= kMaxMagnitude)) return false;
      largest = std::max(largest, std::abs(x[i]));
    }
    const float step = largest < kMinMagnitude ? 0.0f : largest / static_cast<float>(kMaxSteps);
    const double inverse = step > 0 ? 1 / static_cast<double>(step) : 0.0;
    double group_squares = 0;
    for (int64_t i = first; i < first + kScreenGroup; ++i) {
      const double value = i < cols ? static_cast<double>(x[i]) : 0.0;
      // Rounds to nearest: adding half and rounding down, of a number made positive.
      const auto rounded = static_cast<int32_t>(value * inverse + (kMaxSteps + 1.5)) - (kMaxSteps + 1);
      const int32_t q = std::clamp(rounded, -kMaxSteps, kMaxSteps);
      const int32_t high = (q + 128) >> 8;
      input->high[i] = static_cast<int8_t>(high);
      input->low[i] = static_cast<int8_t>(q - 256 * high);
      const double remainder = value - static_cast<double>(step) * q;
      group_squares += value * value;
      remainder_squares += remainder * remainder;
    }
    squares += group_squares;
    input->steps[g] = step;
    input->norms[g] = static_cast<float>(std::sqrt(group_squares) * kUpwards * kUpwards);
  }
  for (int64_t g = groups; g < PaddedGroups(cols); ++g) input->steps[g] = input->norms[g] = 0;
  for (int64_t i = 0; i < ScreenBlocks(cols) * kLanes; ++i) {
    int32_t sum = 0;
    for (int64_t j = 4 * i; j < 4 * i + 4; ++j) sum += 256 * input->high[j] + input->low[j];
    input->starts[i] = -32 * sum;
  }
  const double norm = std::sqrt(squares), remainder_norm = std::sqrt(remainder_squares);
  const double roundings = (static_cast<double>(cols) / 16 + static_cast<double>(cols) / 64 + 32) * 0x1p-23;
  input->slack = static_cast<float>((remainder_norm + roundings * (norm + remainder_norm)) * kUpwards * kUpwards);
  return true;
}

}  // namespace sterna
