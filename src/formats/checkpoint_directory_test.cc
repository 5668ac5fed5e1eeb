// Hugging Face checkpoint directories: what a good one gives, and row S12 of the catalogue in README.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectError;
using testing::ExpectOk;
using testing::TemporaryDirectory;

constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::string_view kConfig =
    R"({"architectures": ["BitNetForCausalLM"], "hidden_size": 8, "quantization_config": {"linear_class": "bitlinear"}})";

/// A safetensors file with one tensor of `bytes` bytes.
std::string Shard(std::string_view tensor, int bytes) {
  const std::string header = fmt::format(
      R"({{"__metadata__":{{"format":"pt"}},"{}":{{"dtype":"U8","shape":[{}],"data_offsets":[0,{}]}}}})", tensor, bytes, bytes);
  return ByteBuilder::Safetensors(header, static_cast<size_t>(bytes)).text();
}

std::string Index(std::string_view map, std::string_view metadata = R"({"total_size": 12})") {
  return fmt::format(R"({{"metadata": {}, "weight_map": {}}})", metadata, map);
}

/// Two shards: "a" with 4 bytes in s1, "b" with 8 bytes in s2.
void WriteSharded(const TemporaryDirectory& directory,
                  const std::string& index = Index(R"({"a": "s1.safetensors", "b": "s2.safetensors"})")) {
  directory.Write("config.json", kConfig);
  directory.Write("s1.safetensors", Shard("a", 4));
  directory.Write("s2.safetensors", Shard("b", 8));
  directory.Write(kIndexName, index);
}

TEST(CheckpointDirectory, SingleFileWithAllConfigs) {
  const TemporaryDirectory directory;
  directory.Write("config.json", kConfig);
  std::filesystem::create_directory(directory.path() + "/1_Pooling");
  directory.Write("1_Pooling/config.json", R"({"word_embedding_dimension": 8, "pooling_mode_lasttoken": true})");
  directory.Write("generation_config.json", R"({"eos_token_id": [1, 2], "temperature": 0.6})");
  directory.Write("model.safetensors", Shard("w", 4));
  const auto source = OpenWeights(directory.path());
  ASSERT_TRUE(source.ok()) << source.status().message();
  const WeightSource& weights = **source;
  EXPECT_EQ(weights.format(), "safetensors");
  EXPECT_EQ(weights.path(), directory.path());
  EXPECT_EQ(weights.metadata().GetUint("hidden_size").value(), 8u);
  EXPECT_EQ(weights.metadata().GetString("quantization_config.linear_class").value(), "bitlinear");
  EXPECT_EQ(weights.metadata().GetInts("generation_config.eos_token_id").value(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(weights.metadata().GetFloat("generation_config.temperature").value(), 0.6);
  EXPECT_TRUE(weights.metadata().GetBool("pooling.pooling_mode_lasttoken").value());
  EXPECT_FALSE(weights.metadata().Has("format"));
  ASSERT_NE(weights.Find("w"), nullptr);
  EXPECT_EQ(weights.Find("w")->shape, Shape{4});
}

TEST(CheckpointDirectory, ShardsReadAsOneModel) {
  const TemporaryDirectory directory;
  WriteSharded(directory);
  const auto source = OpenWeights(directory.path());
  ASSERT_TRUE(source.ok()) << source.status().message();
  ASSERT_EQ((*source)->entries().size(), 2u);
  EXPECT_EQ((*source)->Find("a")->data.size(), 4u);
  EXPECT_EQ((*source)->Find("b")->data.size(), 8u);
  std::filesystem::resize_file(directory.File("s2.safetensors"), 3);
  EXPECT_EQ((*source)->StillUnchanged().code(), StatusCode::kMalformed);
}

TEST(CheckpointDirectory, CacheOfTheHubIsReadThroughItsLinks) {
  const TemporaryDirectory cache;
  cache.Write("models--x/blobs/1", Shard("a", 4));
  cache.Write("models--x/blobs/2", Shard("b", 8));
  cache.Write("models--x/snapshots/rev/config.json", kConfig);
  cache.Write("models--x/snapshots/rev/model.safetensors.index.json", Index(R"({"a": "s1.safetensors", "b": "s2.safetensors"})"));
  std::filesystem::create_symlink("../../blobs/1", cache.File("models--x/snapshots/rev/s1.safetensors"));
  std::filesystem::create_symlink("../../blobs/2", cache.File("models--x/snapshots/rev/s2.safetensors"));
  ExpectOk(OpenWeights(cache.File("models--x/snapshots/rev")));
}

TEST(CheckpointDirectory, SaysWhatWasExpected) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(directory.path()), StatusCode::kNotFound, "expected a checkpoint directory with config.json, found none");
  directory.Write("weights.gguf", "GGUF");
  ExpectError(OpenWeights(directory.path()), StatusCode::kNotFound, "(it holds 'weights.gguf': open that file)");
  std::filesystem::remove(directory.File("weights.gguf"));
  directory.Write("config.json", kConfig);
  ExpectError(OpenWeights(directory.path()), StatusCode::kNotFound,
              "expected model.safetensors or model.safetensors.index.json (or pytorch_model.bin) beside config.json");
  directory.Write("weights.pt", "PK");
  ExpectError(OpenWeights(directory.path()), StatusCode::kNotFound, "open that file, or name it pytorch_model.bin");
  directory.Write("pytorch_model.bin", "PK");
  ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, "expected a ZIP archive, found 2 bytes");
  directory.Write("config.json", "{");
  directory.Write("model.safetensors", Shard("w", 4));
  ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, "config.json: JSON");
}

