// Malformed tensor lists: rows G14 to G22, G25 and G40 of the catalogue in README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "formats/gguf_reader.h"
#include "formats/gguf_types.h"
#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectOk;
using testing::kIdF32;
using testing::kIdI2S;
using testing::kIdI8;
using testing::kIdQ6K;
using testing::kIdTQ1;
using testing::kIdTQ2;
using testing::OneTensor;

constexpr uint64_t kMaxU64 = std::numeric_limits<uint64_t>::max();

Result<GgufContents> Parse(const ByteBuilder& file) {
  return ParseGguf(file.bytes(), "test file");
}

void ExpectGgufRejected(const ByteBuilder& file, std::string_view message_part, StatusCode code = StatusCode::kMalformed) {
  testing::ExpectRejected([](auto bytes, auto name) { return ParseGguf(bytes, name); }, file, message_part, code);
}

TEST(GgufHostile, G14TensorNamesAreBoundedTextAndUnique) {
  const auto named = [](std::string_view name) { return OneTensor(name, {8}, kIdF32, 0, 32); };
  ExpectGgufRejected(named(""), "tensor 0: name: expected at least 1 byte");
  ExpectGgufRejected(named(std::string(65536, 'n')), "name: expected at most 4096 bytes, found 65536");
  ExpectGgufRejected(named("a\xfe"), "name: expected UTF-8");
  ExpectGgufRejected(named(std::string_view("a\0", 2)), "name: expected no NUL");
  for (const size_t length : {64u, 65u, 4096u}) {
    const auto contents = Parse(named(std::string(length, 'n')));
    ASSERT_TRUE(contents.ok()) << contents.status().message();
    EXPECT_EQ(contents->tensors[0].name.size(), length);
  }
  const auto two = [](std::string_view a, std::string_view b) {
    return ByteBuilder().GgufHeader(2, 0).Tensor(a, {8}, kIdF32, 0).Tensor(b, {8}, kIdF32, 32).PadTo(32).Fill(64);
  };
  ExpectGgufRejected(two("same", "same"), "expected each name once, found 'same' again");
  const std::string long_name(63, 'n');
  const auto contents = Parse(two(long_name + "a", long_name + "b"));
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->tensors[1].name.back(), 'b');
}

TEST(GgufHostile, G15DimensionCountIsOneToFour) {
  for (const uint32_t count : {0u, 5u, 0xFFFFFFFFu}) {
    ExpectGgufRejected(ByteBuilder().GgufHeader(1, 0).String("t").Put(count).Fill(100),
                       "tensor 0 't': number of dimensions: expected 1 to 4, found " + std::to_string(count));
  }
}

TEST(GgufHostile, G16DimensionsAreOneOrMore) {
  for (const uint64_t dimension : {uint64_t{0}, kMaxU64, uint64_t{1} << 63}) {
    ExpectGgufRejected(OneTensor("t", {8, dimension}, kIdF32, 0, 64),
                       "dimension 1: expected 1 to 2^63-1, found " + std::to_string(dimension));
  }
}

TEST(GgufHostile, G17ElementCountDoesNotWrap) {
  ExpectGgufRejected(OneTensor("t", {uint64_t{1} << 32, uint64_t{1} << 32}, kIdI8, 0, 64), "too many elements");
  constexpr uint64_t kTwoTo21 = uint64_t{1} << 21;
  ExpectGgufRejected(OneTensor("t", {kTwoTo21, kTwoTo21, kTwoTo21, kTwoTo21}, kIdI8, 0, 64), "too many elements");
}

TEST(GgufHostile, G18ByteCountAndPaddingDoNotWrap) {
  ExpectGgufRejected(OneTensor("t", {uint64_t{1} << 62}, kIdF32, 0, 64), "too many bytes");
  ExpectGgufRejected(OneTensor("t", {(uint64_t{1} << 63) - 1}, kIdI8, 0, 64), "to end within the 64 bytes");
  ExpectGgufRejected(OneTensor("t", {(uint64_t{1} << 63) - 1}, kIdI8, kMaxU64 - 31, 64), "to end within the 64 bytes");
}

