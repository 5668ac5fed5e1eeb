// The block types against ggml's own C code: fixtures of tools/fixtures/ggml_encodings.py.
#include <gmock/gmock.h>

#include <bit>
#include <map>
#include <sstream>

#include "tensor/encodings.h"
#include "tensor/fixture_test.h"

namespace sterna {
namespace {

constexpr DType kDecoded[] = {DType::kQ5_0, DType::kQ5_1,   DType::kQ2_K,  DType::kQ3_K,  DType::kQ4_K, DType::kQ5_K,
                              DType::kQ6_K, DType::kIQ4_NL, DType::kMXFP4, DType::kNVFP4, DType::kQ1_0, DType::kQ2_0};
constexpr DType kEncoded[] = {DType::kQ5_0, DType::kQ5_1, DType::kQ2_K,   DType::kQ3_K, DType::kQ4_K,
                              DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL, DType::kQ2_0};

TEST(BlockTypes, RandomBlocksDecodeAsInGgml) {
  for (const DType dtype : kDecoded) {
    const std::string name(Name(dtype));
    const std::vector<std::byte> data = ReadFixture("decode." + name + ".bin");
    const std::vector<float> expected = ReadFloatFixture("decode." + name + ".f32");
    std::vector<float> found(expected.size());
    const Status status = Dequantize(dtype, data, 1, static_cast<int64_t>(found.size()), found);
    ASSERT_TRUE(status.ok()) << status.message();
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(found[i]), std::bit_cast<uint32_t>(expected[i])) << name << " at " << i;
    }
  }
}

TEST(BlockTypes, SpecialValuesEncodeAsInGgml) {
  const std::vector<float> values = ReadFloatFixture("encode.f32");
  for (const DType dtype : kEncoded) {
    const auto found = Quantize(dtype, values, 3, 512);
    ASSERT_TRUE(found.ok()) << found.status().message();
    std::vector<std::byte> expected = ReadFixture("encode." + std::string(Name(dtype)) + ".bin");
    ASSERT_EQ(found->size(), expected.size());
    // In a block of zeros ggml leaves the codes of the block before; its scale is 0, so they mean nothing.
    for (size_t at = 0; dtype == DType::kIQ4_NL && at < expected.size(); at += 18) {
      if (expected[at] == std::byte{0} && expected[at + 1] == std::byte{0}) std::fill_n(expected.data() + at + 2, 16, std::byte{0});
    }
    EXPECT_EQ(*found, expected) << Name(dtype);
  }
}

// The generator of the fixture script: cubes of uniform numbers, so that groups have outliers.
std::vector<float> PseudoRandomValues(size_t count) {
  uint64_t state = 12345;
  std::vector<float> values(count);
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const float uniform = static_cast<float>(static_cast<int64_t>(state >> 33) - (int64_t{1} << 30)) * 0x1p-30f;
    value = uniform * uniform * uniform * 0.25f;
  }
  return values;
}

uint64_t Fnv1a(std::span<const std::byte> bytes) {
  uint64_t digest = 0xcbf29ce484222325u;
  for (const std::byte byte : bytes) digest = (digest ^ static_cast<uint64_t>(byte)) * 0x100000001b3u;
  return digest;
}

TEST(BlockTypes, ManyBlocksEncodeAsInGgml) {
  const std::vector<std::byte> text = ReadFixture("encode_digests.txt");
  std::istringstream lines(std::string(reinterpret_cast<const char*>(text.data()), text.size()));
  std::map<std::string, uint64_t> expected;
  std::string name;
  for (uint64_t digest; lines >> name >> std::hex >> digest;) expected[name] = digest;
  ASSERT_EQ(expected.size(), std::size(kEncoded));
  const std::vector<float> values = PseudoRandomValues(512 * 256);
  for (const DType dtype : kEncoded) {
    const auto found = Quantize(dtype, values, 512, 256);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_EQ(Fnv1a(*found), expected.at(std::string(Name(dtype)))) << Name(dtype);
  }
}

TEST(BlockTypes, ZerosDenormalsAndOverlargeValuesHaveAnAnswer) {
  for (const DType dtype : kEncoded) {
    for (const float value : {0.0f, 1e-45f, -3e-39f, 1e-20f}) {
      const std::vector<float> values(256, value);
      const auto data = Quantize(dtype, values, 1, 256);
      ASSERT_TRUE(data.ok()) << Name(dtype) << ' ' << value;
      std::vector<float> back(256);
      ASSERT_TRUE(Dequantize(dtype, *data, 1, 256, back).ok());
      for (const float w : back) ASSERT_EQ(w, 0) << Name(dtype) << ' ' << value;
    }
    for (const float large : {3e38f, 1e15f, 1e10f}) {
      std::vector<float> values(512, 0.5f);
      values[256 + 7] = large;
      EXPECT_EQ(Quantize(dtype, values, 2, 256).status().code(), StatusCode::kOutOfRange) << Name(dtype) << ' ' << large;
    }
  }
}

TEST(BlockTypes, TypesWithoutAnEncoderSayso) {
  const std::vector<float> values(256);
  for (const DType dtype : {DType::kMXFP4, DType::kNVFP4}) {
    EXPECT_EQ(Quantize(dtype, values, 1, 256).status().code(), StatusCode::kUnsupported);
  }
}

}  // namespace
}  // namespace sterna
