#include "tensor/ternary_rows.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/half.h"
#include "tensor/encodings.h"
#include "tensor/fixture_test.h"

namespace sterna {
namespace {

using testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr DType kTernaryTypes[] = {DType::kTQ1_0, DType::kTQ2_0, DType::kI2_S};

std::vector<int8_t> RandomTernary(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int8_t> values(count);
  for (int8_t& value : values) value = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
  return values;
}

std::vector<std::byte> Encode(DType dtype, const std::vector<int8_t>& values, const std::vector<float>& scales, int64_t rows,
                              int64_t cols) {
  const auto matrix = TernaryRows::OpenValues(values, scales, rows, cols);
  EXPECT_TRUE(matrix.ok()) << matrix.status().message();
  const int64_t shape[] = {rows, cols};
  std::vector<std::byte> bytes(static_cast<size_t>(*TensorBytes(dtype, shape)), std::byte{0xcc});
  const Status status = EncodeTernary(dtype, *matrix, bytes);
  EXPECT_TRUE(status.ok()) << status.message();
  return bytes;
}

// All values, and the factor of each row; the first error ends it.
Status ReadAll(const TernaryRows& matrix, std::vector<int8_t>* values, std::vector<float>* scales) {
  values->resize(static_cast<size_t>(matrix.rows() * matrix.cols()));
  scales->resize(static_cast<size_t>(matrix.rows()));
  for (int64_t r = 0; r < matrix.rows(); ++r) {
    const auto row = std::span(*values).subspan(static_cast<size_t>(r * matrix.cols()), static_cast<size_t>(matrix.cols()));
    STERNA_RETURN_IF_ERROR(matrix.Read(r, row, &(*scales)[static_cast<size_t>(r)]));
  }
  return Status::Ok();
}

Status ReadAll(const Result<TernaryRows>& matrix) {
  if (!matrix.ok()) return matrix.status();
  std::vector<int8_t> values;
  std::vector<float> scales;
  return ReadAll(*matrix, &values, &scales);
}

TEST(TernaryRows, PatternHasTheKnownBytes) {
  for (const DType dtype : kTernaryTypes) {
    EXPECT_EQ(Encode(dtype, TernaryPattern(4, 256), {0.5f}, 4, 256), ReadFixture("pattern." + std::string(Name(dtype)) + ".bin"))
        << Name(dtype);
  }
  const std::vector<int8_t> values = TernaryPattern(8, 16);
  const float scale[] = {0.5f};
  std::vector<std::byte> packed(32);
  float multiply_scale = 0;
  ASSERT_TRUE(EncodePacked(*TernaryRows::OpenValues(values, scale, 8, 16), packed, &multiply_scale).ok());
  EXPECT_EQ(packed, ReadFixture("pattern.HF.bin"));
  EXPECT_EQ(multiply_scale, 0.5f);
}

TEST(TernaryRows, EveryEncodingReturnsWhatWasWritten) {
  const std::vector<int8_t> values = RandomTernary(5 * 768, 4);
  for (const DType dtype : kTernaryTypes) {
    const std::vector<float> scales =
        dtype == DType::kI2_S ? std::vector<float>{0.1f} : std::vector<float>{0.5f, 0.25f, 1.5f, 0x1p-24f, 60000.0f};
    const std::vector<std::byte> bytes = Encode(dtype, values, scales, 5, 768);
    const auto matrix = TernaryRows::OpenEncoded(dtype, bytes, 5, 768);
    ASSERT_TRUE(matrix.ok()) << matrix.status().message();
    std::vector<int8_t> found;
    std::vector<float> found_scales;
    ASSERT_TRUE(ReadAll(*matrix, &found, &found_scales).ok());
    EXPECT_EQ(found, values) << Name(dtype);
    for (size_t r = 0; r < 5; ++r) EXPECT_EQ(found_scales[r], scales[scales.size() == 1 ? 0 : r]) << Name(dtype);

    // Codes times the factor are what Dequantize gives.
    std::vector<float> floats(values.size());
    ASSERT_TRUE(Dequantize(dtype, bytes, 5, 768, floats).ok());
    for (size_t i = 0; i < floats.size(); ++i) ASSERT_EQ(floats[i], static_cast<float>(found[i]) * found_scales[i / 768]);
  }
}

TEST(TernaryRows, EveryByteOfTq10IsDefined) {
  // 256 blocks, each filled with one byte value; digits repeat the decoding by division of the rounded-up fraction.
  std::vector<std::byte> bytes(256 * 54);
  for (size_t b = 0; b < 256; ++b) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(54 * b), 52, static_cast<std::byte>(b));
    bytes[54 * b + 53] = std::byte{0x3c};  // scale 1
  }
  const auto matrix = TernaryRows::OpenEncoded(DType::kTQ1_0, bytes, 256, 256);
  ASSERT_TRUE(matrix.ok());
  std::vector<int8_t> row(256);
  float scale;
  for (int64_t b = 0; b < 256; ++b) {
    ASSERT_TRUE(matrix->Read(b, row, &scale).ok());
    int64_t number = b * 243 / 256;  // the largest number of five digits that is stored as at most b
    int digits[5];
    for (int n = 4; n >= 0; --n, number /= 3) digits[n] = static_cast<int>(number % 3);
    for (size_t n = 0; n < 5; ++n) ASSERT_EQ(row[32 * n], digits[n] - 1) << "byte " << b << " digit " << n;
  }
}

