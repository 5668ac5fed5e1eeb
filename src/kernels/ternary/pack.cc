#include "kernels/ternary/pack.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sterna {
namespace {

// Four neighbouring columns of one row travel in one 32-bit word, a byte each; no operation carries from byte to byte, so byte
// order does not matter.
constexpr uint32_t kLowBits = 0x01010101u * 0x55;  // the low bit of every code
constexpr uint32_t kCodeMask = 0x03030303u;

uint32_t LoadWord(const void* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// 16 weights of one row as the 4 bytes they take in a line.
uint32_t PackLineOfRow(const int8_t* weights) {
  // -1, 0, 1 are 3, 0, 1 modulo 4.
  const uint32_t modulo4 = (LoadWord(weights) & kCodeMask) | (LoadWord(weights + 4) & kCodeMask) << 2 |
                           (LoadWord(weights + 8) & kCodeMask) << 4 | (LoadWord(weights + 12) & kCodeMask) << 6;
  // Adding 1 modulo 4: flip the low bit, and the high bit where the low bit was set.
  return modulo4 ^ kLowBits ^ (modulo4 & kLowBits) << 1;
}

/// Four codes, one in each byte, as int8 weights.
uint32_t WeightsOfPlane(uint32_t codes) {
  constexpr uint32_t kHighBits = 0x80808080u;
  return (((codes & kCodeMask) | kHighBits) - 0x01010101u) ^ kHighBits;  // the high bit keeps the borrow inside its byte
}

void UnpackLineOfRow(uint32_t bytes, int8_t* weights) {
  const std::array<uint32_t, 4> planes = {WeightsOfPlane(bytes), WeightsOfPlane(bytes >> 2), WeightsOfPlane(bytes >> 4),
                                          WeightsOfPlane(bytes >> 6)};
  std::memcpy(weights, planes.data(), sizeof planes);
}

}  // namespace

void PackTernaryTile(std::span<const int8_t* const> rows, int64_t cols, uint8_t* tile) noexcept {
  const int64_t whole_lines = cols / kTernaryLineCols;
  for (int64_t line = 0; line < whole_lines; ++line) {
    uint8_t* out = tile + line * kTernaryLineBytes;
    for (const int8_t* row : rows) {
      const uint32_t packed = PackLineOfRow(row + line * kTernaryLineCols);
      std::memcpy(out, &packed, sizeof packed);
      out += sizeof packed;
    }
  }
  if (whole_lines * kTernaryLineCols < cols) {
    uint8_t* out = tile + whole_lines * kTernaryLineBytes;
    for (const int8_t* row : rows) {
      std::array<int8_t, kTernaryLineCols> padded{};
      std::copy(row + whole_lines * kTernaryLineCols, row + cols, padded.begin());
      const uint32_t packed = PackLineOfRow(padded.data());
      std::memcpy(out, &packed, sizeof packed);
      out += sizeof packed;
    }
  }
  if (rows.size() < static_cast<size_t>(kTernaryTileRows)) {
    constexpr int kFourZeroWeights = 0x55;
    const size_t used = rows.size() * sizeof(uint32_t);
    for (int64_t at = 0; at < TernaryTileBytes(cols); at += kTernaryLineBytes) {
      std::memset(tile + at + used, kFourZeroWeights, static_cast<size_t>(kTernaryLineBytes) - used);
    }
  }
}

void PackTernaryTiles(const int8_t* weights, int64_t rows, int64_t cols, uint8_t* codes) noexcept {
  for (int64_t row = 0; row < rows; row += kTernaryTileRows, codes += TernaryTileBytes(cols)) {
    const int64_t count = std::min(kTernaryTileRows, rows - row);
    std::array<const int8_t*, kTernaryTileRows> pointers;
    for (int64_t i = 0; i < count; ++i) pointers[static_cast<size_t>(i)] = weights + (row + i) * cols;
    PackTernaryTile(std::span(pointers).first(static_cast<size_t>(count)), cols, codes);
  }
}

void UnpackTernaryTile(const uint8_t* tile, int64_t cols, std::span<int8_t* const> rows) noexcept {
  const int64_t whole_lines = cols / kTernaryLineCols;
  for (int64_t line = 0; line < whole_lines; ++line) {
    const uint8_t* in = tile + line * kTernaryLineBytes;
    for (int8_t* row : rows) {
      UnpackLineOfRow(LoadWord(in), row + line * kTernaryLineCols);
      in += sizeof(uint32_t);
    }
  }
  if (whole_lines * kTernaryLineCols < cols) {
    const uint8_t* in = tile + whole_lines * kTernaryLineBytes;
    for (int8_t* row : rows) {
      std::array<int8_t, kTernaryLineCols> padded;
      UnpackLineOfRow(LoadWord(in), padded.data());
      std::copy_n(padded.begin(), cols - whole_lines * kTernaryLineCols, row + whole_lines * kTernaryLineCols);
      in += sizeof(uint32_t);
    }
  }
}

void UnpackTernaryTiles(const uint8_t* codes, int64_t rows, int64_t cols, int8_t* weights) noexcept {
  for (int64_t row = 0; row < rows; row += kTernaryTileRows, codes += TernaryTileBytes(cols)) {
    const int64_t count = std::min(kTernaryTileRows, rows - row);
    std::array<int8_t*, kTernaryTileRows> pointers;
    for (int64_t i = 0; i < count; ++i) pointers[static_cast<size_t>(i)] = weights + (row + i) * cols;
    UnpackTernaryTile(codes, cols, std::span(pointers).first(static_cast<size_t>(count)));
  }
}

}  // namespace sterna
