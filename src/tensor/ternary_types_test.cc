// Every ternary type through the common row interface: known bytes, exact round trips, invalid codes and scales refused.
#include <gmock/gmock.h>

#include <cstring>
#include <random>

#include "tensor/encodings.h"
#include "tensor/fixture_test.h"
#include "tensor/sha256_test.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

using testing::HasSubstr;

constexpr TlTiling kTl1Tiling{64, 64, 64}, kTl2Tiling{64, 96, 32};

std::optional<TlTiling> TilingOf(DType dtype) {
  if (dtype == DType::kTL1) return kTl1Tiling;
  if (dtype == DType::kTL2) return kTl2Tiling;
  return std::nullopt;
}

std::vector<DType> TernaryTypes() {
  std::vector<DType> types;
  for (int i = 0; i < kDTypes; ++i) {
    if (Info(static_cast<DType>(i)).is_ternary) types.push_back(static_cast<DType>(i));
  }
  return types;
}

bool IsBinary(DType dtype) {
  return dtype == DType::kQ1_0 || dtype == DType::kQ1_0G32;
}
bool HasTensorScale(DType dtype) {
  return Info(dtype).tensor_tail_bytes > 0;
}

std::vector<std::byte> Encode(DType dtype, const std::vector<int8_t>& values, const std::vector<float>& scales, int64_t rows,
                              int64_t cols, std::optional<TlTiling> tiling) {
  const auto matrix = TernaryRows::OpenValues(values, scales, rows, cols);
  EXPECT_TRUE(matrix.ok()) << matrix.status().message();
  const int64_t shape[] = {rows, cols};
  std::vector<std::byte> bytes(static_cast<size_t>(*TensorBytes(dtype, shape)), std::byte{0xcc});
  const Status status = EncodeTernary(dtype, *matrix, bytes, tiling);
  EXPECT_TRUE(status.ok()) << status.message();
  return bytes;
}

std::string Hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[static_cast<int>(byte) >> 4];
    text += kDigits[static_cast<int>(byte) & 15];
  }
  return text;
}

struct KnownBytes {
  DType dtype;
  int64_t rows, cols;
  std::optional<TlTiling> tiling;
  size_t compared;  // bytes; where fewer than all, the scale and its padding follow
  const char* start;
  const char* sha256;
};

// Bytes that the tools' own converters write for the pattern with scale 0.5 (IQ1_BN, IQ2_BN: by the formulas of ik_llama.cpp).
TEST(TernaryTypes, PatternHasTheKnownBytes) {
  const KnownBytes cases[] = {{DType::kI2_S,
                               4,
                               256,
                               {},
                               288,
                               "18866118866118866118866118866118",
                               "3e720d5a787a6437e58112a58197cf07ab0182093189471a5d2f2e042d6bf769"},
                              {DType::kTQ1_0,
                               4,
                               256,
                               {},
                               216,
                               "31bb9431bb9431bb9431bb9431bb9431",
                               "4226e79e494c7d6f322f4243d47854ee1898c24c5a856775183ed9b462950d75"},
                              {DType::kTQ2_0,
                               4,
                               256,
                               {},
                               264,
                               "24924924924924924924924924924924",
                               "a3ef4c370e49ddaddfce8e8db074531169c61dd62f0b53c076b2c038aec1a84d"},
                              {DType::kIQ2_BN,
                               4,
                               256,
                               {},
                               272,
                               "0000003f18866118866118866118866118866118",
                               "830e7d670369397d232b7fa326e5116d0b3cca3b6acd87b900b3fb8ac1b750dc"},
                              {DType::kIQ1_BN,
                               4,
                               256,
                               {},
                               216,
                               "0038bb319494bb313194bbbb319410",
                               "c321080e0fb799526dbca1cc689a5536fcf2891b5670da24550bc5a7f6ed1a17"},
                              {DType::kTL1,
                               1536,
                               1536,
                               {},
                               589824,
                               "23446525406021378816368414357200",
                               "4efb08fb4ca59d454292c71d75b3d2fca1f8659d227e78422019e0636988c118"},
                              {DType::kTL2, 256, 352, TlTiling{128, 96, 32}, 21504, "66006b6a155972222183b945a866006b",
                               "6d63b6fe30fd21217657596ac7ef2a33a0fdacfd0ea150694edec995ace8563e"}};
  for (const KnownBytes& c : cases) {
    const std::vector<std::byte> bytes = Encode(c.dtype, TernaryPattern(c.rows, c.cols), {0.5f}, c.rows, c.cols, c.tiling);
    const auto compared = std::span(bytes).first(c.compared);
    EXPECT_THAT(Hex(compared), testing::StartsWith(c.start)) << Name(c.dtype);
    EXPECT_EQ(Hex(Sha256(compared)), c.sha256) << Name(c.dtype);
  }
}

