#include "convert/adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "formats/gguf_writer.h"
#include "formats/safetensors_writer.h"
#include "formats/testing/temporary_directory.h"

namespace sterna {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

constexpr int64_t kRank = 4;

ModelConfig Base(const std::string& fixture) {
  const auto source = OpenWeights(STERNA_FIXTURES "/models/" + fixture);
  return *ReadModelConfig((*source)->format(), (*source)->metadata());
}

/// A PEFT directory with pairs for q_proj and down_proj of layer 1, numbers in the order of the calls.
std::string WritePeft(const TemporaryDirectory& folder, const ModelConfig& base, std::string_view settings = "") {
  const std::string name = "base_model.model.model.layers.1.";
  const int64_t q_rows = base.heads * base.head_dim;
  const std::vector<TensorSpec> specs = {
      {.name = name + "self_attn.q_proj.lora_A.weight", .dtype = DType::kF32, .shape = {kRank, base.d_model}},
      {.name = name + "self_attn.q_proj.lora_B.weight", .dtype = DType::kF32, .shape = {q_rows, kRank}},
      {.name = name + "mlp.down_proj.lora_A.weight", .dtype = DType::kF32, .shape = {kRank, base.d_ff}},
      {.name = name + "mlp.down_proj.lora_B.weight", .dtype = DType::kF32, .shape = {base.d_model, kRank}}};
  folder.Write("peft/adapter_config.json",
               R"({"peft_type": "LORA", "r": 4, "lora_alpha": 16, "modules_to_save": null)" + std::string(settings) + "}");
  auto writer = SafetensorsWriter::Create(folder.File("peft/adapter_model.safetensors"), {}, specs);
  EXPECT_TRUE(writer.ok());
  float next = 0;
  for (const TensorSpec& spec : specs) {
    std::vector<float> values(static_cast<size_t>(spec.shape[0] * spec.shape[1]));
    for (float& value : values) value = next++;
    EXPECT_TRUE(writer->Write(spec.name, std::as_bytes(std::span(values))).ok());
  }
  EXPECT_TRUE(writer->Finish().ok());
  return folder.File("peft");
}

TEST(Adapter, GgufHasTheKeysAndNamesOfLlamaCpp) {
  const TemporaryDirectory folder;
  const ModelConfig base = Base("bitnet-packed");
  const auto report = ConvertPeftToGguf(WritePeft(folder, base), base, {}, folder.File("lora.gguf"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  const auto written = OpenWeights(folder.File("lora.gguf"));
  ASSERT_TRUE(written.ok());
  const Metadata& metadata = (*written)->metadata();
  EXPECT_EQ(*metadata.GetString("general.type"), "adapter");
  EXPECT_EQ(*metadata.GetString("adapter.type"), "lora");
  EXPECT_EQ(*metadata.GetString("general.architecture"), "bitnet-b1.58");
  EXPECT_EQ(*metadata.GetFloat("adapter.lora.alpha"), 16);
  EXPECT_EQ((*written)->Find("blk.1.attn_q.weight.lora_a")->shape, (Shape{kRank, base.d_model}));
  EXPECT_EQ((*written)->Find("blk.1.ffn_down.weight.lora_b")->shape, (Shape{base.d_model, kRank}));
}

TEST(Adapter, ThereAndBackGivesTheSameNumbers) {
  for (const char* fixture : {"bitnet-packed", "llama-bitlinear", "qwen3-dense"}) {
    const TemporaryDirectory folder;
    const ModelConfig base = Base(fixture);
    ASSERT_TRUE(ConvertPeftToGguf(WritePeft(folder, base), base, {}, folder.File("lora.gguf")).ok()) << fixture;
    const auto gguf = OpenWeights(folder.File("lora.gguf"));
    ASSERT_TRUE(IsGgufAdapter(**gguf));
    const auto report = ConvertGgufToPeft(*gguf, base, {}, folder.File("back"));
    ASSERT_TRUE(report.ok()) << report.status().message();
    const auto a = OpenWeights(folder.File("peft/adapter_model.safetensors")),
               b = OpenWeights(folder.File("back/adapter_model.safetensors"));
    for (const TensorEntry& entry : (*a)->entries()) {
      ASSERT_NE((*b)->Find(entry.name), nullptr) << entry.name;
      EXPECT_TRUE(std::ranges::equal((*b)->Find(entry.name)->data, entry.data)) << fixture << " " << entry.name;
    }
    // And once more: the new directory is one that we read.
    EXPECT_TRUE(ConvertPeftToGguf(folder.File("back"), base, {}, folder.File("again.gguf")).ok());
    const auto again = OpenWeights(folder.File("again.gguf"));
    EXPECT_EQ(*(*again)->metadata().GetFloat("adapter.lora.alpha"), 16);
  }
}

// GGUF's llama interleaves the rows of q: row 1 of a head is row head_dim / 2 of the checkpoint. Only B has those rows.
TEST(Adapter, RowsOfQueryPairsAreInterleavedForLlama) {
  const TemporaryDirectory folder;
  const ModelConfig base = Base("llama-bitlinear");
  ASSERT_TRUE(ConvertPeftToGguf(WritePeft(folder, base), base, {}, folder.File("lora.gguf")).ok());
  const auto gguf = OpenWeights(folder.File("lora.gguf")), peft = OpenWeights(folder.File("peft/adapter_model.safetensors"));
  const auto& after = (*gguf)->Find("blk.1.attn_q.weight.lora_b")->data;
  const auto& before = (*peft)->Find("base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight")->data;
  constexpr size_t kRowBytes = kRank * sizeof(float);
  EXPECT_TRUE(std::ranges::equal(after.subspan(kRowBytes, kRowBytes),
                                 before.subspan(static_cast<size_t>(base.head_dim / 2) * kRowBytes, kRowBytes)));
  const auto& a = (*gguf)->Find("blk.1.attn_q.weight.lora_a")->data;
  EXPECT_TRUE(std::ranges::equal(a, (*peft)->Find("base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight")->data));
}

TEST(Adapter, RankStabilizedScaleBecomesAlpha) {
  const TemporaryDirectory folder;
  const ModelConfig base = Base("bitnet-packed");
  ASSERT_TRUE(ConvertPeftToGguf(WritePeft(folder, base, R"(, "use_rslora": true)"), base, {}, folder.File("lora.gguf")).ok());
  // alpha / sqrt(4) = 2 alpha / 4.
  EXPECT_EQ(*(*OpenWeights(folder.File("lora.gguf")))->metadata().GetFloat("adapter.lora.alpha"), 32);
}

TEST(Adapter, WhatHasNoPlaceIsRefusedByName) {
  const ModelConfig base = Base("bitnet-packed");
  for (const auto& [settings, part] : {std::pair(R"(, "use_dora": true)", "use_dora"), std::pair(R"(, "bias": "all")", "bias"),
                                       std::pair(R"(, "rank_pattern": {"q_proj": 8})", "rank_pattern.q_proj"),
                                       std::pair(R"(, "fan_in_fan_out": true)", "fan_in_fan_out")}) {
    const TemporaryDirectory folder;
    const auto report = ConvertPeftToGguf(WritePeft(folder, base, settings), base, {}, folder.File("lora.gguf"));
    ASSERT_FALSE(report.ok()) << settings;
    EXPECT_THAT(std::string(report.status().message()), HasSubstr(part));
    EXPECT_FALSE(std::filesystem::exists(folder.File("lora.gguf")));
  }
  const TemporaryDirectory folder;
  ModelConfig shallow = base;
  shallow.layers = 1;
  const auto outside = ConvertPeftToGguf(WritePeft(folder, base), shallow, {}, folder.File("lora.gguf"));
  EXPECT_EQ(outside.status().code(), StatusCode::kUnsupported);
  ModelConfig narrow = base;
  narrow.d_ff = base.d_ff * 2;
  const auto shape = ConvertPeftToGguf(folder.File("peft"), narrow, {}, folder.File("lora.gguf"));
  EXPECT_EQ(shape.status().code(), StatusCode::kMalformed);
  EXPECT_THAT(std::string(shape.status().message()), HasSubstr("mlp.down_proj"));
}

}  // namespace
}  // namespace sterna
