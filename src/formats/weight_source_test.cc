#include "formats/weight_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectError;
using testing::ExpectOk;
using testing::TemporaryDirectory;

constexpr std::string_view kHeader = R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})";

TEST(OpenWeights, MissingPathIsNotFound) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(directory.File("nothing.gguf")), StatusCode::kNotFound, "nothing.gguf");
  ExpectError(OpenWeights(""), StatusCode::kNotFound, "no such file or directory");
}

TEST(OpenWeights, ContentDecidesNotTheName) {
  const TemporaryDirectory directory;
  const auto safetensors = OpenWeights(directory.Write("a.gguf", ByteBuilder::Safetensors(kHeader, 16).text()));
  ASSERT_TRUE(safetensors.ok()) << safetensors.status().message();
  EXPECT_EQ((*safetensors)->format(), "safetensors");
  const auto gguf = OpenWeights(directory.Write("b.safetensors", testing::OneTensor("t", {8}, testing::kIdF32, 0, 32).text()));
  ASSERT_TRUE(gguf.ok()) << gguf.status().message();
  EXPECT_EQ((*gguf)->format(), "GGUF");
}

TEST(OpenWeights, HeaderLengthsThatLookLikeOtherMagicsAreRead) {
  const TemporaryDirectory directory;
  // 0x0280 = 640 begins like a pickle, 0x8b1f like gzip, 0x7b = '{' like JSON.
  for (const size_t length : {0x0280u, 0x8b1fu, 0x7bu}) {
    std::string header(kHeader);
    header.resize(length, ' ');
    ExpectOk(OpenWeights(directory.Write("model", ByteBuilder::Safetensors(header, 16).text())));
  }
}

TEST(OpenWeights, OtherFormatsAreNamed) {
  const TemporaryDirectory directory;
  const auto rejected = [&](std::string_view name, std::string_view content, std::string_view part) {
    ExpectError(OpenWeights(directory.Write(name, content)), StatusCode::kMalformed, part);
  };
  rejected("model.bin", "PK\x03\x04 and more", "expected a ZIP archive, found 13 bytes");
  rejected("old.pt", "\x80\x02\x8a\x0a",
           "expected a GGUF, safetensors, PyTorch or ONNX file, found a Python pickle (perhaps a PyTorch checkpoint");
  rejected("model.safetensors.index.json", "{\"weight_map\": {}}", "a JSON document (to open a checkpoint, name its directory)");
  rejected("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer");
  rejected("model.gguf", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer");
  rejected("empty", "", "an empty file");
  rejected("empty.gguf", "", "truncated header at byte 0");
  rejected("empty.safetensors", "", "truncated header at byte 0");
}

TEST(OpenWeights, WhatIsNoRegularFileIsRefusedAtOnce) {
  const TemporaryDirectory directory;
  ASSERT_EQ(mkfifo(directory.File("pipe").c_str(), 0600), 0);
  ExpectError(OpenWeights(directory.File("pipe")), StatusCode::kUnsupported, "not a regular file");
}

}  // namespace
}  // namespace sterna
