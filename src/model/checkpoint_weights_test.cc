// One model in every form a checkpoint can have: the same bits.
#include "model/checkpoint_weights.h"

#include <gtest/gtest.h>

#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "formats/gguf_writer.h"
#include "formats/testing/temporary_directory.h"
#include "model/testing/test_checkpoint.h"

namespace sterna {
namespace {

using testing::FloatTensor;
using testing::Load;
using testing::Logits;
using testing::MakeCheckpoint;
using testing::Projections;
using testing::TestCheckpoint;
using testing::TestModel;
using testing::WideModel;

const std::vector<int32_t> kTokens = {3, 14, 15, 9, 2, 6};

std::vector<float> LogitsOf(const TestCheckpoint& checkpoint) {
  const auto model = Load(checkpoint);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? Logits(**model, kTokens) : std::vector<float>();
}

TEST(CheckpointWeights, EveryTernaryEncodingOfAModelGivesTheSameBits) {
  const std::vector<float> packed = LogitsOf(MakeCheckpoint(WideModel("bitnet-b1.58", false, Projections::kPackedU8)));
  ASSERT_EQ(packed.size(), kTokens.size() * 24);
  for (const Projections projections : {Projections::kMasterF32, Projections::kTQ1_0, Projections::kTQ2_0, Projections::kI2_S}) {
    EXPECT_EQ(LogitsOf(MakeCheckpoint(WideModel("bitnet-b1.58", true, projections))), packed) << static_cast<int>(projections);
  }
}

TEST(CheckpointWeights, PermutedRowsOfAGgufLlamaArePutBack) {
  const auto logits = [](bool is_gguf) {
    return LogitsOf(MakeCheckpoint({.architecture = "llama", .is_gguf = is_gguf, .projections = Projections::kF32}));
  };
  const std::vector<float> straight = logits(false);
  ASSERT_EQ(straight.size(), kTokens.size() * 40);
  EXPECT_EQ(logits(true), straight);
}

TEST(CheckpointWeights, PermutedRowsOfATernaryGgufLlamaArePutBack) {
  const std::vector<float> straight = LogitsOf(MakeCheckpoint(WideModel("llama", false, Projections::kPackedU8)));
  ASSERT_EQ(straight.size(), kTokens.size() * 24);
  for (const Projections projections : {Projections::kTQ1_0, Projections::kTQ2_0, Projections::kI2_S}) {
    EXPECT_EQ(LogitsOf(MakeCheckpoint(WideModel("llama", true, projections))), straight) << static_cast<int>(projections);
  }
}

TEST(CheckpointWeights, OnlyLlamaFilesArePermuted) {
  const auto logits = [](bool is_gguf) {
    return LogitsOf(MakeCheckpoint({.architecture = "qwen3", .is_gguf = is_gguf, .projections = Projections::kF32}));
  };
  const std::vector<float> straight = logits(false);
  ASSERT_FALSE(straight.empty());
  EXPECT_EQ(logits(true), straight);
}

TEST(CheckpointWeights, AutoBitLinearScalesAreTheInverseOfBitLinearOnes) {
  const TestCheckpoint divide = MakeCheckpoint({});
  TestCheckpoint multiply = divide;
  multiply.metadata.Set("quantization_config.linear_class", std::string("autobitlinear"));
  for (auto& [name, tensor] : multiply.tensors) {
    if (name.ends_with("weight_scale")) tensor = FloatTensor({0.0625f});  // MakeCheckpoint wrote 16
  }
  const std::vector<float> expected = LogitsOf(divide);
  EXPECT_EQ(LogitsOf(multiply), expected);
  // S13: with the wrong convention the model runs, and says something else.
  TestCheckpoint inverse = divide;
  inverse.metadata.Set("quantization_config.linear_class", std::string("autobitlinear"));
  EXPECT_NE(LogitsOf(inverse), expected);
}

TEST(CheckpointWeights, AFactorInATensorOfItsOwnMultiplies) {
  const TestCheckpoint whole = MakeCheckpoint(WideModel("bitnet", true, Projections::kTQ2_0));
  TestCheckpoint halved = whole;
  std::vector<std::byte>& up = halved.tensors["blk.0.ffn_up.weight"].data;
  for (size_t block = 0; block < 256; ++block) {
    const uint16_t half_of_the_factor = 0x2800;  // 1/32
    std::memcpy(up.data() + block * 66 + 64, &half_of_the_factor, 2);
  }
  EXPECT_NE(LogitsOf(halved), LogitsOf(whole));
  halved.tensors["blk.0.ffn_up.scale"] = FloatTensor({2});
  EXPECT_EQ(LogitsOf(halved), LogitsOf(whole));
}

TEST(CheckpointWeights, BothSpellingsOfSubNormsLoad) {
  const TestCheckpoint whole = MakeCheckpoint({});
  TestCheckpoint renamed = whole;
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const auto& [usual, other] :
         {std::pair<std::string, std::string>{"self_attn.attn_sub_norm.weight", "self_attn.inner_attn_ln.weight"},
          {"mlp.ffn_sub_norm.weight", "mlp.ffn_layernorm.weight"}}) {
      auto node = renamed.tensors.extract(layer + usual);
      ASSERT_FALSE(node.empty());
      node.key() = layer + other;
      renamed.tensors.insert(std::move(node));
    }
  }
  EXPECT_EQ(LogitsOf(renamed), LogitsOf(whole));
}

