#include "formats/gguf_writer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "formats/gguf_reader.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

using testing::ExpectError;
using testing::TemporaryDirectory;

std::vector<std::byte> Pattern(size_t bytes, uint8_t seed) {
  std::vector<std::byte> out(bytes);
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 7 + seed);
  return out;
}

Metadata EveryValueType() {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("bitnet-b1.58"));
  metadata.Set("u8", uint8_t{255});
  metadata.Set("i8", int8_t{-128});
  metadata.Set("u16", uint16_t{65535});
  metadata.Set("i16", int16_t{-32768});
  metadata.Set("u32", uint32_t{4294967295});
  metadata.Set("i32", int32_t{-2147483647});
  metadata.Set("f32", 0.1f);
  metadata.Set("bool", true);
  metadata.Set("u64", uint64_t{1} << 63);
  metadata.Set("i64", int64_t{-1} << 62);
  metadata.Set("f64", 0.1);
  metadata.Set("array.string", MetaArray(std::vector<std::string>{"", "a", "Ġtoken of some length"}));
  metadata.Set("array.bool", MetaArray(BoolArray{{1, 0, 1}}));
  metadata.Set("array.f32", MetaArray(std::vector<float>{0.5f, -1.0f}));
  metadata.Set("array.i64", MetaArray(std::vector<int64_t>{-1, 2}));
  metadata.Set("array.u64", MetaArray(std::vector<uint64_t>{}));
  metadata.Set("array.f64", MetaArray(std::vector<double>{1e300}));
  return metadata;
}

std::vector<TensorSpec> EveryTensorType() {
  return {{"f32", DType::kF32, {3, 5}},       {"f16", DType::kF16, {7}},          {"bf16", DType::kBF16, {1, 1, 1, 9}},
          {"f64", DType::kF64, {2}},          {"i8", DType::kI8, {33}},           {"i16", DType::kI16, {4}},
          {"i32", DType::kI32, {4}},          {"i64", DType::kI64, {4}},          {"q8_0", DType::kQ8_0, {2, 64}},
          {"q4_0", DType::kQ4_0, {2, 32}},    {"q4_1", DType::kQ4_1, {2, 32}},    {"q6_k", DType::kQ6_K, {1, 256}},
          {"tq1_0", DType::kTQ1_0, {2, 256}}, {"tq2_0", DType::kTQ2_0, {2, 256}}, {"i2_s", DType::kI2_S, {3, 128}}};
}

Result<uint64_t> WriteAll(const std::string& path, const Metadata& metadata, std::span<const TensorSpec> specs, size_t piece) {
  STERNA_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::Create(path, metadata, specs));
  for (size_t i = 0; i < specs.size(); ++i) {
    STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(specs[i].dtype, specs[i].shape));
    const auto content = Pattern(static_cast<size_t>(bytes), static_cast<uint8_t>(i));
    for (size_t at = 0; at < content.size(); at += piece) {
      STERNA_RETURN_IF_ERROR(writer.Write(specs[i].name, std::span(content).subspan(at, std::min(piece, content.size() - at))));
    }
  }
  STERNA_RETURN_IF_ERROR(writer.Finish());
  return writer.file_bytes();
}

TEST(GgufWriter, EveryValueAndTensorTypeSurvivesTheRoundTrip) {
  const TemporaryDirectory directory;
  const auto specs = EveryTensorType();
  const auto bytes = WriteAll(directory.File("out.gguf"), EveryValueType(), specs, 1000);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  EXPECT_EQ(*bytes, std::filesystem::file_size(directory.File("out.gguf")));
  EXPECT_EQ(*bytes % 32, 0u);

  const auto source = OpenWeights(directory.File("out.gguf"));
  ASSERT_TRUE(source.ok()) << source.status().message();
  const auto& items = (*source)->metadata().items();
  const Metadata written = EveryValueType();
  ASSERT_EQ(items.size(), written.items().size());
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].key, written.items()[i].key);
    EXPECT_EQ(items[i].value, written.items()[i].value) << items[i].key;
  }
  ASSERT_EQ((*source)->entries().size(), specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorEntry& entry = (*source)->entries()[i];
    EXPECT_EQ(entry.name, specs[i].name);
    EXPECT_EQ(entry.dtype, specs[i].dtype);
    EXPECT_EQ(entry.shape, specs[i].shape);
    const auto content = Pattern(entry.data.size(), static_cast<uint8_t>(i));
    EXPECT_TRUE(std::equal(entry.data.begin(), entry.data.end(), content.begin())) << entry.name;
  }
}

TEST(GgufWriter, OffsetsAreTheRunningSumOfPaddedSizes) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(WriteAll(directory.File("out.gguf"), {}, EveryTensorType(), 64).ok());
  const auto text = ReadWholeFile(directory.File("out.gguf"), 1 << 20);
  ASSERT_TRUE(text.ok());
  const auto contents = ParseGguf(std::as_bytes(std::span(text->data(), text->size())), "out.gguf");
  ASSERT_TRUE(contents.ok());
  size_t expected = contents->data_offset;
  for (const TensorEntry& entry : contents->tensors) {
    EXPECT_EQ(entry.data.data() - reinterpret_cast<const std::byte*>(text->data()), static_cast<std::ptrdiff_t>(expected));
    expected += (entry.data.size() + 31) / 32 * 32;
  }
  EXPECT_EQ(expected, text->size());
}

