// Type ids that several engines use: sizes decide, and what the file says of itself.
#include <gtest/gtest.h>

#include "formats/gguf_reader.h"
#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectError;

struct Matrix {
  uint64_t rows, cols;
  uint32_t id;
  uint64_t bytes;  // as the writer counts them
};

// The matrices behind each other, each padded to 32 bytes, `extra` bytes further apart.
Result<GgufContents> Parse(const std::vector<Matrix>& matrices, std::string_view architecture = "", uint64_t extra = 0,
                           const OpenOptions& options = {}) {
  ByteBuilder file = ByteBuilder().GgufHeader(matrices.size(), architecture.empty() ? 0 : 1);
  if (!architecture.empty()) file.KeyString("general.architecture", architecture);
  uint64_t offset = 0;
  for (size_t i = 0; i < matrices.size(); ++i) {
    file.Tensor("t" + std::to_string(i), {matrices[i].cols, matrices[i].rows}, matrices[i].id, offset);
    offset += (matrices[i].bytes + 31) / 32 * 32 + extra;
  }
  static std::string kept;  // the entries point into it
  file.PadTo(32).Fill(offset);
  kept = file.text();
  return ParseGguf(std::as_bytes(std::span(kept.data(), kept.size())), "test file", options);
}

void ExpectType(const Result<GgufContents>& contents, DType dtype) {
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  for (const TensorEntry& entry : contents->tensors) {
    EXPECT_EQ(entry.dtype, dtype) << Name(entry.dtype);
    EXPECT_EQ(entry.data.size(), static_cast<size_t>(*TensorBytes(dtype, entry.shape)));
  }
}

constexpr uint64_t kElements = 256 * 512;

TEST(GgufTypeChoice, Id42IsGroupsOf64OrOf128OrTl2BySize) {
  const Matrix mainline{256, 512, 42, kElements / 64 * 18}, legacy{256, 512, 42, kElements / 128 * 34};
  ExpectType(Parse({mainline, mainline}), DType::kQ2_0);
  ExpectType(Parse({legacy, legacy}), DType::kPQ2_0);
  const int64_t shape[] = {256, 352};
  const Matrix tl2{256, 352, 42, static_cast<uint64_t>(*TensorBytes(DType::kTL2, shape))};
  ExpectType(Parse({tl2, tl2}, "bitnet"), DType::kTL2);
  EXPECT_EQ(tl2.bytes, 21504u + 32);
}

TEST(GgufTypeChoice, Id39IsMxfp4OrTl2) {
  const Matrix mxfp4{256, 512, 39, kElements / 32 * 17};
  ExpectType(Parse({mxfp4, mxfp4}, "llama"), DType::kMXFP4);
  const int64_t shape[] = {256, 512};
  const Matrix tl2{256, 512, 39, static_cast<uint64_t>(*TensorBytes(DType::kTL2, shape))};
  ExpectType(Parse({tl2, tl2}, "bitnet-b1.58"), DType::kTL2);
  // An architecture bitnet.cpp never writes TL2 for: too small to be MXFP4, and nothing else is considered.
  ExpectError(Parse({tl2, tl2}, "gpt-oss"), StatusCode::kMalformed, "MXFP4");
}

TEST(GgufTypeChoice, Id40IsNvfp4OrBinaryInGroupsOf32) {
  ExpectType(Parse({{256, 512, 40, kElements / 64 * 36}}), DType::kNVFP4);
  ExpectType(Parse({{256, 512, 40, kElements / 32 * 6}, {256, 512, 40, kElements / 32 * 6}}), DType::kQ1_0G32);
}

TEST(GgufTypeChoice, GapsBetweenTensorsLeaveMainlinesMeaning) {
  const Matrix mainline{256, 512, 42, kElements / 64 * 18};
  ExpectType(Parse({mainline, mainline}, "qwen3", 4096), DType::kQ2_0);
}

TEST(GgufTypeChoice, ACutLastTensorDoesNotChangeTheMeaningOfTheOthers) {
  const Matrix mainline{256, 512, 42, kElements / 64 * 18}, cut{256, 512, 42, kElements / 128 * 34};
  ExpectError(Parse({mainline, mainline, cut}), StatusCode::kMalformed, "Q2_0 [256, 512] to end within");
}

TEST(GgufTypeChoice, IdsOfOneEngineNeedNoChoice) {
  ExpectType(Parse({{256, 512, 41, kElements / 128 * 18}}), DType::kQ1_0);
  ExpectType(Parse({{256, 512, 134, 256 * (2 + 512 / 64 * 13)}}), DType::kIQ1_BN);
  ExpectType(Parse({{256, 512, 135, 256 * (4 + 512 / 4)}}), DType::kIQ2_BN);
  ExpectType(Parse({{256, 512, 335, 256 * (4 + 512 / 4)}}), DType::kIQ2_BN_R4);
  ExpectType(Parse({{256, 512, 142, kElements / 128 * 34}}), DType::kPQ2_0);
  ExpectType(Parse({{256, 512, 143, kElements / 128 * 28}}), DType::kPTQ1_0);
  ExpectError(Parse({{254, 512, 335, 254 * (4 + 512 / 4)}}), StatusCode::kMalformed, "IQ2_BN_R4 interleaves groups of 4 rows");
  // ik_llama.cpp's retired types have these two ids and are smaller.
  ExpectError(Parse({{256, 512, 142, kElements / 256 * 66}}), StatusCode::kMalformed, "to end within");
}

TEST(GgufTypeChoice, TheUserNamesTheLayoutOfI2SAndTheTilingOfTl1) {
  const Matrix i2s{256, 512, 36, kElements / 4 + 32}, tl1{256, 512, 38, kElements / 4 + 32};
  ExpectType(Parse({i2s}), DType::kI2_S);
  ExpectType(Parse({i2s}, "", 0, {.i2s_layout = I2sLayout::kInterleaved64}), DType::kI2_SArm);
  ExpectType(Parse({i2s}, "", 0, {.i2s_layout = I2sLayout::kRows4}), DType::kI2_SRows4);
  ExpectType(Parse({i2s}, "", 0, {.i2s_layout = I2sLayout::kSequential}), DType::kI2_SSequential);
  const auto without = Parse({tl1});
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without->tensors[0].tiling.has_value());
  const auto with = Parse({tl1}, "", 0, {.tl_presets = {{DType::kTL1, 256, 512, {128, 64, 32}}}});
  ASSERT_TRUE(with.ok());
  EXPECT_EQ(with->tensors[0].tiling, (TlTiling{128, 64, 32}));
  EXPECT_EQ(*I2sLayoutFromName("64"), I2sLayout::kInterleaved64);
  EXPECT_EQ(I2sLayoutFromName("256").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sterna
