// Malformed safetensors files: rows S01 to S11 of the catalogue in README.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "formats/safetensors_reader.h"
#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectError;
using testing::ExpectOk;

Result<SafetensorsContents> Parse(const ByteBuilder& file) {
  return ParseSafetensors(file.bytes(), "test file");
}

void ExpectSafetensorsRejected(const ByteBuilder& file, std::string_view message_part, StatusCode code = StatusCode::kMalformed) {
  testing::ExpectRejected(ParseSafetensors, file, message_part, code);
}

ByteBuilder File(std::string_view header, size_t data_bytes = 16) {
  return ByteBuilder::Safetensors(header, data_bytes);
}

/// One tensor of 16 bytes with the given members.
ByteBuilder Tensor(std::string_view dtype, std::string_view shape, std::string_view offsets, size_t data_bytes = 16) {
  return File(fmt::format(R"({{"t":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets), data_bytes);
}

TEST(SafetensorsHostile, S01HeaderLengthFitsFileAndLimit) {
  ExpectOk(Parse(Tensor(R"("F32")", "[4]", "[0,16]")));
  for (const size_t length : {0u, 1u, 7u}) {
    ExpectSafetensorsRejected(ByteBuilder().Fill(length), "truncated header at byte " + std::to_string(length));
  }
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 63, uint64_t{100'000'001}, uint64_t{65}}) {
    ExpectSafetensorsRejected(ByteBuilder().Put(length).Text("{}").Fill(62, ' '),
                              "header length: expected 2 to 64 in a file of 72 bytes");
  }
  ByteBuilder huge = ByteBuilder().Put(uint64_t{100'000'001}).Text("{}").Fill(100'000'100, ' ');
  ExpectSafetensorsRejected(huge, "header length: expected 2 to 100000000");
}

TEST(SafetensorsHostile, S02HeaderIsOneObjectPaddedBySpaces) {
  ExpectOk(Parse(File("{}", 0)));
  ExpectOk(Parse(File("{}      ", 0)));
  ExpectSafetensorsRejected(File(" {}", 0), "header: expected '{', found ' '");
  ExpectSafetensorsRejected(File("[]", 0), "header: expected '{'");
  ExpectSafetensorsRejected(File("{} x", 0), "JSON");
  ExpectSafetensorsRejected(File("{}{}", 0), "JSON");
  ExpectSafetensorsRejected(File(std::string_view("{}\0\0", 4), 0), "JSON");
  ExpectSafetensorsRejected(File("{\"t\":", 0), "JSON");
}

TEST(SafetensorsHostile, S03TextIsValidUnicode) {
  const auto named = [](std::string_view name) {
    return File("{\"" + std::string(name) + R"(":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})");
  };
  ExpectSafetensorsRejected(named("a\xff"), "JSON");
  ExpectSafetensorsRejected(named("a\xed\xa0\x80"), "JSON");
  ExpectSafetensorsRejected(named("a\x01"), "JSON");
  for (const char* lone : {"\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud83dx", "\\udead\\ud83d", "\\ud83d\\n"}) {
    ExpectSafetensorsRejected(named(lone), "expected a pair of surrogate escapes");
  }
  ExpectSafetensorsRejected(named("a\\u0000b"), "name: expected no NUL");
  ExpectSafetensorsRejected(named(""), "name: expected 1 to 4096 bytes");
  const auto pair = Parse(named("\\ud83d\\ude00\\\\ud800"));
  ASSERT_TRUE(pair.ok()) << pair.status().message();
  EXPECT_EQ(pair->tensors[0].name, "\xf0\x9f\x98\x80\\ud800");
}

TEST(SafetensorsHostile, S04RepeatedNamesAndKeysAreRefused) {
  constexpr std::string_view kEmpty = R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  ExpectSafetensorsRejected(File(fmt::format(R"({{"t":{},"t":{}}})", kEmpty, kEmpty), 0),
                            "tensor 't': name: expected each name once");
  ExpectSafetensorsRejected(File(R"({"t":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}})"),
                            "dtype: expected it once");
  ExpectSafetensorsRejected(File(R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"shape":[4]}})"),
                            "shape: expected it once");
  ExpectSafetensorsRejected(File(R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"d\u0074ype":"I8"}})"),
                            "dtype: expected it once");
}

