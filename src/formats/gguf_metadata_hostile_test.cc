// Malformed headers and key-values: rows G01 to G13 and G39 of the catalogue in README.md.
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/file.h"
#include "formats/gguf_reader.h"
#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectError;
using testing::ExpectOk;
using Type = GgufValueType;

constexpr uint64_t kMaxU64 = std::numeric_limits<uint64_t>::max();

Result<GgufContents> Parse(const ByteBuilder& file) {
  return ParseGguf(file.bytes(), "test file");
}

void ExpectGgufRejected(const ByteBuilder& file, std::string_view message_part, StatusCode code = StatusCode::kMalformed) {
  testing::ExpectRejected([](auto bytes, auto name) { return ParseGguf(bytes, name); }, file, message_part, code);
}

TEST(GgufHostile, G01TruncatedHeaderNamesTheByte) {
  const std::string whole = ByteBuilder().GgufHeader(0, 0).text();
  for (const size_t length : {0u, 1u, 3u, 4u, 23u}) {
    ExpectGgufRejected(ByteBuilder().Text(whole.substr(0, length)), "truncated header at byte " + std::to_string(length));
  }
  ExpectOk(Parse(ByteBuilder().Text(whole)));
}

TEST(GgufHostile, G02WrongMagicNamesWhatTheContentLooksLike) {
  using namespace std::string_view_literals;
  const auto rejected_as = [](std::string_view start, std::string_view name) {
    ExpectGgufRejected(ByteBuilder().Text(start).Fill(64, 'x'), name);
  };
  rejected_as("lmgg", "old GGML file");
  rejected_as("tjgg", "old GGJT file");
  rejected_as("algg", "old GGLA adapter");
  rejected_as("PK\x03\x04", "ZIP archive (perhaps a PyTorch checkpoint)");
  rejected_as("\x80\x02", "Python pickle");
  rejected_as("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer");
  rejected_as("<!DOCTYPE html>", "HTML page");
  rejected_as("\x10\0\0\0\0\0\0\0{\"a\""sv, "a safetensors file");
  rejected_as("ABCD", "an unknown format");
  ExpectGgufRejected(ByteBuilder().Fill(64), "a file of zeros");
}

TEST(GgufHostile, G03OtherVersionsAndByteOrderAreNamed) {
  for (const uint32_t version : {2u, 3u}) ExpectOk(Parse(ByteBuilder().GgufHeader(0, 0, version)));
  for (const uint32_t version : {0u, 1u, 4u}) {
    ExpectGgufRejected(ByteBuilder().GgufHeader(0, 0, version), "found version " + std::to_string(version),
                       StatusCode::kUnsupported);
  }
  ExpectGgufRejected(ByteBuilder().GgufHeader(0, 0, 0x03000000u), "big-endian", StatusCode::kUnsupported);
}

TEST(GgufHostile, G04TensorCountIsComparedWithTheFile) {
  for (const uint64_t count : {uint64_t{1} << 63, kMaxU64, uint64_t{1} << 32, uint64_t{32}}) {
    ExpectGgufRejected(ByteBuilder().GgufHeader(count, 0).Fill(1000), "number of tensors: expected at most 30");
  }
}

TEST(GgufHostile, G05KeyValueCountIsComparedWithTheFile) {
  for (const uint64_t count : {uint64_t{1} << 63, kMaxU64, uint64_t{1} << 32, uint64_t{72}}) {
    ExpectGgufRejected(ByteBuilder().GgufHeader(0, count).Fill(1000), "number of key-values: expected at most 71");
  }
}

TEST(GgufHostile, G06KeysAreBoundedText) {
  const auto with_key = [](std::string_view key) { return ByteBuilder().GgufHeader(0, 1).KeyU32(key, 7).Fill(64); };
  ExpectGgufRejected(with_key(""), "byte 24: key-value 0: key: expected at least 1 byte");
  ExpectGgufRejected(with_key(std::string(65536, 'k')), "key: expected at most 65535 bytes, found 65536");
  ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).Put(kMaxU64).Fill(64),
                     "key: expected a length within the 64 bytes that remain");
  ExpectGgufRejected(with_key(std::string_view("a\0b", 3)), "key: expected no NUL, found 'a\\x00b'");
  ExpectGgufRejected(with_key("a\xff"), "key: expected UTF-8, found 'a\\xff'");
  ExpectOk(Parse(with_key(std::string(65535, 'k'))));
}

TEST(GgufHostile, G07StringLengthsAreComparedWithTheFile) {
  for (const uint64_t length : {kMaxU64, uint64_t{65}}) {
    ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).Key("k", Type::kString).Put(length).Fill(64),
                       "'k': string: expected a length within the 64 bytes that remain");
  }
}

