#include "kernels/blockquant/tiles.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "kernels/dense/guarded_array.h"

namespace sterna {
namespace {

class BlockTiles : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, BlockTiles, testing::Values(DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K),
                         [](const auto& info) { return std::string(Name(info.param)); });

TEST_P(BlockTiles, EveryBitOfEveryRowComesBack) {
  std::mt19937 random(1);
  for (const int64_t blocks : {1, 2, 3, 9}) {
    const int64_t cols = blocks * Info(GetParam()).block_elements, row_bytes = RowBytes(GetParam(), cols);
    const BlockTileParts parts = BlockTile(GetParam(), cols);
    EXPECT_EQ(parts.end % 64, 0);
    // Nothing but the file's own bits, and what rounds the tile to lines.
    EXPECT_LT(parts.end - kBlockTileRows * row_bytes, 64);
    EXPECT_GE(parts.end, kBlockTileRows * row_bytes);
    for (const size_t count : {size_t{1}, size_t{5}, size_t{16}}) {
      GuardedArray<std::byte> bytes(static_cast<int64_t>(count) * row_bytes), tile(parts.end), back(row_bytes);
      for (std::byte& byte : bytes.values()) byte = static_cast<std::byte>(random());
      for (std::byte& byte : tile.values()) byte = std::byte{0xa5};
      std::vector<const std::byte*> rows;
      for (size_t r = 0; r < count; ++r) rows.push_back(bytes.data() + static_cast<int64_t>(r) * row_bytes);
      PackBlockTile(GetParam(), rows, cols, tile.data());
      for (int64_t r = 0; r < kBlockTileRows; ++r) {
        UnpackBlockRow(GetParam(), tile.data(), r, cols, back.data());
        for (int64_t i = 0; i < row_bytes; ++i) {
          const std::byte expected = r < static_cast<int64_t>(count) ? rows[static_cast<size_t>(r)][i] : std::byte{0};
          ASSERT_EQ(back[i], expected) << "row " << r << " of " << count << ", byte " << i << ", " << blocks << " blocks";
        }
      }
    }
  }
}

TEST(BlockTilesSizes, CountPaddedRows) {
  EXPECT_EQ(BlockTilesBytes(DType::kQ8_0, 17, 64), 2 * 16 * 68);
  EXPECT_EQ(BlockTilesBytes(DType::kQ4_0, 16, 32), 320);  // 288 bytes of rows, 5 lines
  EXPECT_EQ(BlockTilesBytes(DType::kQ6_K, 1, 512), 16 * 420);
  for (const DType dtype : {DType::kF16, DType::kTQ2_0, DType::kQ4_K}) EXPECT_FALSE(HasBlockTiles(dtype));
}

// The layout that tiles.h draws, by one weight.
TEST(BlockTilesLayout, ACodeLiesWhereTheHeaderSays) {
  std::vector<std::byte> row(34 * 2);
  row[34 + 2 + 9] = std::byte{0x7e};  // column 32 + 9: line 2 of block 1, j = 1
  row[34] = std::byte{0x12};          // the scale of block 1
  const std::byte* const rows[] = {row.data(), row.data()};
  GuardedArray<std::byte> tile(BlockTile(DType::kQ8_0, 64).end);
  PackBlockTile(DType::kQ8_0, rows, 64, tile.data());
  EXPECT_EQ(tile[512 + 2 * 64 + 4 * 1 + 1], std::byte{0x7e});
  EXPECT_EQ(tile[1024 + 32 + 2 * 1], std::byte{0x12});
}

}  // namespace
}  // namespace sterna