TEST(TernaryTypes, EveryTypeReturnsWhatWasWritten) {
  std::mt19937 random(5);
  for (const DType dtype : TernaryTypes()) {
    for (const int64_t rows : {64, 128}) {
      const int64_t cols = 768 + (dtype == DType::kTL2 ? 64 : 0);
      std::vector<int8_t> values(static_cast<size_t>(rows * cols));
      for (int8_t& v : values) v = static_cast<int8_t>(IsBinary(dtype) ? 2 * (random() % 2) - 1 : random() % 3 - 1);
      // The second row is all zeros where the type can say so.
      if (!IsBinary(dtype)) std::fill_n(values.begin() + cols, cols, int8_t{0});
      std::vector<float> scales(static_cast<size_t>(HasTensorScale(dtype) ? 1 : rows), 0.375f);
      for (size_t r = 2; r < scales.size(); ++r) scales[r] = static_cast<float>(r) * 0.125f;
      const std::vector<std::byte> bytes = Encode(dtype, values, scales, rows, cols, TilingOf(dtype));
      // A view that ends where the tensor ends, at an odd address.
      std::vector<std::byte> moved(bytes.size() + 1);
      std::copy(bytes.begin(), bytes.end(), moved.begin() + 1);
      const auto matrix = TernaryRows::OpenEncoded(dtype, std::span(moved).subspan(1), rows, cols, TilingOf(dtype));
      ASSERT_TRUE(matrix.ok()) << matrix.status().message();
      EXPECT_TRUE(matrix->HasOneScalePerRow());
      std::vector<int8_t> row(static_cast<size_t>(cols));
      std::vector<float> floats(values.size());
      if (!TilingOf(dtype)) {
        ASSERT_TRUE(Dequantize(dtype, bytes, rows, cols, floats).ok()) << Name(dtype);
      }
      for (int64_t r = 0; r < rows; ++r) {
        float scale = -1;
        const Status status = matrix->Read(r, row, &scale);
        ASSERT_TRUE(status.ok()) << Name(dtype) << ": " << status.message();
        const bool is_zero_row = r == 1 && !IsBinary(dtype);
        if (!is_zero_row) {
          EXPECT_EQ(scale, scales[scales.size() == 1 ? 0 : static_cast<size_t>(r)]) << Name(dtype) << ' ' << r;
        }
        for (int64_t c = 0; c < cols; ++c) {
          const auto at = static_cast<size_t>(r * cols + c);
          ASSERT_EQ(row[static_cast<size_t>(c)], values[at]) << Name(dtype) << " row " << r << " column " << c;
          if (!TilingOf(dtype)) {
            ASSERT_EQ(floats[at], scale * static_cast<float>(values[at])) << Name(dtype);
          }
        }
      }
    }
  }
}

TEST(TernaryTypes, CodesNoWriterProducesAreRefusedWithTheirPlace) {
  for (const DType dtype : TernaryTypes()) {
    const int64_t rows = 64, cols = dtype == DType::kTL2 ? 352 : 256;
    std::vector<int8_t> values(static_cast<size_t>(rows * cols), int8_t{1});
    std::vector<std::byte> bytes = Encode(dtype, values, {0.5f}, rows, cols, TilingOf(dtype));
    const bool has_spare_codes = dtype != DType::kTQ1_0 && dtype != DType::kPTQ1_0 && dtype != DType::kIQ1_BN && !IsBinary(dtype);
    // The last code byte of the last row or group; TL2 pads behind its codes.
    size_t at = bytes.size() - static_cast<size_t>(Info(dtype).tensor_tail_bytes) - 1;
    if (dtype == DType::kTQ1_0 || dtype == DType::kTQ2_0 || dtype == DType::kPTQ1_0) at -= 2;  // the scale
    if (dtype == DType::kTL2) at = 0;
    bytes[at] = std::byte{0xff};
    const auto matrix = TernaryRows::OpenEncoded(dtype, bytes, rows, cols, TilingOf(dtype));
    ASSERT_TRUE(matrix.ok()) << Name(dtype);
    std::vector<int8_t> row(static_cast<size_t>(cols));
    int refused = 0;
    for (int64_t r = 0; r < rows; ++r) {
      float scale;
      const Status status = matrix->Read(r, row, &scale);
      if (status.ok()) continue;
      ++refused;
      EXPECT_THAT(std::string(status.message()), HasSubstr("row ")) << Name(dtype);
      const bool is_plus_two = dtype == DType::kQ2_0 || dtype == DType::kPQ2_0;
      EXPECT_EQ(status.code(), is_plus_two ? StatusCode::kUnsupported : StatusCode::kMalformed) << status.message();
      if (is_plus_two) {
        EXPECT_FALSE(matrix->HasOneScalePerRow());
      }
    }
    const int expected = dtype == DType::kI2_SRows4 ? 4 : (has_spare_codes ? 1 : 0);
    EXPECT_EQ(refused, expected) << Name(dtype);
  }
}

