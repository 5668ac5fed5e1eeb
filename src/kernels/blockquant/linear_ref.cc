// The reference: the contract of linear.h and the layout of tiles.h line by line.
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "kernels/blockquant/variants.h"

namespace sterna {
namespace {

constexpr int64_t kGroupColumns = 16;  // that share a scale in Q6_K
constexpr int64_t kSuperBlocks = 8;    // that share an f16 scale in Q6_K

float LoadF16(const std::byte* bytes) noexcept {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return F16ToFloat(half);
}

/// The code of column c, 0 .. 31, of a block's row.
template <DType kType>
int32_t Code(const std::byte* block, int64_t row, int64_t c) noexcept {
  const auto byte = [&](int64_t line) { return std::to_integer<int32_t>(block[kBlockLineBytes * line + 4 * row + c % 4]); };
  const int64_t group = c / 4;
  if constexpr (kType == DType::kQ8_0) return static_cast<int8_t>(byte(group));
  const int32_t nibble = byte(group % 4) >> (group < 4 ? 0 : 4) & 15;
  if constexpr (kType == DType::kQ4_0) return nibble - 8;
  if constexpr (kType == DType::kQ4_1) return nibble;
  const int32_t high = byte(4 + group / 4) >> 2 * (group % 4) & 3;
  return (nibble | high << 4) - 32;
}

template <DType kType>
float Dot(const std::byte* tile, int64_t row, const BlockLinearArgs& args, int64_t token) noexcept {
  const BlockTileParts parts = BlockTile(kType, args.cols);
  const int8_t* q = args.q + token * args.q_stride;
  const auto half_number = [&](int64_t offset, int64_t i) { return LoadF16(tile + offset + 2 * (kBlockTileRows * i + row)); };
  float y = 0;
  for (int64_t b = 0; b < args.cols / kQuantBlock; ++b) {
    const float scale = args.scales[token * args.scale_stride + b];
    int32_t dots[2] = {};
    for (int64_t c = 0; c < kQuantBlock; ++c) {
      dots[c / kGroupColumns] += Code<kType>(tile + parts.code_bytes * b, row, c) * q[kQuantBlock * b + c];
    }
    if constexpr (kType == DType::kQ6_K) {
      for (int64_t half = 0; half < 2; ++half) {
        const auto group_scale = static_cast<int8_t>(tile[parts.scales + kBlockTileRows * (2 * b + half) + row]);
        const float d = half_number(parts.others, b / kSuperBlocks) * static_cast<float>(group_scale);
        y = std::fma(d * scale, static_cast<float>(dots[half]), y);
      }
    } else {
      y = std::fma(half_number(parts.scales, b) * scale, static_cast<float>(dots[0] + dots[1]), y);
    }
    if constexpr (kType == DType::kQ4_1) y = std::fma(half_number(parts.others, b), args.sums[token * args.scale_stride + b], y);
  }
  return y;
}

}  // namespace

template <DType kType>
void BlockLinearRef(const BlockLinearArgs& args) noexcept {
  const int64_t tile_bytes = BlockTile(kType, args.cols).end;
  for (int64_t r = args.row_begin; r < args.row_end; ++r) {
    const std::byte* tile = args.tiles + r / kBlockTileRows * tile_bytes;
    for (int64_t t = 0; t < args.tokens; ++t) args.y[t * args.y_stride + r] = Dot<kType>(tile, r % kBlockTileRows, args, t);
  }
}

template void BlockLinearRef<DType::kQ8_0>(const BlockLinearArgs&) noexcept;
template void BlockLinearRef<DType::kQ4_0>(const BlockLinearArgs&) noexcept;
template void BlockLinearRef<DType::kQ4_1>(const BlockLinearArgs&) noexcept;
template void BlockLinearRef<DType::kQ6_K>(const BlockLinearArgs&) noexcept;

}  // namespace sterna
