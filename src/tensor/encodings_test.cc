#include "tensor/encodings.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "tensor/fixture_test.h"

namespace sterna {
namespace {

using testing::HasSubstr;

constexpr DType kBlockTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K, DType::kTQ1_0, DType::kTQ2_0};

std::vector<float> RandomValues(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

void ExpectSameBits(std::span<const float> found, std::span<const float> expected, std::string_view what) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(found[i]), std::bit_cast<uint32_t>(expected[i]))
        << what << " at " << i << ": " << found[i] << " instead of " << expected[i];
  }
}

TEST(Encodings, DecodesRandomBlocksAsGgufDoes) {
  for (const DType dtype : kBlockTypes) {
    const std::string name(Name(dtype));
    const std::vector<std::byte> data = ReadFixture("decode." + name + ".bin");
    const std::vector<float> expected = ReadFloatFixture("decode." + name + ".f32");
    std::vector<float> found(expected.size());
    const Status status = Dequantize(dtype, data, 1, static_cast<int64_t>(found.size()), found);
    ASSERT_TRUE(status.ok()) << status.message();
    ExpectSameBits(found, expected, name);
  }
}

TEST(Encodings, EncodesTheSameBytesAsGguf) {
  const std::vector<float> values = ReadFloatFixture("encode.f32");
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kTQ1_0, DType::kTQ2_0}) {
    const auto found = Quantize(dtype, values, 3, 512);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_EQ(*found, ReadFixture("encode." + std::string(Name(dtype)) + ".bin")) << Name(dtype);
  }
}

TEST(Encodings, TernaryPatternHasTheKnownBytes) {
  std::vector<float> values;
  for (const int8_t v : TernaryPattern(4, 256)) values.push_back(0.5f * static_cast<float>(v));
  for (const DType dtype : {DType::kI2_S, DType::kTQ1_0, DType::kTQ2_0, DType::kQ8_0, DType::kQ4_0}) {
    const auto found = Quantize(dtype, values, 4, 256);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_EQ(*found, ReadFixture("pattern." + std::string(Name(dtype)) + ".bin")) << Name(dtype);
    std::vector<float> back(values.size());
    ASSERT_TRUE(Dequantize(dtype, *found, 4, 256, back).ok());
    if (!Info(dtype).is_ternary) continue;  // the others round
    EXPECT_EQ(back, values) << Name(dtype);
  }
}

TEST(Encodings, RowsDecodeOneByOneLikeTheWholeTensor) {
  const std::vector<float> values = RandomValues(3 * 512, 1);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ6_K,
                            DType::kTQ1_0, DType::kTQ2_0}) {
    const auto data = Quantize(dtype, values, 3, 512);
    ASSERT_TRUE(data.ok());
    std::vector<float> whole(values.size()), row(512);
    ASSERT_TRUE(Dequantize(dtype, *data, 3, 512, whole).ok());
    for (int64_t r = 0; r < 3; ++r) {
      // From an odd address: rows of a mapped file have any alignment.
      std::vector<std::byte> moved(static_cast<size_t>(RowBytes(dtype, 512)) + 1);
      std::copy_n(data->begin() + r * RowBytes(dtype, 512), RowBytes(dtype, 512), moved.begin() + 1);
      DequantizeRow(dtype, moved.data() + 1, 512, TensorScale(dtype, data->data(), 3, 512), row.data());
      ExpectSameBits(row, std::span(whole).subspan(static_cast<size_t>(r) * 512, 512), Name(dtype));
    }
  }
}

TEST(Encodings, PlainTypesKeepTheirValues) {
  const std::vector<float> values = {0.0f, -0.0f, 1.0f, -65504.0f, 0x1p-24f, 3.140625f};
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    const auto data = Quantize(dtype, values, 2, 3);
    ASSERT_TRUE(data.ok());
    std::vector<float> back(values.size());
    ASSERT_TRUE(Dequantize(dtype, *data, 2, 3, back).ok());
    for (size_t i = 0; i < values.size(); ++i) {
      if (dtype == DType::kBF16 && i == 3) continue;  // -65504 has more bits than bfloat16
      EXPECT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(values[i])) << Name(dtype) << ' ' << i;
    }
  }
  const double wide[] = {1.0 / 3, -1e300};
  std::vector<float> narrow(2);
  ASSERT_TRUE(Dequantize(DType::kF64, std::as_bytes(std::span(wide)), 1, 2, narrow).ok());
  EXPECT_EQ(narrow[0], 1.0f / 3);
  EXPECT_EQ(narrow[1], -std::numeric_limits<float>::infinity());
}

