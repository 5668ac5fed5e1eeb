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

template <DType kType>
int32_t Code(const std::byte* block, int64_t j) noexcept {
  if constexpr (kType == DType::kQ8_0) return static_cast<int8_t>(block[2 + j]);
  if constexpr (kType == DType::kQ4_0) return Nibble(block + 2, j) - 8;
  return Nibble(block + 4, j);
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
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return kType == DType::kQ4_1 ? lanes[0] + offset : lanes[0];
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

}  // namespace sterna