TEST(SafetensorsHostile, S12ShardsOutsideTheDirectoryAreRefused) {
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "sub/s1.safetensors", "..", ".", "", ".hidden", "a\\u0000b"}) {
    const TemporaryDirectory directory;
    WriteSharded(directory, Index(fmt::format(R"({{"a": "{}", "b": "s2.safetensors"}})", name)));
    ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, "expected the name of a file in the same directory");
  }
}

TEST(SafetensorsHostile, S12MissingShardIsNamed) {
  const TemporaryDirectory directory;
  WriteSharded(directory, Index(R"({"a": "s1.safetensors", "b": "s3.safetensors"})"));
  ExpectError(OpenWeights(directory.path()), StatusCode::kNotFound, "shard 's3.safetensors'");
}

TEST(SafetensorsHostile, S12LinkOutOfTheDirectoryIsRefused) {
  const TemporaryDirectory directory, elsewhere;
  WriteSharded(directory);
  std::filesystem::remove(directory.File("s2.safetensors"));
  std::filesystem::create_symlink(elsewhere.Write("s2.safetensors", Shard("b", 8)), directory.File("s2.safetensors"));
  ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, "found a link that leaves it");
  std::filesystem::remove(directory.File("s2.safetensors"));
  directory.Write("real.bin", Shard("b", 8));
  std::filesystem::create_symlink("real.bin", directory.File("s2.safetensors"));
  ExpectOk(OpenWeights(directory.path()));
}

TEST(SafetensorsHostile, S12TotalSizeMustBeTrue) {
  constexpr std::string_view kMap = R"({"a": "s1.safetensors", "b": "s2.safetensors"})";
  for (const char* total : {"11", "13", "0", "1e9"}) {
    const TemporaryDirectory directory;
    WriteSharded(directory, Index(kMap, fmt::format(R"({{"total_size": {}}})", total)));
    ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, "metadata.total_size: expected 12, the sum of all tensors");
  }
  for (const char* total : {"-12", "\"12\"", "null", "[]"}) {
    const TemporaryDirectory directory;
    WriteSharded(directory, Index(kMap, fmt::format(R"({{"total_size": {}}})", total)));
    ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, "metadata.total_size: expected a number of bytes");
  }
  const TemporaryDirectory directory;
  WriteSharded(directory, Index(kMap, R"({"total_size": 12.0})"));
  ExpectOk(OpenWeights(directory.path()));
  WriteSharded(directory, Index(kMap, "{}"));
  ExpectOk(OpenWeights(directory.path()));
}

TEST(SafetensorsHostile, S12IndexAndShardsMustAgree) {
  const auto rejected = [](std::string_view map, std::string_view part) {
    const TemporaryDirectory directory;
    WriteSharded(directory, Index(map, "{}"));
    ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, part);
  };
  rejected(R"({"a": "s1.safetensors", "b": "s2.safetensors", "c": "s2.safetensors"})",
           "'c': expected the tensor in 's2.safetensors', found none");
  rejected(R"({"a": "s2.safetensors", "b": "s2.safetensors"})", "'a': expected the tensor in 's2.safetensors', found none");
  rejected(R"({"a": "s2.safetensors", "b": "s1.safetensors"})", "which holds the tensor");
  rejected(R"({"a": "s1.safetensors", "x": "s2.safetensors"})",
           "'b': expected 's2.safetensors', which holds the tensor, found no entry");
  rejected(R"({"a": "s1.safetensors", "a": "s1.safetensors", "b": "s2.safetensors"})", "'a': expected it once");
  rejected(R"({"a": 1})", "'a': expected a string");
  rejected("{}", "expected at least one tensor");
  rejected("[]", "weight_map: expected an object");
}

}  // namespace
}  // namespace sterna