TEST(GgufHostile, G19RowsAreWholeBlocksAndBothNumbersAreNamed) {
  ExpectGgufRejected(OneTensor("t", {128, 2}, kIdTQ2, 0, 4096),
                     "TQ2_0 holds blocks of 256 elements, but rows of shape [2, 128] have 128");
  ExpectGgufRejected(OneTensor("t", {257}, kIdTQ1, 0, 4096),
                     "TQ1_0 holds blocks of 256 elements, but rows of shape [257] have 257");
  ExpectGgufRejected(OneTensor("t", {64, 4}, kIdI2S, 0, 4096),
                     "I2_S holds blocks of 128 elements, but rows of shape [4, 64] have 64");
  ExpectGgufRejected(OneTensor("t", {255}, kIdQ6K, 0, 4096), "Q6_K holds blocks of 256 elements");
}

TEST(GgufHostile, G20UnknownAndRetiredTypeIdsAreNamed) {
  const auto rejected_as = [](uint32_t id, std::string_view meaning) {
    ExpectGgufRejected(OneTensor("t", {256}, id, 0, 4096), meaning, StatusCode::kUnsupported);
  };
  rejected_as(0xFFFFFFFFu, "tensor type id -1 (no engine known here uses it)");
  rejected_as(1u << 31, "tensor type id -2147483648");
  rejected_as(4, "tensor type id 4 (Q4_2, retired");
  rejected_as(5, "tensor type id 5 (Q4_3, retired");
  for (const uint32_t id : {31u, 32u, 33u}) rejected_as(id, "retired by llama.cpp in 2024");
  rejected_as(37, "I8_S in bitnet.cpp");
  rejected_as(43, "tensor type id 43 (no engine known here uses it)");
  for (const uint32_t id : {133u, 140u, 158u, 344u}) rejected_as(id, "ik_llama.cpp");
  // Every other id says what to do.
  for (uint32_t id = 0; id < 512; ++id) {
    const auto meanings = DTypesOfGgufId(id);
    if (!meanings.ok()) {
      EXPECT_NE(meanings.status().message().find("quantize"), std::string_view::npos) << meanings.status().message();
    }
  }
  const auto contents = Parse(OneTensor("t", {256}, kIdI2S, 0, 96));
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->tensors[0].dtype, DType::kI2_S);
}

TEST(GgufHostile, G21OffsetsAreAlignedAndInsideTheFile) {
  ExpectGgufRejected(OneTensor("t", {8}, kIdF32, 4, 64), "offset: expected a multiple of 32, found 4");
  ExpectGgufRejected(OneTensor("t", {8}, kIdF32, 4096, 64), "to end within the 64 bytes of the data section");
  ExpectGgufRejected(OneTensor("t", {8}, kIdF32, 32, 63), "to end within the 63 bytes");
  ExpectGgufRejected(OneTensor("t", {8}, kIdF32, kMaxU64 - 31, 64), "to end within the 64 bytes");
  ExpectOk(Parse(OneTensor("t", {8}, kIdF32, 32, 64)));
  // The data section itself starts behind the end of the file.
  ExpectGgufRejected(ByteBuilder().GgufHeader(1, 0).Tensor("t", {8}, kIdF32, 0), "to end within the 0 bytes");
}

TEST(GgufHostile, G22OverlapsAreRefusedGapsAndAnyOrderAccepted) {
  const auto two = [](uint64_t first, uint64_t second, uint64_t first_floats = 8) {
    return ByteBuilder()
        .GgufHeader(2, 0)
        .Tensor("a", {first_floats}, kIdF32, first)
        .Tensor("b", {8}, kIdF32, second)
        .PadTo(32)
        .Fill(256, 'x');
  };
  ExpectGgufRejected(two(0, 0), "they overlap");
  ExpectGgufRejected(two(0, 32, 9), "tensor 1 'b': offset: expected at least 36, the end of tensor 0 'a'");
  ExpectGgufRejected(two(0, 96, 64), "they overlap");
  ExpectOk(Parse(two(0, 128)));
  const auto swapped = Parse(two(32, 0));
  ASSERT_TRUE(swapped.ok()) << swapped.status().message();
  EXPECT_EQ(swapped->tensors[0].name, "a");
  EXPECT_EQ(swapped->tensors[0].data.data() - swapped->tensors[1].data.data(), 32);
}

