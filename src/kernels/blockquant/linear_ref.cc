// The reference: the contract of linear.h line by line.
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

constexpr int64_t kLanes = 16;
constexpr int64_t kLanesOfBlock = 8;

float LoadF16(const std::byte* bytes) noexcept {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return F16ToFloat(half);
}

int32_t Nibble(const std::byte* nibbles, int64_t j) noexcept {
  const auto byte = static_cast<int32_t>(nibbles[j % 16]);
  return j < 16 ? byte & 15 : byte >> 4;
}

template <DType kType>
constexpr int64_t kBlockBytes = kType == DType::kQ8_0   ? 34
                                : kType == DType::kQ4_0 ? 18
                                                        : 20;

// Q6_K: 8 blocks share an f16 scale.
constexpr int64_t kSuperBlockBytes = 210, kSuperBlocks = 8;
constexpr int64_t kHighBits = 128, kGroupScales = 192, kSuperScale = 208;

int32_t Q6_KCode(const std::byte* super_block, int64_t j) noexcept {
  const int64_t half = j / 128, part = j % 128 / 32, i = j % 32;
  const auto low = static_cast<int32_t>(super_block[64 * half + 32 * (part % 2) + i]);
  const auto high = static_cast<int32_t>(super_block[kHighBits + 32 * half + i]);
  return ((part < 2 ? low & 15 : low >> 4) | (high >> (2 * part) & 3) << 4) - 32;
}

template <DType kType>
int32_t Code(const std::byte* block, int64_t j) noexcept {
  if constexpr (kType == DType::kQ8_0) return static_cast<int8_t>(block[2 + j]);
  if constexpr (kType == DType::kQ4_0) return Nibble(block + 2, j) - 8;
  return Nibble(block + 4, j);
}

// Lanes l and l+8, then l+4, l+2, l+1.
float SumOfLanes(float* lanes) noexcept {
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

template <DType kType>
float Dot(const std::byte* row, int64_t cols, const int8_t* q, const float* scales, const float* sums) noexcept {
  float lanes[kLanes] = {};
  float offset = 0;
  for (int64_t b = 0; b < cols / kQuantBlock; ++b) {
    const std::byte* block = row + kBlockBytes<kType> * b;
    const float scale = LoadF16(block) * scales[b];
    for (int64_t l = 0; l < kLanesOfBlock; ++l) {
      int32_t dot = 0;
      for (int64_t j = 4 * l; j < 4 * l + 4; ++j) dot += Code<kType>(block, j) * q[kQuantBlock * b + j];
      float& lane = lanes[b % 2 * kLanesOfBlock + l];
      lane = std::fma(scale, static_cast<float>(dot), lane);
    }
    if constexpr (kType == DType::kQ4_1) offset = std::fma(LoadF16(block + 2), sums[b], offset);
  }
  const float sum = SumOfLanes(lanes);
  return kType == DType::kQ4_1 ? sum + offset : sum;
}

template <>
float Dot<DType::kQ6_K>(const std::byte* row, int64_t cols, const int8_t* q, const float* scales, const float*) noexcept {
  float lanes[kLanes] = {};
  for (int64_t b = 0; b < cols / kQuantBlock; ++b) {
    const std::byte* super_block = row + b / kSuperBlocks * kSuperBlockBytes;
    for (int64_t l = 0; l < kLanesOfBlock; ++l) {
      const int64_t first = b % kSuperBlocks * kQuantBlock + 4 * l;
      int32_t dot = 0;
      for (int64_t j = 0; j < 4; ++j) dot += Q6_KCode(super_block, first + j) * q[kQuantBlock * b + 4 * l + j];
      const auto group_scale = static_cast<float>(static_cast<int8_t>(super_block[kGroupScales + first / 16]));
      const float scale = LoadF16(super_block + kSuperScale) * group_scale * scales[b];
      float& lane = lanes[b % 2 * kLanesOfBlock + l];
      lane = std::fma(scale, static_cast<float>(dot), lane);
    }
  }
  return SumOfLanes(lanes);
}

}  // namespace

template <DType kType>
void BlockLinearRef(const BlockLinearArgs& args) noexcept {
  for (int64_t r = args.row_begin; r < args.row_end; ++r) {
    const std::byte* row = args.weights + r * args.row_bytes;
    for (int64_t t = 0; t < args.tokens; ++t) {
      const int64_t first = t * args.scale_stride;
      const float* sums = kType == DType::kQ4_1 ? args.sums + first : nullptr;
      args.y[t * args.y_stride + r] = Dot<kType>(row, args.cols, args.q + t * args.q_stride, args.scales + first, sums);
    }
  }
}

template void BlockLinearRef<DType::kQ8_0>(const BlockLinearArgs&) noexcept;
template void BlockLinearRef<DType::kQ4_0>(const BlockLinearArgs&) noexcept;
template void BlockLinearRef<DType::kQ4_1>(const BlockLinearArgs&) noexcept;
template void BlockLinearRef<DType::kQ6_K>(const BlockLinearArgs&) noexcept;

}  // namespace sterna