// |w - decoded| <= half a step, plus the rounding of the f16 scale over the range of codes, for values whose scale is a normal f16.
TEST(Encodings, RoundTripStaysWithinHalfAStep) {
  const std::vector<float> values = RandomValues(64 * 256, 2);
  struct Case {
    DType dtype;
    int64_t block;
    double steps;       // of the block's value range (Q4_1) or magnitude
    double half_steps;  // allowed error
  };
  // Q4_0's code 15 stands for +7 only, so the side opposite to the extreme may miss by a whole step.
  for (const Case& c : {Case{DType::kQ8_0, 32, 127, 1.15}, Case{DType::kQ4_0, 32, 8, 2.05}, Case{DType::kQ4_1, 32, 15, 1.05}}) {
    const auto data = Quantize(c.dtype, values, 64, 256);
    ASSERT_TRUE(data.ok());
    std::vector<float> back(values.size());
    ASSERT_TRUE(Dequantize(c.dtype, *data, 64, 256, back).ok());
    for (size_t first = 0; first < values.size(); first += static_cast<size_t>(c.block)) {
      float low = values[first], high = low;
      for (size_t i = first; i < first + static_cast<size_t>(c.block); ++i) {
        low = std::min(low, values[i]);
        high = std::max(high, values[i]);
      }
      const double range = c.dtype == DType::kQ4_1 ? high - low : std::max(high, -low);
      for (size_t i = first; i < first + static_cast<size_t>(c.block); ++i) {
        ASSERT_LE(std::fabs(back[i] - values[i]), range / c.steps * c.half_steps / 2) << Name(c.dtype) << " at " << i;
      }
    }
  }
}

TEST(Encodings, Q6KLosesWhatSixBitsLose) {
  const std::vector<float> values = RandomValues(64 * 256, 3);
  const auto data = Quantize(DType::kQ6_K, values, 64, 256);
  ASSERT_TRUE(data.ok());
  std::vector<float> back(values.size());
  ASSERT_TRUE(Dequantize(DType::kQ6_K, *data, 64, 256, back).ok());
  double error = 0, energy = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += (back[i] - values[i]) * (back[i] - values[i]);
    energy += values[i] * values[i];
  }
  // A step of amax / 32, with E[amax^2] = 3.5 for 16 normal values, costs 3.5 / 32^2 / 12 = 2.9e-4; the 8-bit scales a little more.
  EXPECT_LT(error / energy, 3.3e-4);
  EXPECT_GT(error / energy, 1e-5);
}

TEST(Encodings, ZerosAndDenormalsEncodeInEveryType) {
  for (const DType dtype : kBlockTypes) {
    for (const float value : {0.0f, 1e-45f, -3e-39f, 1e-20f, 1e-12f}) {
      const std::vector<float> values(256, value);
      const auto data = Quantize(dtype, values, 1, 256);
      ASSERT_TRUE(data.ok()) << Name(dtype) << ' ' << value;
      std::vector<float> back(256);
      ASSERT_TRUE(Dequantize(dtype, *data, 1, 256, back).ok());
      for (const float w : back) ASSERT_EQ(w, 0) << Name(dtype) << ' ' << value;
    }
  }
}

TEST(Encodings, NonFiniteAndOverlargeValuesAreRefusedWithTheirPlace) {
  for (const DType dtype : kBlockTypes) {
    std::vector<float> values(2 * 256, 0.5f);
    values[256 + 7] = std::numeric_limits<float>::quiet_NaN();
    const auto nan = Quantize(dtype, values, 2, 256);
    ASSERT_EQ(nan.status().code(), StatusCode::kMalformed) << Name(dtype);
    EXPECT_THAT(nan.status().message(), HasSubstr("row 1, column 7"));
    for (const float large : {3e38f, 1e15f, 1e10f}) {
      values[256 + 7] = large;
      EXPECT_EQ(Quantize(dtype, values, 2, 256).status().code(), StatusCode::kOutOfRange) << Name(dtype) << ' ' << large;
    }
  }
  const float large[] = {1.0f, 65520.0f};
  const auto half = Quantize(DType::kF16, large, 1, 2);
  ASSERT_EQ(half.status().code(), StatusCode::kOutOfRange);
  EXPECT_THAT(half.status().message(), HasSubstr("row 0, column 1: 65520"));
  const float infinite[] = {std::numeric_limits<float>::infinity(), 1.0f};
  EXPECT_TRUE(Quantize(DType::kF16, infinite, 1, 2).ok());
}

