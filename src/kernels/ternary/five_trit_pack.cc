#include "kernels/ternary/five_trit_pack.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sterna {
namespace {

// Four neighbouring columns of one row travel in one 32-bit word, a byte each. A byte of the result is at most 84 * 2 + 80 = 248,
// so that sums and products below carry from byte to byte nowhere, and byte order does not matter.
constexpr uint32_t kOnes = 0x01010101u;

/// Four weights as codes, a byte each.
uint32_t LoadCodes(const int8_t* weights) {
  uint32_t word;
  std::memcpy(&word, weights, sizeof word);
  // -1, 0, 1 are 3, 0, 1 modulo 4; adding 1 modulo 4 gives the code.
  return (((word & (3 * kOnes)) + kOnes) & (3 * kOnes));
}

/// 20 weights of one row as the 4 bytes they take in a line. Code 3, of a value that is no weight, could carry: it counts as 2.
uint32_t PackLineOfRow(const int8_t* weights) {
  constexpr std::array<uint32_t, 5> kSteps = {1, 3, 9, 27, kFiveTritStep};
  uint32_t bytes = 0;
  for (size_t plane = 0; plane < kSteps.size(); ++plane) {
    const uint32_t codes = LoadCodes(weights + 4 * plane);
    const uint32_t at_most_two = codes - (codes & codes >> 1 & kOnes);
    bytes += at_most_two * kSteps[plane];
  }
  return bytes;
}

using WeightsOfByte = std::array<int8_t, 5>;

constexpr std::array<WeightsOfByte, 256> MakeWeightsOfByte() {
  std::array<WeightsOfByte, 256> table{};
  for (size_t byte = 0; byte < table.size(); ++byte) {
    for (int plane = 0; plane < 5; ++plane) {
      table[byte][static_cast<size_t>(plane)] = static_cast<int8_t>(FiveTritCode(static_cast<uint8_t>(byte), plane) - 1);
    }
  }
  return table;
}
constexpr std::array<WeightsOfByte, 256> kWeightsOfByte = MakeWeightsOfByte();

void UnpackLineOfRow(const uint8_t* bytes, int8_t* weights) {
  for (size_t j = 0; j < 4; ++j) {
    for (size_t plane = 0; plane < 5; ++plane) weights[4 * plane + j] = kWeightsOfByte[bytes[j]][plane];
  }
}

}  // namespace

void PackFiveTritTile(std::span<const int8_t* const> rows, int64_t cols, uint8_t* tile) noexcept {
  constexpr std::array<int8_t, kFiveTritLineCols> kZeroWeights{};
  const int64_t lines = FiveTritTileBytes(cols) / kTernaryLineBytes;
  for (int64_t line = 0; line < lines; ++line) {
    const int64_t col = line * kFiveTritLineCols;
    uint8_t* out = tile + line * kTernaryLineBytes;
    for (size_t row = 0; row < static_cast<size_t>(kTernaryTileRows); ++row, out += sizeof(uint32_t)) {
      std::array<int8_t, kFiveTritLineCols> padded{};
      const int8_t* weights = kZeroWeights.data();
      if (row < rows.size() && col + kFiveTritLineCols <= cols) {
        weights = rows[row] + col;
      } else if (row < rows.size()) {
        std::copy(rows[row] + col, rows[row] + cols, padded.begin());
        weights = padded.data();
      }
      const uint32_t packed = PackLineOfRow(weights);
      std::memcpy(out, &packed, sizeof packed);
    }
  }
}

void UnpackFiveTritTile(const uint8_t* tile, int64_t cols, std::span<int8_t* const> rows) noexcept {
  for (int64_t col = 0; col < cols; col += kFiveTritLineCols, tile += kTernaryLineBytes) {
    const int64_t count = std::min(kFiveTritLineCols, cols - col);
    for (size_t row = 0; row < rows.size(); ++row) {
      std::array<int8_t, kFiveTritLineCols> weights;
      UnpackLineOfRow(tile + sizeof(uint32_t) * row, weights.data());
      std::copy_n(weights.begin(), count, rows[row] + col);
    }
  }
}

}  // namespace sterna
