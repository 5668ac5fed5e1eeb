#include "kernels/ternary/pack.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/ternary/aligned_array.h"
#include "kernels/ternary/five_trit_pack.h"

namespace sterna {
namespace {

std::vector<int8_t> RandomWeights(int64_t rows, int64_t cols) {
  std::minstd_rand random(static_cast<unsigned>(rows * 8191 + cols));
  std::vector<int8_t> weights(static_cast<size_t>(rows * cols));
  for (int8_t& w : weights) w = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
  return weights;
}

/// The code of one weight, straight from the words of tile_layout.h.
int CodeAt(const uint8_t* codes, int64_t cols, int64_t row, int64_t col) {
  const int64_t tile = row / 16, r = row % 16, line = col / 16, j = col % 4, plane = col % 16 / 4;
  return codes[tile * TernaryTileBytes(cols) + 64 * line + 4 * r + j] >> (2 * plane) & 3;
}

struct Shape {
  int64_t rows, cols;
};

std::vector<Shape> Shapes() {
  std::vector<Shape> shapes;
  for (int64_t rows : {1, 2, 15, 16, 17, 31, 32, 33, 100}) {
    for (int64_t cols : {1, 3, 4, 15, 16, 17, 31, 32, 64, 100, 255, 256, 257}) shapes.push_back({rows, cols});
  }
  return shapes;
}

TEST(TernaryPack, FollowsTheLayoutWithZeroWeightsAsPadding) {
  for (const auto& [rows, cols] : Shapes()) {
    const std::vector<int8_t> weights = RandomWeights(rows, cols);
    AlignedArray<uint8_t> codes(TernaryMatrixBytes(rows, cols));
    PackTernaryTiles(weights.data(), rows, cols, codes.data());
    for (int64_t row = 0; row < TernaryPaddedRows(rows); ++row) {
      for (int64_t col = 0; col < TernaryPaddedCols(cols); ++col) {
        const int weight = row < rows && col < cols ? weights[static_cast<size_t>(row * cols + col)] : 0;
        ASSERT_EQ(CodeAt(codes.data(), cols, row, col), weight + 1) << rows << 'x' << cols << " at " << row << ',' << col;
      }
    }
  }
}

TEST(TernaryPack, UnpackingGivesTheWeightsBack) {
  for (const auto& [rows, cols] : Shapes()) {
    const std::vector<int8_t> weights = RandomWeights(rows, cols);
    AlignedArray<uint8_t> codes(TernaryMatrixBytes(rows, cols));
    PackTernaryTiles(weights.data(), rows, cols, codes.data());
    std::vector<int8_t> back(weights.size(), 55);
    UnpackTernaryTiles(codes.data(), rows, cols, back.data());
    EXPECT_EQ(back, weights) << rows << 'x' << cols;
  }
}

TEST(TernaryPack, RowPointersOfOneTileEqualTheWholeMatrix) {
  constexpr int64_t kRows = 24, kCols = 77;
  const std::vector<int8_t> weights = RandomWeights(kRows, kCols);
  AlignedArray<uint8_t> whole(TernaryMatrixBytes(kRows, kCols)), tile(TernaryTileBytes(kCols));
  PackTernaryTiles(weights.data(), kRows, kCols, whole.data());
  std::vector<const int8_t*> rows;
  for (int64_t row = 16; row < kRows; ++row) rows.push_back(weights.data() + row * kCols);
  PackTernaryTile(rows, kCols, tile.data());
  for (int64_t i = 0; i < tile.size(); ++i) ASSERT_EQ(tile[i], whole[TernaryTileBytes(kCols) + i]) << i;

  std::vector<int8_t> third_row(kCols), fourth_row(kCols), first_row(kCols), second_row(kCols);
  int8_t* const out[] = {first_row.data(), second_row.data(), third_row.data(), fourth_row.data()};
  UnpackTernaryTile(tile.data(), kCols, out);
  EXPECT_TRUE(std::equal(fourth_row.begin(), fourth_row.end(), weights.begin() + 19 * kCols));
}

/// Every byte, by the words of five_trit_layout.h.
TEST(FiveTritPack, EveryByteGivesItsFiveCodesBack) {
  for (int number = 0; number < 243; ++number) {
    const int codes[5] = {number % 3, number / 3 % 3, number / 9 % 3, number / 27 % 3, number / 81};
    const uint8_t byte = FiveTritByte(codes);
    ASSERT_EQ(byte, 84 * codes[4] + number % 81);
    for (int plane = 0; plane < 5; ++plane) ASSERT_EQ(FiveTritCode(byte, plane), codes[plane]) << number << ", plane " << plane;
  }
}

TEST(FiveTritPack, FollowsTheLayoutWithZeroWeightsAsPadding) {
  for (int64_t rows : {1, 2, 15, 16}) {
    for (int64_t cols : {1, 3, 4, 15, 16, 19, 20, 21, 39, 40, 41, 100, 255}) {
      const std::vector<int8_t> weights = RandomWeights(rows, cols);
      std::vector<const int8_t*> pointers;
      for (int64_t row = 0; row < rows; ++row) pointers.push_back(weights.data() + row * cols);
      AlignedArray<uint8_t> tile(FiveTritTileBytes(cols));
      PackFiveTritTile(pointers, cols, tile.data());
      for (int64_t row = 0; row < 16; ++row) {
        for (int64_t col = 0; col < (cols + 19) / 20 * 20; ++col) {
          const int weight = row < rows && col < cols ? weights[static_cast<size_t>(row * cols + col)] : 0;
          const uint8_t byte = tile[64 * (col / 20) + 4 * row + col % 4];
          ASSERT_EQ(FiveTritCode(byte, static_cast<int>(col % 20 / 4)), weight + 1)
              << rows << 'x' << cols << " at " << row << ',' << col;
        }
      }
      std::vector<int8_t> back(weights.size(), 55);
      std::vector<int8_t*> out;
      for (int64_t row = 0; row < rows; ++row) out.push_back(back.data() + row * cols);
      UnpackFiveTritTile(tile.data(), cols, out);
      ASSERT_EQ(back, weights) << rows << 'x' << cols;
    }
  }
}

TEST(FiveTritPack, AValueThatIsNoWeightStaysInItsByte) {
  for (const int wrong : {-128, -3, -2, 2, 3, 127}) {
    std::vector<int8_t> row(20, 1);
    row[6] = static_cast<int8_t>(wrong);
    const int8_t* const pointers[] = {row.data()};
    AlignedArray<uint8_t> tile(FiveTritTileBytes(20));
    PackFiveTritTile(pointers, 20, tile.data());
    std::vector<int8_t> back(20);
    int8_t* const out[] = {back.data()};
    UnpackFiveTritTile(tile.data(), 20, out);
    for (size_t col = 0; col < 20; ++col) {
      if (col != 6) {
        ASSERT_EQ(back[col], 1) << "column " << col << " beside " << wrong;
      }
    }
  }
}

}  // namespace
}  // namespace sterna