TEST(Encodings, I2SRefusesWhatIsNotTernaryWithOneScale) {
  std::vector<float> values(2 * 128, 0.25f);
  values[3] = 0;
  values[128 + 5] = -0.25f;
  ASSERT_TRUE(Quantize(DType::kI2_S, values, 2, 128).ok());
  values[128 + 6] = 0.125f;
  const auto refused = Quantize(DType::kI2_S, values, 2, 128);
  ASSERT_EQ(refused.status().code(), StatusCode::kUnsupported);
  EXPECT_THAT(refused.status().message(), HasSubstr("row 1, column 6: weight 0.125 is neither 0 nor +-0.25"));
  values[128 + 6] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(Quantize(DType::kI2_S, values, 2, 128).ok());
}

TEST(Encodings, I2SCodeThreeDecodesToZeroAndTq20ToTwoScales) {
  std::vector<std::byte> i2s(64, std::byte{0xff});
  const float scale = 0.5f;
  std::memcpy(i2s.data() + 32, &scale, sizeof(scale));
  std::vector<float> out(256);
  ASSERT_TRUE(Dequantize(DType::kI2_S, i2s, 1, 128, std::span(out).first(128)).ok());
  EXPECT_EQ(out[17], 0);
  std::vector<std::byte> tq2(66, std::byte{0xff});
  tq2[64] = std::byte{0x00};
  tq2[65] = std::byte{0x3c};  // 1.0
  ASSERT_TRUE(Dequantize(DType::kTQ2_0, tq2, 1, 256, out).ok());
  EXPECT_EQ(out[17], 2);
}

TEST(Encodings, WrongSizesAndTypesAreErrors) {
  std::vector<std::byte> data(66);
  std::vector<float> out(256);
  EXPECT_TRUE(Dequantize(DType::kTQ2_0, data, 1, 256, out).ok());
  EXPECT_EQ(Dequantize(DType::kTQ2_0, data, 1, 255, out).code(), StatusCode::kMalformed);
  EXPECT_EQ(Dequantize(DType::kTQ2_0, data, 2, 256, out).code(), StatusCode::kMalformed);
  EXPECT_EQ(Dequantize(DType::kTQ2_0, data, -1, 256, out).code(), StatusCode::kMalformed);
  EXPECT_EQ(Dequantize(DType::kTQ2_0, data, int64_t{1} << 60, 256, out).code(), StatusCode::kMalformed);
  EXPECT_EQ(Dequantize(DType::kTQ2_0, data, 1, 256, std::span(out).first(255)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Dequantize(DType::kI32, data, 1, 16, out).code(), StatusCode::kUnsupported);
  EXPECT_TRUE(Dequantize(DType::kF32, {}, int64_t{1} << 60, 0, {}).ok());
  EXPECT_EQ(Quantize(DType::kI8, out, 1, 256).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(Quantize(DType::kQ8_0, out, int64_t{1} << 50, 256).status().code(), StatusCode::kInvalidArgument);
}

TEST(Encodings, EveryTypeWithRowsOfWeightsHasADecoderAndNoOtherHas) {
  for (int i = 0; i < kDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    const bool is_integer = dtype >= DType::kU8 && dtype <= DType::kBool;
    const bool has_rows = Info(dtype).row_group == 1 && dtype != DType::kTL1 && dtype != DType::kTL2;
    EXPECT_EQ(FindRowDecoder(dtype) != nullptr, !is_integer && has_rows) << Name(dtype);
    EXPECT_EQ(DTypeFromName(Name(dtype)), dtype);
  }
}

}  // namespace
}  // namespace sterna
