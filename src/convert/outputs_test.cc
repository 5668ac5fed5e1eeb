// Series of files, copies, metadata, and Hugging Face directories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "convert/convert.h"
#include "convert/hugging_face_config.h"
#include "formats/testing/temporary_directory.h"

namespace sterna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using Source = std::shared_ptr<const WeightSource>;

Source Open(const std::string& path) {
  auto source = OpenWeights(path);
  EXPECT_TRUE(source.ok()) << source.status().message();
  return source.ok() ? *source : nullptr;
}

Source Fixture(const std::string& name) {
  return Open(STERNA_FIXTURES "/" + name);
}

size_t FilesIn(const TemporaryDirectory& folder) {
  const std::filesystem::directory_iterator files(folder.path());
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

void ExpectSameTensors(const WeightSource& found, const WeightSource& expected) {
  ASSERT_EQ(found.entries().size(), expected.entries().size());
  for (const TensorEntry& entry : expected.entries()) {
    const TensorEntry* other = found.Find(entry.name);
    ASSERT_NE(other, nullptr) << entry.name;
    EXPECT_EQ(other->dtype, entry.dtype) << entry.name;
    EXPECT_EQ(other->shape, entry.shape) << entry.name;
    EXPECT_TRUE(std::ranges::equal(other->data, entry.data)) << entry.name;
  }
}

TEST(GgufParts, AreCutWhereALimitIsReached) {
  const std::vector<uint64_t> sizes = {5, 5, 10, 1, 30, 2};
  EXPECT_THAT(CutIntoParts(sizes, {}), ElementsAre(6));
  EXPECT_THAT(CutIntoParts(sizes, {.max_bytes = 0, .max_tensors = 4}), ElementsAre(4, 2));
  EXPECT_THAT(CutIntoParts(sizes, {.max_bytes = 10, .max_tensors = 0}), ElementsAre(2, 1, 1, 1, 1));
  EXPECT_THAT(CutIntoParts(sizes, {.max_bytes = 20, .max_tensors = 2}), ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(CutIntoParts({}, {.max_bytes = 1, .max_tensors = 1}), ElementsAre(0));
}

TEST(GgufParts, ASeriesLoadsAsOneFileAndMergesToTheSameBytes) {
  const TemporaryDirectory folder;
  const Source original = Fixture("gguf/b158.bitnet_cpp.I2_S.gguf");
  ASSERT_TRUE(CopyGguf(original, {}, folder.File("one.gguf")).ok());
  ConvertOptions options;
  options.split.max_tensors = 10;
  const auto split = CopyGguf(original, options, folder.File("part.gguf"));
  ASSERT_TRUE(split.ok()) << split.status().message();
  EXPECT_THAT(split->files, ElementsAre(folder.File("part-00001-of-00003.gguf"), folder.File("part-00002-of-00003.gguf"),
                                        folder.File("part-00003-of-00003.gguf")));
  EXPECT_EQ(FilesIn(folder), 4u);
  const Source series = Open(split->files.front());
  ExpectSameTensors(*series, *original);
  ASSERT_TRUE(CopyGguf(series, {}, folder.File("merged.gguf")).ok());
  std::ifstream a(folder.File("one.gguf"), std::ios::binary), b(folder.File("merged.gguf"), std::ios::binary);
  EXPECT_TRUE(std::equal(std::istreambuf_iterator<char>(a), {}, std::istreambuf_iterator<char>(b), {}));
  // A second run must not replace parts unasked.
  EXPECT_EQ(CopyGguf(original, options, folder.File("part.gguf")).status().code(), StatusCode::kInvalidArgument);
  options.overwrite = true;
  EXPECT_TRUE(CopyGguf(original, options, folder.File("part.gguf")).ok());
}

TEST(GgufParts, CancelledSeriesLeavesNothing) {
  const TemporaryDirectory folder;
  for (const int64_t stop : {0, 1, 10, 23}) {
    ConvertOptions options;
    options.split.max_tensors = 5;
    options.progress = [&](int64_t done, int64_t, const std::string&) { return done < stop; };
    EXPECT_EQ(CopyGguf(Fixture("gguf/b158.bitnet_cpp.I2_S.gguf"), options, folder.File("p.gguf")).status().code(),
              StatusCode::kCancelled);
    EXPECT_EQ(FilesIn(folder), 0u);
  }
}

TEST(HuggingFaceDirectory, PoolingOfAnEmbeddingModelComesBack) {
  for (const std::string name : {"qwen3-embedding", "gemma3-embedding"}) {
    const TemporaryDirectory folder;
    ConvertOptions to_gguf;
    to_gguf.types.projection = DType::kI2_S;
    to_gguf.types.embedding = DType::kF32;
    const auto first = ConvertToGguf(Fixture("models/" + name), to_gguf, folder.File("a.gguf"));
    ASSERT_TRUE(first.ok()) << first.status().message();
    const auto report = ConvertToSafetensors(Open(folder.File("a.gguf")), {}, folder.File("hf"));
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(std::filesystem::exists(folder.File("hf/modules.json")));
    EXPECT_TRUE(std::filesystem::exists(folder.File("hf/sentence_bert_config.json")));
    const Source written = Open(folder.File("hf"));
    ASSERT_NE(written, nullptr);
    const auto config = ReadModelConfig(written->format(), written->metadata());
    ASSERT_TRUE(config.ok()) << config.status().message();
    EXPECT_EQ(config->pooling, Pooling::kLast) << name;
    EXPECT_TRUE(config->has_linear_norms) << name;
    ASSERT_TRUE(ConvertToGguf(written, to_gguf, folder.File("b.gguf")).ok());
    ExpectSameTensors(*Open(folder.File("b.gguf")), *Open(folder.File("a.gguf")));
    const auto pooling = Open(folder.File("b.gguf"))
                             ->metadata()
                             .GetInt(config->architecture == "qwen3" ? "qwen3.pooling_type" : "gemma3.pooling_type");
    ASSERT_TRUE(pooling.ok()) << pooling.status().message();
    EXPECT_EQ(*pooling, 3) << name;
  }
}

TEST(Convert, DryRunPlansTheSameTensorsAndWritesNothing) {
  const TemporaryDirectory folder;
  ConvertOptions options;
  options.types.projection = DType::kTQ2_0;
  options.dry_run = true;
  const auto plan = ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(FilesIn(folder), 0u);
  options.dry_run = false;
  const auto report = ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(plan->plan.size(), report->plan.size());
  for (size_t i = 0; i < plan->plan.size(); ++i) EXPECT_EQ(plan->plan[i].name, report->plan[i].name);
  EXPECT_GT(report->bytes, plan->bytes);  // the header
  options.dry_run = true;
  options.types.projection = std::nullopt;
  EXPECT_TRUE(ConvertToSafetensors(Fixture("models/bitnet-packed"), options, folder.File("directory")).ok());
  EXPECT_EQ(FilesIn(folder), 1u);
}

TEST(MetadataOverride, KeepsTheWidthThatAKeyHas) {
  Metadata metadata;
  metadata.Set("u16", uint16_t{1});
  metadata.Set("f64", 1.0);
  metadata.Set("text", std::string("a"));
  metadata.Set("array", MetaArray(std::vector<int32_t>{1}));
  const auto apply = [&](const char* text) -> Status {
    const auto change = ParseMetadataOverride(text);
    if (!change.ok()) return change.status();
    return ApplyOverride(*change, &metadata);
  };
  for (const char* text : {"u16=int:65535", "f64=float:2.5", "text=str:a:b=c", "new.u32=int:7", "new.i32=int:-7",
                           "new.i64=int:4294967296", "new.f32=float:1e-5", "new.bool=bool:true"}) {
    const Status status = apply(text);
    EXPECT_TRUE(status.ok()) << text << ": " << status.message();
  }
  EXPECT_EQ(*metadata.Find("u16"), MetaValue(uint16_t{65535}));
  EXPECT_EQ(*metadata.Find("f64"), MetaValue(2.5));
  EXPECT_EQ(*metadata.Find("text"), MetaValue(std::string("a:b=c")));
  EXPECT_EQ(*metadata.Find("new.u32"), MetaValue(uint32_t{7}));
  EXPECT_EQ(*metadata.Find("new.i32"), MetaValue(int32_t{-7}));
  EXPECT_EQ(*metadata.Find("new.i64"), MetaValue(int64_t{4294967296}));
  EXPECT_EQ(*metadata.Find("new.f32"), MetaValue(1e-5f));
  EXPECT_EQ(*metadata.Find("new.bool"), MetaValue(true));
  for (const char* text : {"u16=int:65536", "u16=int:-1", "u16=float:1", "u16=str:1", "array=int:1", "text=int:1", "a", "=int:1",
                           "a=int", "a=int:", "a=int:1x", "a=float:x", "a=bool:1", "a=u32:1"}) {
    EXPECT_EQ(apply(text).code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(MetadataOverride, ReachesTheFileAndIsRefusedWhereItBreaksTheModel) {
  const TemporaryDirectory folder;
  const auto convert = [&](const char* text) {
    ConvertOptions options;
    options.types.projection = DType::kI2_S;
    options.overrides = {*ParseMetadataOverride(text)};
    return ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
  };
  ASSERT_TRUE(convert("general.author=str:me").ok());
  EXPECT_EQ(*Open(folder.File("out.gguf"))->metadata().GetString("general.author"), "me");
  std::filesystem::remove(folder.File("out.gguf"));
  const auto broken = convert("bitnet-b1.58.block_count=int:3");
  EXPECT_FALSE(broken.ok());
  EXPECT_EQ(FilesIn(folder), 0u);
}

// GGUF to a directory and back: the bytes of every tensor, whichever form the directory has.
TEST(Safetensors, EveryFormGivesTheSameGgufBack) {
  for (const char* fixture : {"gguf/b158.bitnet_cpp.I2_S.gguf", "models/bitnet-packed", "models/bitnet-packed-tied",
                              "models/llama-bitlinear", "models/bitnet-master"}) {
    const TemporaryDirectory folder;
    ConvertOptions gguf;
    gguf.types.projection = DType::kI2_S;
    ASSERT_TRUE(ConvertToGguf(Fixture(fixture), gguf, folder.File("direct.gguf")).ok()) << fixture;
    const Source direct = Open(folder.File("direct.gguf"));
    for (const std::optional<DType> form : {std::optional<DType>(), std::optional(DType::kBF16), std::optional(DType::kF32)}) {
      const std::string directory = folder.File(form ? std::string(Name(*form)) : "packed");
      ConvertOptions options;
      options.types.projection = form;
      const auto report = ConvertToSafetensors(direct, options, directory);
      ASSERT_TRUE(report.ok()) << fixture << ": " << report.status().message();
      EXPECT_EQ(report->max_scale_error, 0) << fixture;
      const std::string back = directory + ".gguf";
      const auto again = ConvertToGguf(Open(directory), gguf, back);
      ASSERT_TRUE(again.ok()) << fixture << ": " << again.status().message();
      ExpectSameTensors(*Open(back), *direct);
    }
  }
}

TEST(Safetensors, DenseModelsKeepTheirNumbersAndRopeScaling) {
  for (const char* fixture : {"models/qwen3-dense", "models/llama-dense-rope3"}) {
    const TemporaryDirectory folder;
    const Source original = Fixture(fixture);
    const auto report = ConvertToSafetensors(original, {}, folder.File("copy"));
    ASSERT_TRUE(report.ok()) << report.status().message();
    const Source copy = Open(folder.File("copy"));
    for (const TensorEntry& entry : original->entries()) {
      const TensorEntry* found = copy->Find(entry.name);
      ASSERT_NE(found, nullptr) << entry.name;
      if (entry.shape.size() == 2) {
        EXPECT_TRUE(std::ranges::equal(found->data, entry.data)) << entry.name;
      }
    }
    const auto a = ReadModelConfig(original->format(), original->metadata()), b = ReadModelConfig(copy->format(), copy->metadata());
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_EQ(RopeFrequencies(*a, {}), RopeFrequencies(*b, {}));
    EXPECT_EQ(a->rms_epsilon, b->rms_epsilon);
  }
}

TEST(Safetensors, NormsOfSingleProjectionsGoAlong) {
  const TemporaryDirectory folder;
  const auto report = ConvertToSafetensors(Fixture("models/llama-autobitlinear-rms"), {}, folder.File("copy"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_NE(Open(folder.File("copy"))->Find("model.layers.0.self_attn.q_proj.rms_norm.weight"), nullptr);
}

TEST(Safetensors, ShardsHaveAnIndexAndSideFilesComeAlong) {
  const TemporaryDirectory folder;
  ConvertOptions options;
  options.split.max_tensors = 20;
  options.side_files = {{.name = "tokenizer.json", .text = "{}"}};
  const auto report = ConvertToSafetensors(Fixture("models/bitnet-packed"), options, folder.File("out"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->files.size(), 2u);
  EXPECT_TRUE(std::filesystem::exists(folder.File("out/model-00002-of-00002.safetensors")));
  EXPECT_TRUE(std::filesystem::exists(folder.File("out/model.safetensors.index.json")));
  EXPECT_EQ(std::filesystem::file_size(folder.File("out/tokenizer.json")), 2u);
}

TEST(Safetensors, WhatTheyCannotHoldAndFoldersInUseAreRefused) {
  const TemporaryDirectory folder;
  ConvertOptions options;
  options.types.projection = DType::kTQ2_0;
  const auto type = ConvertToSafetensors(Fixture("models/bitnet-packed"), options, folder.File("out"));
  EXPECT_EQ(type.status().code(), StatusCode::kUnsupported);
  EXPECT_THAT(std::string(type.status().message()), HasSubstr("q_proj.weight: safetensors cannot hold type TQ2_0"));
  // A block type, which only floats could replace there; floats are masters in this architecture.
  const auto dense = ConvertToSafetensors(Fixture("gguf/bitnet.llama_cpp.Q4_0.gguf"), {}, folder.File("out"));
  EXPECT_EQ(dense.status().code(), StatusCode::kUnsupported);
  EXPECT_THAT(std::string(dense.status().message()), HasSubstr("q_proj.weight is dense (Q4_0), and as F32"));
  folder.Write("used/file", "mine");
  EXPECT_EQ(ConvertToSafetensors(Fixture("models/bitnet-packed"), {}, folder.File("used")).status().code(),
            StatusCode::kInvalidArgument);
  std::filesystem::create_directory(folder.File("empty"));
  EXPECT_TRUE(ConvertToSafetensors(Fixture("models/bitnet-packed"), {}, folder.File("empty")).ok());
  EXPECT_EQ(FilesIn(folder), 2u);
}

TEST(Safetensors, CancelledAtAnyTensorLeavesNothing) {
  const TemporaryDirectory folder;
  for (const int64_t stop : {0, 5, 30}) {
    ConvertOptions options;
    options.progress = [&](int64_t done, int64_t, const std::string&) { return done < stop; };
    EXPECT_EQ(ConvertToSafetensors(Fixture("models/bitnet-packed"), options, folder.File("out")).status().code(),
              StatusCode::kCancelled);
    EXPECT_EQ(FilesIn(folder), 0u);
  }
}

TEST(HuggingFaceConfig, TextIsEscaped) {
  EXPECT_EQ(JsonText("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
  EXPECT_EQ(JsonText("\xff"), "\"\\ufffd\"");
}

}  // namespace
}  // namespace sterna