TEST(GgufWriter, PiecesDoNotMatterAndEqualInputGivesEqualFiles) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(WriteAll(directory.File("a.gguf"), EveryValueType(), EveryTensorType(), 1).ok());
  ASSERT_TRUE(WriteAll(directory.File("b.gguf"), EveryValueType(), EveryTensorType(), 1 << 20).ok());
  EXPECT_EQ(ReadWholeFile(directory.File("a.gguf"), 1 << 20).value(), ReadWholeFile(directory.File("b.gguf"), 1 << 20).value());
}

class RewrittenFixture : public ::testing::TestWithParam<const char*> {};

// llama.cpp and bitnet.cpp lay their files out by the same rules, so a copy of their tensors and metadata is the file itself.
TEST_P(RewrittenFixture, IsTheSameFileToTheByte) {
  const TemporaryDirectory directory;
  const auto foreign = OpenWeights(std::string(STERNA_FIXTURES "/gguf/") + GetParam() + ".gguf");
  ASSERT_TRUE(foreign.ok()) << foreign.status().message();
  std::vector<TensorSpec> specs;
  for (const TensorEntry& entry : (*foreign)->entries()) specs.push_back({entry.name, entry.dtype, entry.shape});
  auto writer = GgufWriter::Create(directory.File("copy.gguf"), (*foreign)->metadata(), specs);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  for (const TensorEntry& entry : (*foreign)->entries()) ASSERT_TRUE(writer->Write(entry.name, entry.data).ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_TRUE(ReadWholeFile(directory.File("copy.gguf"), 1 << 24).value() == ReadWholeFile((*foreign)->path(), 1 << 24).value());
}

INSTANTIATE_TEST_SUITE_P(GgufWriter, RewrittenFixture,
                         ::testing::Values("b158.bitnet_cpp.I2_S", "bitnet.llama_cpp.TQ1_0", "bitnet.llama_cpp.TQ2_0",
                                           "bitnet.llama_cpp.Q4_0", "bitnet.llama_cpp.Q4_1", "bitnet.llama_cpp.Q8_0",
                                           "bitnet.llama_cpp.Q6_K"));

TEST(GgufWriter, HonoursTheAlignmentKey) {
  const TemporaryDirectory directory;
  Metadata metadata;
  metadata.Set("general.alignment", uint32_t{4096});
  const std::vector<TensorSpec> specs = {{"a", DType::kF32, {1}}, {"b", DType::kF32, {1}}};
  ASSERT_TRUE(WriteAll(directory.File("out.gguf"), metadata, specs, 100).ok());
  EXPECT_EQ(std::filesystem::file_size(directory.File("out.gguf")), 3u * 4096);
  const auto source = OpenWeights(directory.File("out.gguf"));
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_EQ((*source)->entries()[1].data.data() - (*source)->entries()[0].data.data(), 4096);
  metadata.Set("general.alignment", uint32_t{48});
  ExpectError(GgufWriter::Create(directory.File("bad.gguf"), metadata, specs), StatusCode::kInvalidArgument, "general.alignment");
}

TEST(GgufWriter, UnfinishedFilesNeverAppear) {
  const TemporaryDirectory directory;
  const std::vector<TensorSpec> specs = {{"a", DType::kF32, {2}}, {"b", DType::kF32, {2}}};
  {
    auto writer = GgufWriter::Create(directory.File("out.gguf"), {}, specs);
    ASSERT_TRUE(writer.ok());
    const auto eight = Pattern(8, 0);
    EXPECT_THAT(std::string(writer->Write("b", eight).message()), ::testing::HasSubstr("expected the bytes of 'a'"));
    ASSERT_TRUE(writer->Write("a", std::span(eight).first(4)).ok());
    EXPECT_THAT(std::string(writer->Write("a", eight).message()), ::testing::HasSubstr("expected 8 bytes, found at least 12"));
    const Status unfinished = writer->Finish();
    EXPECT_EQ(unfinished.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(unfinished.message()), ::testing::HasSubstr("tensor 'a': expected 8 bytes, found 4"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(GgufWriter, RefusesWhatReadersWouldRefuse) {
  const TemporaryDirectory directory;
  const auto refused = [&](std::vector<TensorSpec> specs, StatusCode code, std::string_view part) {
    ExpectError(GgufWriter::Create(directory.File("out.gguf"), {}, specs), code, part);
  };
  refused({{"", DType::kF32, {1}}}, StatusCode::kInvalidArgument, "name: expected 1 to 63 bytes");
  refused({{std::string(64, 'n'), DType::kF32, {1}}}, StatusCode::kInvalidArgument, "name: expected 1 to 63 bytes, found 64");
  refused({{"a", DType::kF32, {1}}, {"a", DType::kF32, {1}}}, StatusCode::kInvalidArgument, "expected it once");
  refused({{"a", DType::kF32, {}}}, StatusCode::kInvalidArgument, "1 to 4 dimensions");
  refused({{"a", DType::kF32, {1, 1, 1, 1, 1}}}, StatusCode::kInvalidArgument, "1 to 4 dimensions");
  refused({{"a", DType::kF32, {0}}}, StatusCode::kInvalidArgument, "dimensions of at least 1");
  refused({{"a", DType::kTQ2_0, {2, 128}}}, StatusCode::kInvalidArgument, "blocks of 256");
  refused({{"a", DType::kU8, {2}}}, StatusCode::kUnsupported, "no number for type U8");
  Metadata metadata;
  metadata.Set("", uint32_t{1});
  ExpectError(GgufWriter::Create(directory.File("out.gguf"), metadata, {}), StatusCode::kInvalidArgument, "metadata key ''");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace sterna