TEST(CheckpointWeights, TheModelsOf1bitLlmThatCallThemselvesLlamaAreBitnet) {
  TestCheckpoint bitnet = MakeCheckpoint({.projections = Projections::kMasterF32});
  bitnet.metadata.Set("hidden_act", std::string("silu"));
  TestCheckpoint renamed = bitnet;
  renamed.metadata.Set("model_type", std::string("llama"));
  testing::ExpectLoadError(renamed, StatusCode::kUnsupported, {"sub_norm", "has no place in architecture llama"});
  renamed.metadata.Set("architectures", MetaArray(std::vector<std::string>{"BitnetForCausalLM"}));
  EXPECT_EQ(LogitsOf(renamed), LogitsOf(bitnet));
}

TEST(CheckpointWeights, AHeadOfItsOwnIsUsedWhereTheModelIsNotTied) {
  TestCheckpoint tied = MakeCheckpoint({});
  TestCheckpoint untied = tied;
  untied.metadata.Set("tie_word_embeddings", false);
  untied.tensors["lm_head.weight"] = untied.tensors["model.embed_tokens.weight"];
  EXPECT_EQ(LogitsOf(untied), LogitsOf(tied));
  testing::SetFloat(untied.tensors["lm_head.weight"], 0, 9);
  EXPECT_NE(LogitsOf(untied), LogitsOf(tied));
}

TEST(CheckpointWeights, AWrittenGgufFileGivesTheBitsOfTheModelInMemory) {
  const TestCheckpoint checkpoint = MakeCheckpoint(WideModel("bitnet-b1.58", true, Projections::kI2_S));
  const testing::TemporaryDirectory directory;
  std::vector<TensorSpec> specs;
  for (const auto& [name, tensor] : checkpoint.tensors) specs.push_back({name, tensor.dtype, tensor.shape});
  auto writer = GgufWriter::Create(directory.File("model.gguf"), checkpoint.metadata, specs);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  for (const auto& [name, tensor] : checkpoint.tensors) ASSERT_TRUE(writer->Write(name, tensor.data).ok()) << name;
  ASSERT_TRUE(writer->Finish().ok());
  auto source = OpenWeights(directory.File("model.gguf"));
  ASSERT_TRUE(source.ok()) << source.status().message();
  auto backend = MakeCpuBackend({.threads = 2, .isa = Isa::kRef});
  const auto model = Model::Load(*std::move(source), *std::move(backend));
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(Logits(**model, kTokens), LogitsOf(checkpoint));
}

TEST(CheckpointWeights, WorkPerTokenIsCountedByMatrix) {
  const TestModel shape;
  const auto model = Load(MakeCheckpoint(shape));
  ASSERT_TRUE(model.ok());
  const int64_t layer = 32 * (32 + 16 + 16) + 32 * 32 + 3 * 32 * 48;
  EXPECT_EQ((*model)->macs_per_token(), shape.layers * layer + shape.vocab * shape.d_model);
}

}  // namespace
}  // namespace sterna
