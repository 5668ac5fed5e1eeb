// Checkpoints whose tensors do not make the model that the configuration describes: missing, misshapen, of the wrong type, too
// many. Names with G and S numbers are rows of the catalogue of hostile files (src/formats/README.md has the rows of the
// containers).
#include <gtest/gtest.h>

#include "model/testing/test_checkpoint.h"

namespace sterna {
namespace {

using testing::ExpectLoadError;
using testing::FloatTensor;
using testing::Load;
using testing::MakeCheckpoint;
using testing::Projections;
using testing::TestCheckpoint;
using testing::TestModel;
using testing::TestTensor;

TestCheckpoint Packed() {
  return MakeCheckpoint({});
}
TestCheckpoint Dense() {
  return MakeCheckpoint({.architecture = "llama", .projections = Projections::kF32});
}
TestCheckpoint Gguf() {
  return MakeCheckpoint({.architecture = "llama", .is_gguf = true, .projections = Projections::kF32});
}

TestTensor Zeros(DType dtype, const Shape& shape) {
  return {dtype, shape, std::vector<std::byte>(static_cast<size_t>(TensorBytes(dtype, shape).value()))};
}

TEST(HostileTensors, EveryTensorIsNeeded) {
  for (const TestModel& model :
       {TestModel{}, TestModel{.architecture = "qwen3", .is_gguf = true, .projections = Projections::kF32}}) {
    const TestCheckpoint whole = MakeCheckpoint(model);
    ASSERT_TRUE(Load(whole).ok()) << Load(whole).status().message();
    for (const auto& [name, tensor] : whole.tensors) {
      TestCheckpoint checkpoint = whole;
      checkpoint.tensors.erase(name);
      ExpectLoadError(std::move(checkpoint), StatusCode::kNotFound, {name, "is missing"});
    }
  }
}

TEST(HostileTensors, EveryTensorMustHaveItsShape) {
  for (const TestCheckpoint& whole : {Packed(), Dense(), Gguf()}) {
    for (const auto& [name, tensor] : whole.tensors) {
      if (name.ends_with("weight_scale")) continue;
      Shape longer = tensor.shape, wider = tensor.shape;
      ++longer.front();
      ++wider.back();
      for (const Shape& shape : {longer, wider}) {
        TestCheckpoint checkpoint = whole;
        checkpoint.tensors[name] = Zeros(tensor.dtype, shape);
        ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed,
                        {"tensor " + name, "expected shape " + ToString(tensor.shape), "found " + ToString(shape)});
      }
    }
  }
}

TEST(HostileTensors, TransposedMatricesAreRefused) {
  for (const TestCheckpoint& whole : {Packed(), Dense()}) {
    for (const auto& [name, tensor] : whole.tensors) {
      if (tensor.shape.size() != 2 || tensor.shape[0] == tensor.shape[1]) continue;
      TestCheckpoint checkpoint = whole;
      std::swap(checkpoint.tensors[name].shape[0], checkpoint.tensors[name].shape[1]);
      ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed,
                      {"tensor " + name, "expected shape " + ToString(tensor.shape)});
    }
  }
}

TEST(HostileTensors, OneDimensionalMatricesAndTwoDimensionalNormsAreRefused) {
  TestCheckpoint flat = Dense();
  flat.tensors["model.embed_tokens.weight"].shape = {40 * 32};
  ExpectLoadError(std::move(flat), StatusCode::kMalformed, {"model.embed_tokens.weight", "[40, 32]", "[1280]"});
  TestCheckpoint square = Dense();
  square.tensors["model.norm.weight"].shape = {1, 32};
  ExpectLoadError(std::move(square), StatusCode::kMalformed, {"model.norm.weight", "[32]", "[1, 32]"});
  TestCheckpoint scalar = Dense();
  scalar.tensors["model.norm.weight"] = Zeros(DType::kF32, {});
  ExpectLoadError(std::move(scalar), StatusCode::kMalformed, {"model.norm.weight", "[32]", "[]"});
}

TEST(HostileTensors, TensorsThatNothingReadsAreRefused) {
  for (const std::string_view name : {"model.layers.2.input_layernorm.weight", "model.layers.0.self_attn.q_norm.weight", "extra"}) {
    TestCheckpoint checkpoint = Dense();
    checkpoint.tensors[std::string(name)] = FloatTensor({1, 2, 3});
    ExpectLoadError(std::move(checkpoint), StatusCode::kUnsupported, {name, "[3]", "llama", "2 layers"});
  }
}

TEST(HostileTensors, StoredRotaryFrequenciesAreKnownToBeUnneeded) {
  TestCheckpoint checkpoint = Dense();
  checkpoint.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = FloatTensor({1, 0.5f});
  EXPECT_TRUE(Load(std::move(checkpoint)).ok());
}