TEST(TernaryTypes, BadScalesAndSizesAreRefusedAtOpening) {
  for (const DType dtype : TernaryTypes()) {
    const int64_t rows = 64, cols = dtype == DType::kTL2 ? 352 : 256;
    const std::vector<int8_t> values(static_cast<size_t>(rows * cols), int8_t{1});
    const std::vector<std::byte> good = Encode(dtype, values, {0.5f}, rows, cols, TilingOf(dtype));
    const auto open = [&](std::span<const std::byte> bytes) {
      return TernaryRows::OpenEncoded(dtype, bytes, rows, cols, TilingOf(dtype)).status().code();
    };
    ASSERT_EQ(open(good), StatusCode::kOk) << Name(dtype);
    EXPECT_EQ(open(std::span(good).first(good.size() - 1)), StatusCode::kMalformed) << Name(dtype);
    // Every two bytes, once as the top of a NaN and once as a negative number: some of them are the scale, and opening must see it.
    int seen = 0;
    for (size_t at = 0; at + 1 < good.size(); ++at) {
      if (at > 300 && at + 300 < good.size()) continue;
      std::vector<std::byte> bad = good;
      bad[at] = std::byte{0xff};
      bad[at + 1] = std::byte{0xff};
      const StatusCode code = open(bad);
      if (code != StatusCode::kOk) {
        EXPECT_EQ(code, StatusCode::kMalformed) << Name(dtype);
        ++seen;
      }
    }
    EXPECT_GT(seen, 0) << Name(dtype);
  }
}

TEST(TernaryTypes, TilingsAreCheckedAndUnknownShapesNeedOne) {
  const std::vector<std::byte> tl1(64 * 256 / 4 + 32);
  const auto open = [&](std::optional<TlTiling> tiling) {
    return TernaryRows::OpenEncoded(DType::kTL1, tl1, 64, 256, tiling).status().code();
  };
  EXPECT_EQ(open(std::nullopt), StatusCode::kUnsupported);
  EXPECT_EQ(open(TlTiling{64, 64, 64}), StatusCode::kOk);
  for (const TlTiling& bad :
       {TlTiling{0, 64, 64}, TlTiling{64, 0, 64}, TlTiling{64, 64, 0}, TlTiling{48, 64, 16}, TlTiling{64, 96, 64},
        TlTiling{64, 64, 48}, TlTiling{64, 64, 128}, TlTiling{64, 6, 32}, TlTiling{-64, 64, 64}}) {
    EXPECT_EQ(open(bad), StatusCode::kInvalidArgument) << bad.tile_rows << ' ' << bad.tile_cols << ' ' << bad.inner_rows;
  }
  EXPECT_EQ(KnownTlTiling(DType::kTL1, 1536, 1536), (TlTiling{128, 64, 64}));
  EXPECT_FALSE(KnownTlTiling(DType::kTL2, 2560, 2560).has_value());
  // Every preset suits its shape, and TL2 codes fit the size the writer pads to.
  for (const DType dtype : {DType::kTL1, DType::kTL2}) {
    for (const int64_t rows : {1536, 4096, 3200, 8640, 14336, 1024}) {
      for (const int64_t cols : {1536, 4096, 3200, 8640, 14336}) {
        const auto tiling = KnownTlTiling(dtype, rows, cols);
        if (tiling) {
          EXPECT_TRUE(CheckTlTiling(dtype, rows, cols, *tiling).ok()) << Name(dtype) << rows << 'x' << cols;
        }
      }
    }
  }
}

TEST(TernaryTypes, BinaryTypesRefuseZeros) {
  std::vector<int8_t> values(256, int8_t{1});
  values[200] = 0;
  const float scale[] = {0.5f};
  std::vector<std::byte> bytes(36);
  const Status status = EncodeTernary(DType::kQ1_0, *TernaryRows::OpenValues(values, scale, 1, 256), bytes);
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_THAT(std::string(status.message()), HasSubstr("row 0, column 200 is 0"));
}

TEST(TernaryTypes, GroupsWithScalesOfTheirOwnAreToldApart) {
  std::vector<std::byte> bytes = Encode(DType::kQ2_0, std::vector<int8_t>(2 * 128, int8_t{1}), {0.5f}, 2, 128, std::nullopt);
  EXPECT_TRUE(TernaryRows::OpenEncoded(DType::kQ2_0, bytes, 2, 128)->HasOneScalePerRow());
  bytes[18 * 3 + 1] = std::byte{0x3c};  // the last group's scale becomes 1.0
  EXPECT_FALSE(TernaryRows::OpenEncoded(DType::kQ2_0, bytes, 2, 128)->HasOneScalePerRow());
  std::fill_n(bytes.begin() + 18 * 3 + 2, 16, std::byte{0x55});  // but it holds zeros only
  EXPECT_TRUE(TernaryRows::OpenEncoded(DType::kQ2_0, bytes, 2, 128)->HasOneScalePerRow());
}

}  // namespace
}  // namespace sterna
