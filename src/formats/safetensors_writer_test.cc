#include "formats/safetensors_writer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

using testing::ExpectError;
using testing::TemporaryDirectory;

TEST(SafetensorsWriter, TensorsAndMetadataSurviveTheRoundTrip) {
  const TemporaryDirectory directory;
  Metadata metadata;
  metadata.Set("format", std::string("pt"));
  metadata.Set("odd \"key\"\n", std::string("back\\slash \x01 ä"));
  const std::vector<TensorSpec> specs = {{"double \"quoted\"", DType::kF64, {2}},
                                         {"f32", DType::kF32, {2, 1}},
                                         {"empty", DType::kF32, {0, 7}},
                                         {"bf16", DType::kBF16, {3}},
                                         {"scalar", DType::kU16, {}},
                                         {"packed", DType::kU8, {5}},
                                         {"flag", DType::kBool, {1}},
                                         {"last empty", DType::kI8, {0}}};
  auto writer = SafetensorsWriter::Create(directory.File("out"), metadata, specs);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::vector<std::byte> content(static_cast<size_t>(TensorBytes(specs[i].dtype, specs[i].shape).value()),
                                         static_cast<std::byte>(i + 1));
    const Status written = writer->Write(specs[i].name, content);
    ASSERT_TRUE(written.ok()) << written.message();
  }
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(writer->file_bytes(), std::filesystem::file_size(directory.File("out")));

  const auto source = OpenWeights(directory.File("out"));
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_EQ((*source)->format(), "safetensors");
  EXPECT_EQ((*source)->metadata().GetString("odd \"key\"\n").value(), "back\\slash \x01 ä");
  ASSERT_EQ((*source)->entries().size(), specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorEntry* entry = (*source)->Find(specs[i].name);
    ASSERT_NE(entry, nullptr) << specs[i].name;
    EXPECT_EQ(entry->dtype, specs[i].dtype);
    EXPECT_EQ(entry->shape, specs[i].shape);
    for (const std::byte b : entry->data) EXPECT_EQ(b, static_cast<std::byte>(i + 1));
  }
  // The header is padded, so a plan with the widest types first has every tensor on a multiple of its element.
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*source)->Find("double \"quoted\"")->data.data()) % 8, 0u);
}

TEST(SafetensorsWriter, RefusesWhatReadersWouldRefuse) {
  const TemporaryDirectory directory;
  const auto refused = [&](std::vector<TensorSpec> specs, StatusCode code, std::string_view part) {
    ExpectError(SafetensorsWriter::Create(directory.File("out"), {}, specs), code, part);
  };
  refused({{"", DType::kF32, {1}}}, StatusCode::kInvalidArgument, "name");
  refused({{"__metadata__", DType::kF32, {1}}}, StatusCode::kInvalidArgument, "other than __metadata__");
  refused({{"a\xff", DType::kF32, {1}}}, StatusCode::kInvalidArgument, "UTF-8");
  refused({{"a", DType::kF32, {1}}, {"a", DType::kF32, {1}}}, StatusCode::kInvalidArgument, "expected it once");
  refused({{"a", DType::kF32, {-1}}}, StatusCode::kInvalidArgument, "shape");
  refused({{"a", DType::kTQ2_0, {256}}}, StatusCode::kUnsupported, "cannot hold type TQ2_0");
  Metadata metadata;
  metadata.Set("n", uint32_t{1});
  ExpectError(SafetensorsWriter::Create(directory.File("out"), metadata, {}), StatusCode::kInvalidArgument, "found u32");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(SafetensorsWriter, UnfinishedFilesNeverAppear) {
  const TemporaryDirectory directory;
  {
    const std::vector<TensorSpec> specs = {{"a", DType::kF32, {1}}};
    auto writer = SafetensorsWriter::Create(directory.File("out"), {}, specs);
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(writer->Finish().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace sterna