TEST(TernaryRows, PackedRowsInterleaveByQuartersForAnyNumberOfRows) {
  for (const int64_t rows : {1, 2, 3, 4, 5, 7, 10, 33}) {
    const int64_t cols = 5, quarter = (rows + 3) / 4;
    const std::vector<int8_t> values = RandomTernary(static_cast<size_t>(rows * cols), static_cast<uint32_t>(rows));
    const float scale[] = {2.0f};
    std::vector<std::byte> packed(static_cast<size_t>(quarter * cols));
    float multiply_scale;
    ASSERT_TRUE(EncodePacked(*TernaryRows::OpenValues(values, scale, rows, cols), packed, &multiply_scale).ok());
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        const int code = static_cast<int>(packed[static_cast<size_t>(r % quarter * cols + c)]) >> (2 * (r / quarter)) & 3;
        ASSERT_EQ(code - 1, values[static_cast<size_t>(r * cols + c)]) << rows << " rows: " << r << ',' << c;
      }
    }
    // Codes of rows past the last may be anything.
    if (rows % 4 != 0) packed[static_cast<size_t>((quarter - 1) * cols)] |= std::byte{0xc0};
    std::vector<int8_t> found;
    std::vector<float> scales;
    const auto matrix = TernaryRows::OpenPacked(packed, rows, cols, 4.0f, WeightScaleRule::kDivide);
    ASSERT_TRUE(matrix.ok() && ReadAll(*matrix, &found, &scales).ok());
    EXPECT_EQ(found, values);
    EXPECT_EQ(scales[0], 0.25f);
  }
}

TEST(TernaryRows, ScaleRuleDecidesBetweenMultiplyAndDivide) {
  const std::vector<std::byte> packed(4, std::byte{0x55});
  for (const auto& [rule, expected] : {std::pair{WeightScaleRule::kMultiply, 8.0f}, std::pair{WeightScaleRule::kDivide, 0.125f}}) {
    const auto matrix = TernaryRows::OpenPacked(packed, 4, 4, 8.0f, rule);
    ASSERT_TRUE(matrix.ok());
    std::vector<int8_t> row(4);
    float scale;
    ASSERT_TRUE(matrix->Read(0, row, &scale).ok());
    EXPECT_EQ(scale, expected);
  }
}

