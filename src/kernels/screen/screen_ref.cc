// The reference: the contract of screen.h line by line.
#include <cmath>
#include <cstring>

#include "kernels/screen/variants.h"

namespace sterna {
namespace {

constexpr int64_t kLanes = 16;

int32_t Code(const std::byte* block, int64_t column) noexcept {
  const auto nibbles = static_cast<int32_t>(block[column % 32]);
  const auto high = static_cast<int32_t>(block[kScreenHighBits + column % 16]);
  return (column < 32 ? nibbles & 15 : nibbles >> 4) | (high >> (2 * (column / 16)) & 3) << 4;
}

float SumOfLanes(float* lanes) noexcept {
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

float Approximate(const std::byte* row, const std::byte* scales, int64_t blocks, const ScreenInput& input) noexcept {
  float lanes[kLanes] = {};
  for (int64_t b = 0; b < blocks; ++b) {
    for (int64_t l = 0; l < kLanes; ++l) {
      int32_t dot = 0;
      for (int64_t j = 4 * l; j < 4 * l + 4; ++j) {
        const int64_t column = kScreenBlock * b + j;
        dot += (Code(row + kScreenBlockBytes * b, j) - 32) * (256 * input.high[column] + input.low[column]);
      }
      const int64_t group = 2 * b + l / 8;
      const float factor = static_cast<float>(static_cast<uint8_t>(scales[group])) * input.steps[group];
      lanes[l] = std::fma(factor, static_cast<float>(dot), lanes[l]);
    }
  }
  return SumOfLanes(lanes);
}

float ErrorNorm(const std::byte* norms, int64_t groups, const ScreenInput& input) noexcept {
  float lanes[kLanes] = {};
  for (int64_t g = 0; g < groups; ++g) {
    lanes[g % kLanes] = std::fma(static_cast<float>(static_cast<uint8_t>(norms[g])), input.norms[g], lanes[g % kLanes]);
  }
  return SumOfLanes(lanes);
}

}  // namespace

void ScreenRef(const ScreenArgs& args) noexcept {
  const int64_t blocks = ScreenBlocks(args.cols), row_bytes = ScreenRowBytes(args.cols);
  for (int64_t r = args.row_begin; r < args.row_end; ++r) {
    const std::byte* row = args.rows + r * row_bytes;
    const std::byte* scales = row + kScreenBlockBytes * blocks;
    const std::byte* norms = scales + 2 * blocks;
    float numbers[3];  // row scale, unit of norms, norm
    std::memcpy(numbers, norms + 2 * blocks, sizeof(numbers));
    for (int64_t t = 0; t < args.tokens; ++t) {
      const ScreenInput& input = args.inputs[t];
      const float approximate = numbers[0] * Approximate(row, scales, blocks, input);
      const float radius =
          std::fma(numbers[1], ErrorNorm(norms, 2 * blocks, input), std::fma(numbers[2], input.slack, kScreenTiny));
      const int64_t at = t * args.stride + r;
      args.lower[at] = approximate - radius;
      args.upper[at] = approximate + radius;
    }
  }
}

}  // namespace sterna