TEST(SafetensorsHostile, S05TypesAreNamedExactly) {
  for (const char* name : {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F4"}) {
    ExpectSafetensorsRejected(Tensor(fmt::format("\"{}\"", name), "[16]", "[0,16]"), fmt::format("dtype: {} tensors cannot", name),
                              StatusCode::kUnsupported);
  }
  ExpectSafetensorsRejected(Tensor(R"("f32")", "[4]", "[0,16]"), "dtype: expected the name of a safetensors type, found 'f32'");
  ExpectSafetensorsRejected(Tensor(R"("I2_S")", "[4]", "[0,16]"), "dtype: expected the name");
  ExpectSafetensorsRejected(Tensor("7", "[4]", "[0,16]"), "dtype: expected a string, found an integer");
  const auto packed = Parse(Tensor(R"("U8")", "[4,4]", "[0,16]"));
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  EXPECT_EQ(packed->tensors[0].dtype, DType::kU8);
}

TEST(SafetensorsHostile, S06ShapesAreListsOfSmallIntegers) {
  for (const char* shape :
       {"[-4]", "[4.0]", "[1e19]", "[10000000000000000000]", "[[4]]", "[null]", "[\"4\"]", "[true]", "4", "{}"}) {
    ExpectSafetensorsRejected(Tensor(R"("F32")", shape, "[0,16]"), "shape: expected");
  }
  ExpectSafetensorsRejected(Tensor(R"("F32")", "[4294967296,4294967296]", "[0,16]"), "too many elements");
  std::string many = "[1";
  for (int i = 1; i < 10'000; ++i) many += ",1";
  ExpectError(Parse(Tensor(R"("F32")", many + "]", "[0,4]", 4)), StatusCode::kMalformed, "shape: expected at most 64 dimensions");
  const auto scalar = Parse(Tensor(R"("F32")", "[]", "[0,4]", 4));
  ASSERT_TRUE(scalar.ok()) << scalar.status().message();
  EXPECT_TRUE(scalar->tensors[0].shape.empty());
  EXPECT_EQ(scalar->tensors[0].data.size(), 4u);
}

TEST(SafetensorsHostile, S07OffsetsAreTwoIntegersThatFitShapeAndData) {
  for (const char* offsets : {"[16,0]", "[0]", "[0,16,32]", "[]", "[\"0\",\"16\"]", "[0.0,16.0]", "[-16,0]", "[0,null]", "16"}) {
    ExpectSafetensorsRejected(Tensor(R"("F32")", "[4]", offsets), "data_offsets: expected");
  }
  ExpectSafetensorsRejected(Tensor(R"("F32")", "[4]", "[0,12]"), "expected 16 bytes for F32 [4], found [0, 12], 12 bytes");
  ExpectSafetensorsRejected(Tensor(R"("F32")", "[4]", "[0,16]", 15), "expected to end within the 15 bytes of data");
  ExpectSafetensorsRejected(Tensor(R"("I8")", "[9223372036854775807]", "[0,9223372036854775807]"),
                            "expected to end within the 16 bytes");
  ExpectSafetensorsRejected(Tensor(R"("I8")", "[1]", "[18446744073709551615,0]"), "begin <= end");
}

TEST(SafetensorsHostile, S08TensorsTileTheData) {
  const auto two = [](int b1, int e1, int b2, int e2, size_t data_bytes) {
    return File(
        fmt::format(
            R"({{"a":{{"dtype":"I8","shape":[{}],"data_offsets":[{},{}]}},"b":{{"dtype":"I8","shape":[{}],"data_offsets":[{},{}]}}}})",
            e1 - b1, b1, e1, e2 - b2, b2, e2),
        data_bytes);
  };
  ExpectOk(Parse(two(8, 16, 0, 8, 16)));
  ExpectSafetensorsRejected(two(0, 8, 7, 16, 16), "they overlap");
  ExpectSafetensorsRejected(two(0, 8, 0, 8, 8), "they overlap");
  ExpectSafetensorsRejected(two(0, 7, 8, 16, 16),
                            "expected to begin at 7, where the tensor before ends, found 8: a hole in the data");
  ExpectSafetensorsRejected(two(1, 8, 8, 16, 16), "a hole in the data");
  ExpectSafetensorsRejected(two(0, 8, 8, 16, 17), "data: expected 16 bytes, the sum of all tensors, found 17");
  ExpectSafetensorsRejected(File("{}", 1), "data: expected 0 bytes");
}

TEST(SafetensorsHostile, S09TensorCountAndHeaderTextAreLimited) {
  std::string header = "{";
  for (int i = 0; i < 65'538; ++i)
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", i == 0 ? "" : ",", i);
  ExpectError(Parse(File(header + "}", 0)), StatusCode::kOutOfRange, "expected at most 65536 tensors");
  const ByteBuilder white = File("{" + std::string(99'999'998, ' ') + "}", 0);
  const testing::AllocationWatch watch;
  ExpectError(Parse(white), StatusCode::kOutOfRange, "expected at most 33554432 bytes of JSON");
  EXPECT_LE(watch.largest_bytes(), testing::kMaxBytesWhileRejecting);
  ExpectOk(Parse(File("{}" + std::string(99'999'998, ' '), 0)));
}

TEST(SafetensorsHostile, S10NestingIsLimited) {
  const auto nested = [](int depth) {
    return File("{\"t\":" + std::string(static_cast<size_t>(depth), '[') + "1" + std::string(static_cast<size_t>(depth), ']') + "}",
                0);
  };
  ExpectSafetensorsRejected(nested(7), "value: expected an object, found an array");
  ExpectSafetensorsRejected(nested(8), "expected at most 8 nested brackets");
  ExpectError(Parse(nested(100'000)), StatusCode::kMalformed, "expected at most 8 nested brackets");
  ExpectError(Parse(File("{\"t\":" + std::string(100'000, '['), 0)), StatusCode::kMalformed, "JSON");
}

TEST(SafetensorsHostile, S11MetadataHoldsStringsOnce) {
  for (const char* value : {"1", "null", "[]", "{}", "true"}) {
    ExpectSafetensorsRejected(File(fmt::format(R"({{"__metadata__":{{"k":{}}}}})", value), 0),
                              "__metadata__ 'k': expected a string");
  }
  ExpectSafetensorsRejected(File(R"({"__metadata__":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})"),
                            "__metadata__ 'shape': expected a string");
  ExpectSafetensorsRejected(File(R"({"__metadata__":"text"})", 0), "__metadata__: expected an object, found a string");
  ExpectSafetensorsRejected(File(R"({"__metadata__":{},"__metadata__":{}})", 0), "__metadata__: expected it once");
  ExpectSafetensorsRejected(File(R"({"__metadata__":{"k":"a","k":"b"}})", 0), "__metadata__ 'k': expected it once");
}

TEST(SafetensorsHostile, UnknownMembersAndMissingOnesAreNamed) {
  ExpectSafetensorsRejected(File(R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"strides":[1]}})"), "found 'strides'");
  ExpectSafetensorsRejected(File(R"({"t":{"dtype":"F32","shape":[4]}})"), "data_offsets: expected a value, found none");
  ExpectSafetensorsRejected(File(R"({"t":[]})", 0), "value: expected an object, found an array");
}

TEST(SafetensorsHostile, EveryTruncationIsRefusedAndNoHeaderBitFlipBreaksTheIndex) {
  ByteBuilder file = File(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[4,2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})");
  ASSERT_TRUE(Parse(file).ok()) << Parse(file).status().message();
  for (size_t length = 0; length < file.size(); ++length) {
    const std::vector<std::byte> cut(file.bytes().begin(), file.bytes().begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(ParseSafetensors(cut, "test file").ok()) << "cut to " << length << " bytes";
  }
  for (size_t bit = 0; bit < (file.size() - 16) * 8; ++bit) {
    char& byte = file.text()[bit / 8];
    const char mask = static_cast<char>(1 << (bit % 8));
    byte = static_cast<char>(byte ^ mask);
    const auto contents = Parse(file);
    if (contents.ok()) {
      size_t bytes = 0;
      for (const TensorEntry& entry : contents->tensors) {
        bytes += entry.data.size();
        EXPECT_EQ(TensorBytes(entry.dtype, entry.shape).value(), static_cast<int64_t>(entry.data.size()));
      }
      EXPECT_EQ(contents->data_offset + bytes, file.size());
    }
    byte = static_cast<char>(byte ^ mask);
  }
}

}  // namespace
}  // namespace sterna