TEST(TernaryRows, MasterWeightsFollowTheAbsMeanRule) {
  // mean |W| = 1, so t = 1: halves round to the even 0, and what lies above a half to one.
  const std::vector<float> w = {0.5f, -0.5f, std::nextafter(0.5f, 1.0f), -0.75f, 3.0f, -2.75f, 0.0f, 0.0f};
  const float expected_t = 1.0f / static_cast<float>((0.5 + 0.5 + std::nextafter(0.5f, 1.0f) + 0.75 + 3.0 + 2.75) / 8);
  ASSERT_EQ(expected_t, 1.0f);
  std::vector<int8_t> values;
  std::vector<float> scales;
  const auto matrix = TernaryRows::OpenMaster(DType::kF32, std::as_bytes(std::span(w)), 2, 4);
  ASSERT_TRUE(matrix.ok() && ReadAll(*matrix, &values, &scales).ok());
  EXPECT_EQ(values, (std::vector<int8_t>{0, 0, 1, -1, 1, -1, 0, 0}));
  EXPECT_EQ(scales, (std::vector<float>{1.0f, 1.0f}));

  const std::vector<float> tiny(8, 1e-7f);  // below the floor of the mean: t = 1e5, and 0.01 rounds to 0
  const auto floor = TernaryRows::OpenMaster(DType::kF32, std::as_bytes(std::span(tiny)), 2, 4);
  ASSERT_TRUE(floor.ok() && ReadAll(*floor, &values, &scales).ok());
  EXPECT_EQ(values, std::vector<int8_t>(8, 0));
  EXPECT_EQ(scales[0], 1.0f / (1.0f / 1e-5f));
}

TEST(TernaryRows, MasterWeightsInHalfPrecisionGiveTheSameCodes) {
  std::mt19937 random(5);
  std::vector<float> rounded;
  std::vector<uint16_t> bf16, f16;
  for (int i = 0; i < 6 * 40; ++i) {
    const float w = static_cast<float>(static_cast<int>(random() % 255) - 127) / 64.0f;  // exact in both
    rounded.push_back(w);
    bf16.push_back(FloatToBf16(w));
    f16.push_back(FloatToF16(w));
  }
  std::vector<int8_t> expected, values;
  std::vector<float> expected_scales, scales;
  ASSERT_TRUE(
      ReadAll(*TernaryRows::OpenMaster(DType::kF32, std::as_bytes(std::span(rounded)), 6, 40), &expected, &expected_scales).ok());
  ASSERT_TRUE(ReadAll(*TernaryRows::OpenMaster(DType::kBF16, std::as_bytes(std::span(bf16)), 6, 40), &values, &scales).ok());
  EXPECT_EQ(values, expected);
  ASSERT_TRUE(ReadAll(*TernaryRows::OpenMaster(DType::kF16, std::as_bytes(std::span(f16)), 6, 40), &values, &scales).ok());
  EXPECT_EQ(values, expected);
  EXPECT_EQ(scales, expected_scales);
}