TEST(GgufHostile, G07AGibibyteStringInASparseFileIsOverTheBudget) {
  const testing::TemporaryDirectory directory;
  constexpr uint64_t kGibibyte = uint64_t{1} << 30;
  const ByteBuilder start = ByteBuilder().GgufHeader(0, 1).Key("k", Type::kString).Put(kGibibyte);
  const std::string path = directory.Write("sparse.gguf", start.text());
  std::filesystem::resize_file(path, start.size() + kGibibyte);
  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok());
  const testing::AllocationWatch watch;
  const auto result = ParseGguf((*file)->bytes(), path);
  EXPECT_LE(watch.largest_bytes(), testing::kMaxBytesWhileRejecting);
  ExpectError(result, StatusCode::kMalformed, "string: expected at most");
}

TEST(GgufHostile, G07StringsShareOneBudget) {
  const testing::TemporaryDirectory directory;
  constexpr uint64_t kEach = uint64_t{1} << 22;
  constexpr uint64_t kCount = 66;  // 264 MiB together; the file is sparse
  const ByteBuilder start =
      ByteBuilder().GgufHeader(0, 1).Key("k", Type::kArray).Put(static_cast<uint32_t>(Type::kString)).Put(kCount);
  const std::string path = directory.Write("sparse.gguf", start.text());
  FILE* file = fopen(path.c_str(), "r+b");
  ASSERT_NE(file, nullptr);
  for (uint64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(fseek(file, static_cast<long>(start.size() + i * (8 + kEach)), SEEK_SET), 0);
    ASSERT_EQ(fwrite(&kEach, sizeof kEach, 1, file), 1u);
  }
  ASSERT_EQ(fclose(file), 0);
  std::filesystem::resize_file(path, start.size() + kCount * (8 + kEach));
  const auto mapped = MappedFile::Open(path);
  ASSERT_TRUE(mapped.ok());
  ExpectError(ParseGguf((*mapped)->bytes(), path), StatusCode::kMalformed, "string: expected at most");
}

TEST(GgufHostile, G08RepeatedKeyIsRefused) {
  ExpectGgufRejected(ByteBuilder().GgufHeader(0, 2).KeyU32("same", 1).KeyU32("same", 2),
                     "byte 44: key-value 1: key: expected each key once, found 'same' again");
}

TEST(GgufHostile, G09UnknownValueTypeIsNamedWithItsOffset) {
  for (const uint32_t type : {13u, 255u, 0xFFFFFFFFu}) {
    const std::string found = "found " + std::to_string(type);
    ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).String("k").Put(type).Fill(16),
                       "byte 33: key-value 0 'k': value type: expected a value type from 0 to 12, " + found);
    ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).Key("k", Type::kArray).Put(type).Fill(16),
                       "array element type: expected a value type");
  }
}

TEST(GgufHostile, G10ArraysOfArraysAreRefusedAtAnyDepth) {
  for (const int depth : {1, 4, 100'000}) {
    ByteBuilder file = ByteBuilder().GgufHeader(0, 1).Key("k", Type::kArray);
    for (int i = 0; i < depth; ++i) file.Put(static_cast<uint32_t>(Type::kArray)).Put(uint64_t{1});
    file.Put(static_cast<uint32_t>(Type::kU8)).Put(uint64_t{1}).Put(uint8_t{1});
    ExpectGgufRejected(file, "arrays of arrays are not accepted");
  }
}

TEST(GgufHostile, G11ArrayLengthsDoNotWrap) {
  const auto with_array = [](Type type, uint64_t length) {
    return ByteBuilder().GgufHeader(0, 1).Key("k", Type::kArray).Put(static_cast<uint32_t>(type)).Put(length).Fill(64);
  };
  ExpectGgufRejected(with_array(Type::kU64, uint64_t{1} << 61), "array length: expected at most 8 elements in the 64 bytes");
  ExpectGgufRejected(with_array(Type::kBool, uint64_t{1} << 32), "array length: expected at most 64 elements");
  ExpectGgufRejected(with_array(Type::kString, uint64_t{1} << 60), "array length: expected at most 8 elements");
  ExpectGgufRejected(with_array(Type::kU8, kMaxU64), "array length");
  ExpectGgufRejected(with_array(Type::kF64, 9), "array length");
}

TEST(GgufHostile, G11AnArrayAboveTheBudgetCostsNoMemory) {
  const testing::TemporaryDirectory directory;
  constexpr uint64_t kLength = (uint64_t{256} << 20) + 1;
  const ByteBuilder start =
      ByteBuilder().GgufHeader(0, 1).Key("k", Type::kArray).Put(static_cast<uint32_t>(Type::kU8)).Put(kLength);
  const std::string path = directory.Write("sparse.gguf", start.text());
  std::filesystem::resize_file(path, start.size() + kLength);
  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok());
  const testing::AllocationWatch watch;
  const auto result = ParseGguf((*file)->bytes(), path);
  EXPECT_LE(watch.largest_bytes(), testing::kMaxBytesWhileRejecting);
  ExpectError(result, StatusCode::kOutOfRange, "the arrays of one file may take");
}