TEST(HostileTensors, ABiasHasOneNumberARow) {
  TestCheckpoint checkpoint = Dense();
  checkpoint.tensors["model.layers.1.self_attn.k_proj.bias"] = FloatTensor({1});
  ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"model.layers.1.self_attn.k_proj.bias", "[16]", "[1]"});
}

TEST(HostileTensors, ABiasThatTheConfigurationPromisesMustBeThere) {
  for (const auto& [key, tensor] : {std::pair<const char*, const char*>{"attention_bias", "model.layers.0.self_attn.q_proj.bias"},
                                    {"mlp_bias", "model.layers.0.mlp.gate_proj.bias"}}) {
    TestCheckpoint checkpoint = Dense();
    checkpoint.metadata.Set(key, true);
    ExpectLoadError(std::move(checkpoint), StatusCode::kNotFound, {tensor});
  }
}

TEST(HostileTensors, AnUntiedHeadMustBeThere) {
  TestCheckpoint checkpoint = Dense();
  checkpoint.metadata.Set("tie_word_embeddings", false);
  ExpectLoadError(checkpoint, StatusCode::kNotFound, {"lm_head.weight", "tie_word_embeddings is false"});
  checkpoint.tensors["lm_head.weight"] = Zeros(DType::kF32, {40, 31});
  ExpectLoadError(checkpoint, StatusCode::kMalformed, {"lm_head.weight", "[40, 32]", "[40, 31]"});
  checkpoint.tensors["lm_head.weight"] = Zeros(DType::kF32, {40, 32});
  EXPECT_TRUE(Load(std::move(checkpoint)).ok());
}

TEST(HostileTensors, TypesThatHoldNoWeightsAreNamed) {
  for (const DType dtype : {DType::kI32, DType::kI8, DType::kBool}) {
    for (const auto& [name, shape] : {std::pair<std::string, Shape>{"model.norm.weight", {32}},
                                      {"model.embed_tokens.weight", {40, 32}},
                                      {"model.layers.1.mlp.up_proj.weight", {48, 32}}}) {
      TestCheckpoint checkpoint = Dense();
      checkpoint.tensors[name] = Zeros(dtype, shape);
      ExpectLoadError(std::move(checkpoint), StatusCode::kUnsupported, {"tensor " + name, Name(dtype)});
    }
  }
}

TEST(HostileTensors, S05PackedWeightsWhereAModelHasDenseOnesNeedAScale) {
  TestCheckpoint checkpoint = Dense();
  checkpoint.tensors["model.layers.0.mlp.up_proj.weight"] = Zeros(DType::kU8, {12, 32});
  ExpectLoadError(std::move(checkpoint), StatusCode::kNotFound, {"model.layers.0.mlp.up_proj.weight_scale", "is missing"});
}

TEST(HostileTensors, MastersOfATypeThatCannotBeQuantizedAreRefused) {
  TestCheckpoint checkpoint = MakeCheckpoint({.projections = Projections::kMasterF32});
  ASSERT_TRUE(Load(checkpoint).ok()) << Load(checkpoint).status().message();
  checkpoint.tensors["model.layers.0.mlp.up_proj.weight"] = Zeros(DType::kF64, {48, 32});
  ExpectLoadError(std::move(checkpoint), StatusCode::kUnsupported, {"tensor model.layers.0.mlp.up_proj.weight", "F64"});
}

TEST(HostileTensors, G24AFileThatChangedWhileItWasReadIsRefused) {
  TestCheckpoint checkpoint = Packed();
  checkpoint.unchanged = Malformed("the file changed");
  ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"the file changed"});
}

TEST(HostileTensors, G33MoreLayersThanTensorsAndMoreTensorsThanLayers) {
  TestCheckpoint more = Gguf();
  more.metadata.Set("llama.block_count", uint32_t{3});
  ExpectLoadError(std::move(more), StatusCode::kNotFound, {"blk.2.attn_norm.weight", "3 layers"});
  TestCheckpoint fewer = Gguf();
  fewer.metadata.Set("llama.block_count", uint32_t{1});
  ExpectLoadError(std::move(fewer), StatusCode::kUnsupported, {"blk.1.", "1 layers"});
}

TEST(HostileTensors, G35ATokenListOfAnotherLengthThanTheEmbedding) {
  for (const size_t length : {size_t{39}, size_t{41}}) {
    TestCheckpoint checkpoint = Gguf();
    checkpoint.metadata.Set("tokenizer.ggml.tokens", MetaArray(std::vector<std::string>(length, "x")));
    ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed,
                    {"token_embd.weight", "[" + std::to_string(length) + ", 32]", "found [40, 32]"});
  }
}

}  // namespace
}  // namespace sterna