TEST(TernaryRows, ExactFloatsKeepEachRowsScaleOrAreRefused) {
  std::vector<float> w = {0, -0.25f, 0.25f, 0, 3, 3, -3, 0, 0, 0, 0, -0.0f};
  std::vector<int8_t> values;
  std::vector<float> scales;
  ASSERT_TRUE(ReadAll(*TernaryRows::OpenExact(DType::kF32, std::as_bytes(std::span(w)), 3, 4), &values, &scales).ok());
  EXPECT_EQ(values, (std::vector<int8_t>{0, -1, 1, 0, 1, 1, -1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(scales, (std::vector<float>{0.25f, 3.0f, 0.0f}));
  w[6] = 2;
  const Status refused = ReadAll(TernaryRows::OpenExact(DType::kF32, std::as_bytes(std::span(w)), 3, 4));
  EXPECT_EQ(refused.code(), StatusCode::kUnsupported);
  EXPECT_THAT(refused.message(), HasSubstr("row 1, column 2: weight 2"));
}

TEST(TernaryRows, CodeThreeIsMalformedWithItsPlace) {
  for (const DType dtype : {DType::kTQ2_0, DType::kI2_S}) {
    std::vector<std::byte> bytes = Encode(dtype, TernaryPattern(3, 512), {0.5f}, 3, 512);
    bytes[static_cast<size_t>(RowBytes(dtype, 512)) + 5] |=
        dtype == DType::kI2_S ? std::byte{0x0c} : std::byte{0x30};  // column 64 + 5
    const Status status = ReadAll(TernaryRows::OpenEncoded(dtype, bytes, 3, 512));
    EXPECT_EQ(status.code(), StatusCode::kMalformed) << Name(dtype);
    EXPECT_THAT(status.message(), HasSubstr("row 1, column 69")) << Name(dtype);
  }
  std::vector<std::byte> packed(8, std::byte{0x55});
  packed[6] = std::byte{0x75};
  const Status status = ReadAll(TernaryRows::OpenPacked(packed, 8, 4, 1.0f, WeightScaleRule::kMultiply));
  EXPECT_THAT(status.message(), HasSubstr("row 5, column 2"));
}

TEST(TernaryRows, BlocksOfARowMustShareTheirScaleUnlessTheyHoldZeros) {
  std::vector<int8_t> values = RandomTernary(2 * 768, 6);
  std::fill_n(values.begin() + 768 + 256, 256, int8_t{0});  // row 1, block 1
  for (const DType dtype : {DType::kTQ1_0, DType::kTQ2_0}) {
    std::vector<std::byte> bytes = Encode(dtype, values, {0.5f, 0.25f}, 2, 768);
    const auto set_scale = [&](size_t block, float scale) {
      const uint16_t half = FloatToF16(scale);
      const auto block_bytes = static_cast<size_t>(Info(dtype).block_bytes);
      std::memcpy(bytes.data() + (block + 1) * block_bytes - 2, &half, 2);
    };
    std::vector<int8_t> found;
    std::vector<float> scales;
    set_scale(4, 7.0f);  // the block of zeros may claim any scale
    ASSERT_TRUE(ReadAll(*TernaryRows::OpenEncoded(dtype, bytes, 2, 768), &found, &scales).ok());
    EXPECT_EQ(found, values);
    EXPECT_EQ(scales, (std::vector<float>{0.5f, 0.25f}));

    set_scale(5, 0.0f);  // a block of scale 0 holds zeros whatever its codes
    ASSERT_TRUE(ReadAll(*TernaryRows::OpenEncoded(dtype, bytes, 2, 768), &found, &scales).ok());
    EXPECT_EQ(std::vector<int8_t>(found.end() - 256, found.end()), std::vector<int8_t>(256, 0));
    EXPECT_EQ(scales[1], 0.25f);

    set_scale(5, 0.375f);
    const Status status = ReadAll(TernaryRows::OpenEncoded(dtype, bytes, 2, 768));
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_THAT(status.message(), HasSubstr("row 1 has block scales 0.25 and 0.375 (column 512)"));

    for (const float bad : {kNaN, kInfinity, -0.5f}) {
      set_scale(5, bad);
      const auto refused = TernaryRows::OpenEncoded(dtype, bytes, 2, 768);
      EXPECT_EQ(refused.status().code(), StatusCode::kMalformed) << bad;
      EXPECT_THAT(refused.status().message(), HasSubstr("row 1, column 512"));
    }
  }
}

TEST(TernaryRows, ScalesOfI2SAreChecked) {
  std::vector<std::byte> bytes = Encode(DType::kI2_S, TernaryPattern(2, 128), {0.5f}, 2, 128);
  const auto set_scale = [&](float scale) { std::memcpy(bytes.data() + 64, &scale, 4); };
  for (const float bad : {kNaN, kInfinity, -1.0f, 0.0f}) {
    set_scale(bad);
    EXPECT_EQ(ReadAll(TernaryRows::OpenEncoded(DType::kI2_S, bytes, 2, 128)).code(), StatusCode::kMalformed) << bad;
  }
  for (const float good : {1e38f, 1e-42f}) {
    set_scale(good);
    EXPECT_TRUE(ReadAll(TernaryRows::OpenEncoded(DType::kI2_S, bytes, 2, 128)).ok()) << good;
  }
  set_scale(0.0f);
  std::fill_n(bytes.begin(), 64, std::byte{0x55});  // zeros only: scale 0 says the same
  EXPECT_TRUE(ReadAll(TernaryRows::OpenEncoded(DType::kI2_S, bytes, 2, 128)).ok());
  bytes.resize(64);
  const auto missing = TernaryRows::OpenEncoded(DType::kI2_S, bytes, 2, 128);
  EXPECT_EQ(missing.status().code(), StatusCode::kMalformed);
  EXPECT_THAT(missing.status().message(), HasSubstr("takes 96 bytes, found 64: the scale behind the codes is missing"));
}

TEST(TernaryRows, PackedScalesAndSizesAreChecked) {
  const std::vector<std::byte> packed(8, std::byte{0x55});
  const auto open = [&](int64_t rows, int64_t cols, float scale, WeightScaleRule rule) {
    return TernaryRows::OpenPacked(packed, rows, cols, scale, rule).status().code();
  };
  EXPECT_EQ(open(8, 4, 1.0f, WeightScaleRule::kDivide), StatusCode::kOk);
  for (const float bad : {kNaN, kInfinity, -1.0f, 0.0f})
    EXPECT_EQ(open(8, 4, bad, WeightScaleRule::kDivide), StatusCode::kMalformed);
  EXPECT_EQ(open(8, 4, 1e-42f, WeightScaleRule::kDivide), StatusCode::kMalformed);
  EXPECT_EQ(open(9, 4, 1.0f, WeightScaleRule::kDivide), StatusCode::kMalformed);
  EXPECT_EQ(open(8, 0, 1.0f, WeightScaleRule::kDivide), StatusCode::kMalformed);
  EXPECT_EQ(open(-8, 4, 1.0f, WeightScaleRule::kDivide), StatusCode::kMalformed);
  EXPECT_EQ(open(int64_t{1} << 62, int64_t{1} << 62, 1.0f, WeightScaleRule::kDivide), StatusCode::kMalformed);
}

TEST(TernaryRows, MasterWeightsMustBeFinite) {
  std::vector<float> w(8, 1.0f);
  w[6] = kNaN;
  const auto matrix = TernaryRows::OpenMaster(DType::kF32, std::as_bytes(std::span(w)), 2, 4);
  EXPECT_EQ(matrix.status().code(), StatusCode::kMalformed);
  EXPECT_THAT(matrix.status().message(), HasSubstr("row 1, column 2"));
  std::fill(w.begin(), w.end(), std::numeric_limits<float>::max());
  const Status huge = ReadAll(TernaryRows::OpenMaster(DType::kF32, std::as_bytes(std::span(w)), 2, 4));
  EXPECT_TRUE(huge.ok() || huge.code() == StatusCode::kOutOfRange);
  EXPECT_EQ(TernaryRows::OpenMaster(DType::kQ8_0, {}, 1, 32).status().code(), StatusCode::kUnsupported);
}

TEST(TernaryRows, WritersRefuseWhatTheirFormatCannotHold) {
  const std::vector<int8_t> values(3 * 256, 1);
  std::vector<std::byte> out(3 * 64 + 32);
  const std::vector<float> two_scales = {0.5f, 0.5f, 0.25f};
  const Status i2s = EncodeTernary(DType::kI2_S, *TernaryRows::OpenValues(values, two_scales, 3, 256), out);
  EXPECT_EQ(i2s.code(), StatusCode::kUnsupported);
  EXPECT_THAT(i2s.message(), HasSubstr("row 0 has 0.5 and row 2 has 0.25"));
  for (const float scale : {1e-9f, 1e6f}) {
    const std::vector<float> scales = {scale};
    EXPECT_EQ(EncodeTernary(DType::kTQ2_0, *TernaryRows::OpenValues(values, scales, 3, 256), std::span(out).first(3 * 66)).code(),
              StatusCode::kOutOfRange);
  }
  const std::vector<float> one = {1.0f};
  EXPECT_EQ(EncodeTernary(DType::kTQ2_0, *TernaryRows::OpenValues(values, one, 3, 256), out).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodeTernary(DType::kQ8_0, *TernaryRows::OpenValues(values, one, 3, 256), out).code(), StatusCode::kUnsupported);
  std::vector<int8_t> bad = values;
  bad[256] = 2;
  EXPECT_EQ(ReadAll(TernaryRows::OpenValues(bad, one, 3, 256)).code(), StatusCode::kInvalidArgument);
}

TEST(TernaryRows, ReadChecksItsArguments) {
  const std::vector<int8_t> values(8, 0);
  const std::vector<float> one = {1.0f};
  const auto matrix = TernaryRows::OpenValues(values, one, 2, 4);
  std::vector<int8_t> row(4);
  float scale;
  EXPECT_EQ(matrix->Read(2, row, &scale).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(matrix->Read(-1, row, &scale).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(matrix->Read(0, std::span(row).first(3), &scale).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sterna