TEST(GgufHostile, G11ArraysShareOneBudget) {
  const testing::TemporaryDirectory directory;
  constexpr uint64_t kLength = (uint64_t{128} << 20) + 1;  // each fits, both do not; the file is sparse
  const auto array = [](std::string_view key) {
    return ByteBuilder().Key(key, Type::kArray).Put(static_cast<uint32_t>(Type::kU8)).Put(kLength).text();
  };
  const std::string start = ByteBuilder().GgufHeader(0, 2).Text(array("a")).text();
  const std::string path = directory.Write("sparse.gguf", start);
  std::filesystem::resize_file(path, start.size() + kLength);
  FILE* file = fopen(path.c_str(), "ab");
  ASSERT_NE(file, nullptr);
  const std::string second = array("b");
  ASSERT_EQ(fwrite(second.data(), 1, second.size(), file), second.size());
  ASSERT_EQ(fclose(file), 0);
  std::filesystem::resize_file(path, start.size() + second.size() + 2 * kLength);
  const auto mapped = MappedFile::Open(path);
  ASSERT_TRUE(mapped.ok());
  ExpectError(ParseGguf((*mapped)->bytes(), path), StatusCode::kOutOfRange, "'b': array length: the arrays of one file may take");
}

TEST(GgufHostile, G12BoolsOtherThanZeroAndOneAreRefused) {
  for (const int value : {2, 0xFF}) {
    const auto byte = static_cast<uint8_t>(value);
    ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).Key("k", Type::kBool).Put(byte),
                       "bool: expected 0 or 1, found " + std::to_string(value));
    ExpectGgufRejected(ByteBuilder()
                           .GgufHeader(0, 1)
                           .Key("k", Type::kArray)
                           .Put(static_cast<uint32_t>(Type::kBool))
                           .Put(uint64_t{2})
                           .Put(uint8_t{1})
                           .Put(byte),
                       "byte 50: key-value 0 'k': bool: expected 0 or 1");
  }
}

TEST(GgufHostile, G13AlignmentMustBeAU32PowerOfTwoInRange) {
  constexpr std::string_view kKey = "general.alignment";
  for (const uint32_t alignment : {0u, 1u, 3u, 4u, 24u, 131072u, 1u << 31}) {
    ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).KeyU32(kKey, alignment),
                       "expected a power of two from 8 to 65536, found " + std::to_string(alignment));
  }
  for (const uint32_t alignment : {8u, 64u, 65536u}) {
    const auto contents = Parse(ByteBuilder().GgufHeader(0, 1).KeyU32(kKey, alignment));
    ASSERT_TRUE(contents.ok()) << contents.status().message();
    EXPECT_EQ(contents->alignment, alignment);
  }
  ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).Key(kKey, Type::kU64).Put(uint64_t{32}),
                     "general.alignment: expected u32, found u64");
  ExpectGgufRejected(ByteBuilder().GgufHeader(0, 1).KeyString(kKey, "32"), "general.alignment: expected u32, found string");
  ExpectGgufRejected(ByteBuilder()
                         .GgufHeader(0, 1)
                         .Key(kKey, Type::kArray)
                         .Put(static_cast<uint32_t>(Type::kU32))
                         .Put(uint64_t{1})
                         .Put(uint32_t{32}),
                     "general.alignment: expected u32, found array of u32");
}

TEST(GgufHostile, G39ChatTemplatesAreBoundedText) {
  const auto with_template = [](std::string_view text) {
    return ParseGguf(ByteBuilder().GgufHeader(0, 1).KeyString("tokenizer.chat_template", text).bytes(), "test file");
  };
  ExpectError(with_template(std::string(50'000'000, ' ')), StatusCode::kOutOfRange,
              "chat template: expected at most 1048576 bytes, found 50000000");
  ExpectError(with_template("{{ \xc3\x28 }}"), StatusCode::kMalformed, "chat template: expected UTF-8");
  ExpectError(with_template(std::string_view("a\0b", 3)), StatusCode::kMalformed, "chat template: expected text, found a NUL byte");
  ExpectError(ParseGguf(ByteBuilder().GgufHeader(0, 1).KeyString("tokenizer.chat_template.tool_use", "\xff").bytes(), "test file"),
              StatusCode::kMalformed, "chat template");
  ExpectOk(with_template(std::string(1 << 20, ' ')));
}

}  // namespace
}  // namespace sterna