TEST(GgufHostile, G25I2sWithoutItsScaleIsRefused) {
  // 256 codes take 64 bytes; the scale and its padding take 32 more.
  ExpectGgufRejected(OneTensor("w", {256}, kIdI2S, 0, 64), "(96 bytes, of which 32 with the scale behind the codes)");
  ExpectGgufRejected(ByteBuilder().GgufHeader(2, 0).Tensor("w", {256}, kIdI2S, 0).Tensor("n", {8}, kIdF32, 64).PadTo(32).Fill(256),
                     "of which 32 with the scale behind the codes");
  ExpectOk(Parse(OneTensor("w", {256}, kIdI2S, 0, 96)));
}

/// What every accepted file must look like, whatever was done to its bytes.
void ExpectSound(const GgufContents& contents, std::span<const std::byte> file) {
  std::set<std::string> names;
  std::vector<std::span<const std::byte>> ranges;
  for (const TensorEntry& entry : contents.tensors) {
    EXPECT_TRUE(names.insert(entry.name).second);
    const auto bytes = TensorBytes(entry.dtype, entry.shape);
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ(entry.data.size(), static_cast<size_t>(*bytes));
    EXPECT_GE(entry.data.data(), file.data() + contents.data_offset);
    EXPECT_LE(entry.data.data() + entry.data.size(), file.data() + file.size());
    ranges.push_back(entry.data);
  }
  std::sort(ranges.begin(), ranges.end(), [](auto a, auto b) { return a.data() < b.data(); });
  for (size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].data() + ranges[i - 1].size(), ranges[i].data());
}

struct SmallFile {
  ByteBuilder file;
  size_t header_bytes = 0;
};

SmallFile MakeSmallFile() {
  SmallFile out;
  out.file.GgufHeader(5, 5)
      .KeyString("general.architecture", "bitnet-b1.58")
      .KeyU32("general.alignment", 32)
      .Key("x.flag", GgufValueType::kBool)
      .Put(uint8_t{1})
      .Key("x.tokens", GgufValueType::kArray)
      .Put(static_cast<uint32_t>(GgufValueType::kString))
      .Put(uint64_t{3})
      .String("a")
      .String("")
      .String("longer than the small string buffer")
      .Key("x.scores", GgufValueType::kArray)
      .Put(static_cast<uint32_t>(GgufValueType::kF32))
      .Put(uint64_t{2})
      .Put(0.5f)
      .Put(-1.0f)
      .Tensor("token_embd.weight", {256, 8}, kIdTQ2, 0)
      .Tensor("blk.0.attn_q.weight", {128, 16}, kIdI2S, 544)
      .Tensor("blk.0.attn_k.weight", {128, 8}, 42, 1088)  // Q2_0 in groups of 64: 288 bytes
      .Tensor("blk.0.attn_v.weight", {64, 4}, 335, 1376)  // IQ2_BN_R4: 80 bytes
      .Tensor("norm.weight", {256}, kIdF32, 1472);
  out.header_bytes = out.file.size();
  out.file.PadTo(32).Fill(1472 + 1024, 'd');
  return out;
}

TEST(GgufHostile, G40EveryTruncationOfAValidFileIsRefused) {
  const SmallFile small = MakeSmallFile();
  ASSERT_TRUE(Parse(small.file).ok()) << Parse(small.file).status().message();
  for (size_t length = 0; length < small.file.size(); ++length) {
    // A block of its own size, so that a sanitizer sees the first byte read past it.
    const std::vector<std::byte> cut(small.file.bytes().begin(), small.file.bytes().begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(ParseGguf(cut, "test file").ok()) << "cut to " << length << " bytes";
  }
}

TEST(GgufHostile, G40EveryBitFlipOfTheHeaderIsRefusedOrGivesASoundIndex) {
  SmallFile small = MakeSmallFile();
  size_t accepted = 0;
  for (size_t bit = 0; bit < small.header_bytes * 8; ++bit) {
    char& byte = small.file.text()[bit / 8];
    const char mask = static_cast<char>(1 << (bit % 8));
    byte = static_cast<char>(byte ^ mask);
    const auto contents = Parse(small.file);
    if (contents.ok()) {
      ++accepted;
      ExpectSound(*contents, small.file.bytes());
    }
    byte = static_cast<char>(byte ^ mask);
  }
  // Flips inside texts and numbers of the metadata are other valid files; flips of lengths, counts and types are not.
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, small.header_bytes * 8 / 2);
}

}  // namespace
}  // namespace sterna
