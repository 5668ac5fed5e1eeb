// Configurations that make no model, in both formats. G numbers: see hostile_tensors_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/testing/test_checkpoint.h"

namespace sterna {
namespace {

using testing::ExpectLoadError;
using testing::Load;
using testing::MakeCheckpoint;
using testing::Projections;
using testing::TestCheckpoint;

TestCheckpoint HuggingFace(const std::string& key, MetaValue value) {
  TestCheckpoint checkpoint = MakeCheckpoint({.architecture = "llama", .projections = Projections::kF32});
  checkpoint.metadata.Set(key, std::move(value));
  return checkpoint;
}
TestCheckpoint Gguf(const std::string& key, MetaValue value) {
  TestCheckpoint checkpoint = MakeCheckpoint({.architecture = "llama", .is_gguf = true, .projections = Projections::kF32});
  checkpoint.metadata.Set("llama." + key, std::move(value));
  return checkpoint;
}

/// One wrong value by its key in each format, and what the message says besides the value.
struct WrongNumber {
  std::string hugging_face, gguf;
  int64_t value;
  std::vector<std::string_view> parts;
};

TEST(HostileConfig, G32G33G34CountsOutOfRangeAreRefusedBeforeAnythingIsSized) {
  constexpr int64_t kHuge = int64_t{1} << 40;
  const std::string layers = "num_hidden_layers", heads = "num_attention_heads", kv_heads = "num_key_value_heads";
  for (const WrongNumber& wrong : std::vector<WrongNumber>{
           {layers, "block_count", 0, {"number of layers: expected 1 to", "found 0"}},
           {layers, "block_count", int64_t{1} << 31, {"number of layers", "found 2147483648"}},
           {layers, "block_count", kHuge, {"number of layers", "found 1099511627776"}},
           {layers, "block_count", -1, {"number of layers", "found -1"}},
           {heads, "attention.head_count", 0, {"expected at least 1, found 0"}},
           {heads, "attention.head_count", -4, {"expected at least 1, found -4"}},
           {heads, "attention.head_count", kHuge, {"number of attention heads", "found 1099511627776"}},
           {kv_heads, "attention.head_count_kv", 0, {"number of key-value heads: expected 1 to 4, found 0"}},
           {kv_heads, "attention.head_count_kv", 8, {"number of key-value heads: expected 1 to 4, found 8"}},
           {kv_heads, "attention.head_count_kv", 3, {"4 attention heads cannot share 3 key-value heads"}},
           {"head_dim", "attention.key_length", 0, {"head dimension", "found 0"}},
           {"head_dim", "attention.key_length", 7, {"head dimension: expected an even number, found 7"}},
           {"head_dim", "attention.key_length", kHuge, {"head dimension", "found 1099511627776"}},
           {"vocab_size", "vocab_size", 0, {"vocabulary size", "found 0"}},
           {"vocab_size", "vocab_size", kHuge, {"vocabulary size", "found 1099511627776"}},
           {"max_position_embeddings", "context_length", 0, {"context length", "found 0"}},
           {"max_position_embeddings", "context_length", kHuge, {"context length", "found 1099511627776"}},
           {"hidden_size", "embedding_length", 0, {"hidden size", "found 0"}},
           {"hidden_size", "embedding_length", kHuge, {"hidden size", "found 1099511627776"}},
           {"intermediate_size", "feed_forward_length", 0, {"feed-forward size", "found 0"}},
           {"intermediate_size", "feed_forward_length", kHuge, {"feed-forward size", "found 1099511627776"}},
       }) {
    ExpectLoadError(HuggingFace(wrong.hugging_face, wrong.value), StatusCode::kMalformed, wrong.parts);
    TestCheckpoint gguf = Gguf(wrong.gguf, wrong.value);
    if (wrong.gguf == "attention.key_length") gguf.metadata.Set("llama.attention.value_length", wrong.value);
    ExpectLoadError(std::move(gguf), StatusCode::kMalformed, wrong.parts);
  }
}

TEST(HostileConfig, G32AWidthThatTheHeadsDoNotDivide) {
  TestCheckpoint hugging_face = HuggingFace("num_attention_heads", int64_t{5});
  hugging_face.metadata.Remove("head_dim");
  ExpectLoadError(std::move(hugging_face), StatusCode::kMalformed, {"hidden_size 32", "num_attention_heads 5"});
  TestCheckpoint gguf = Gguf("attention.head_count", uint32_t{5});
  gguf.metadata.Remove("llama.attention.key_length");
  ExpectLoadError(std::move(gguf), StatusCode::kMalformed, {"llama.embedding_length 32", "llama.attention.head_count 5"});
}

TEST(HostileConfig, G34EpsilonsAndRotaryBasesMustBePositiveNumbers) {
  for (const double value : {0.0, -1.0, static_cast<double>(NAN), std::numeric_limits<double>::infinity()}) {
    ExpectLoadError(HuggingFace("rms_norm_eps", value), StatusCode::kMalformed, {"epsilon"});
    ExpectLoadError(Gguf("attention.layer_norm_rms_epsilon", value), StatusCode::kMalformed, {"epsilon"});
    ExpectLoadError(HuggingFace("rope_theta", value), StatusCode::kMalformed, {"rope base"});
    ExpectLoadError(Gguf("rope.freq_base", value), StatusCode::kMalformed, {"rope base"});
  }
}

TEST(HostileConfig, TheEpsilonOfProjectionNormsIsChecked) {
  for (const double value : {0.0, -1.0, static_cast<double>(NAN)}) {
    TestCheckpoint checkpoint = MakeCheckpoint({});
    checkpoint.metadata.Set("quantization_config.use_rms_norm", true);
    checkpoint.metadata.Set("quantization_config.rms_norm_eps", value);
    ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"epsilon"});
  }
}

TEST(HostileConfig, G31ArchitecturesNobodyKnowsAreRefusedWithTheKnownOnes) {
  TestCheckpoint gguf = MakeCheckpoint({.is_gguf = true, .projections = Projections::kMasterF32});
  gguf.metadata.Set("general.architecture", std::string("mamba"));
  ExpectLoadError(std::move(gguf), StatusCode::kUnsupported,
                  {"general.architecture 'mamba'", "bitnet, bitnet-25, bitnet-b1.58, llama, qwen2, qwen3, gemma3, gemma3_text"});
  ExpectLoadError(HuggingFace("model_type", std::string("gpt2")), StatusCode::kUnsupported, {"model_type 'gpt2'", "llama"});
}

TEST(HostileConfig, G31AllSpellingsOfBitnetLoad) {
  for (const std::string_view architecture : {"bitnet", "bitnet-25", "bitnet-b1.58"}) {
    const auto model =
        Load(MakeCheckpoint({.architecture = std::string(architecture), .is_gguf = true, .projections = Projections::kMasterF32}));
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ((*model)->config().architecture, architecture);
  }
}

TEST(HostileConfig, EveryRequiredKeyIsNamedWhereItIsMissing) {
  const std::vector<std::string> optional = {"num_key_value_heads",
                                             "head_dim",
                                             "rope_theta",
                                             "tie_word_embeddings",
                                             "hidden_act",
                                             "llama.attention.head_count_kv",
                                             "llama.attention.key_length",
                                             "llama.attention.value_length",
                                             "llama.rope.freq_base"};
  for (const TestCheckpoint& whole :
       {MakeCheckpoint({.architecture = "llama", .projections = Projections::kF32}),
        MakeCheckpoint({.architecture = "llama", .is_gguf = true, .projections = Projections::kF32})}) {
    for (const Metadata::Item& item : whole.metadata.items()) {
      if (std::ranges::find(optional, item.key) != optional.end()) continue;
      TestCheckpoint checkpoint = whole;
      checkpoint.metadata.Remove(item.key);
      ExpectLoadError(checkpoint, StatusCode::kNotFound, {item.key});
      checkpoint.metadata.Set(item.key, true);
      ExpectLoadError(checkpoint, StatusCode::kMalformed, {item.key, "bool"});
    }
  }
}

TEST(HostileConfig, RopeScalingOfAnUnknownTypeIsNamedWithTheKnownOnes) {
  for (const std::string_view type : {"yarn", "longrope", "dynamic"}) {
    for (const std::string key : {"rope_scaling.type", "rope_scaling.rope_type", "rope_parameters.rope_type"}) {
      // longrope has no factor: what is missing is not the news.
      ExpectLoadError(HuggingFace(key, std::string(type)), StatusCode::kUnsupported, {type, "supported: default, linear, llama3"});
    }
    ExpectLoadError(Gguf("rope.scaling.type", std::string(type)), StatusCode::kUnsupported,
                    {"llama.rope.scaling.type", type, "supported: none, linear"});
  }
}

TEST(HostileConfig, RopeScalingNumbersAreChecked) {
  const auto llama3 = [](std::string_view changed, double value) {
    TestCheckpoint checkpoint = HuggingFace("rope_scaling.rope_type", std::string("llama3"));
    for (const auto& [key, number] : {std::pair<std::string, double>{"factor", 8},
                                      {"low_freq_factor", 1},
                                      {"high_freq_factor", 4},
                                      {"original_max_position_embeddings", 32}}) {
      checkpoint.metadata.Set("rope_scaling." + key, key == changed ? value : number);
    }
    return checkpoint;
  };
  EXPECT_TRUE(Load(llama3("", 0)).ok()) << Load(llama3("", 0)).status().message();
  for (const double value : {0.0, -1.0, static_cast<double>(NAN)}) {
    for (const std::string_view key : {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}) {
      ExpectLoadError(llama3(key, value), StatusCode::kMalformed, {"rope"});
    }
    TestCheckpoint linear = HuggingFace("rope_scaling.type", std::string("linear"));
    linear.metadata.Set("rope_scaling.factor", value);
    ExpectLoadError(std::move(linear), StatusCode::kMalformed, {"rope scaling factor"});
  }
  ExpectLoadError(llama3("high_freq_factor", 1.0), StatusCode::kMalformed, {"low_freq_factor < high_freq_factor"});
  ExpectLoadError(HuggingFace("rope_scaling.type", std::string("linear")), StatusCode::kNotFound, {"rope_scaling.factor"});
}

TEST(HostileConfig, G34AContextWhoseRotaryTableWouldNotFitIsRefused) {
  // A file of a few kilobytes must not ask for gigabytes: one head of 4096 dimensions, four million positions.
  TestCheckpoint checkpoint = MakeCheckpoint({.architecture = "bitnet-b1.58",
                                              .is_gguf = false,
                                              .projections = Projections::kPackedU8,
                                              .layers = 1,
                                              .d_model = 4,
                                              .d_ff = 4,
                                              .heads = 1,
                                              .kv_heads = 1,
                                              .head_dim = 4096,
                                              .vocab = 4,
                                              .context = int64_t{1} << 22});
  ExpectLoadError(checkpoint, StatusCode::kOutOfRange, {"context", "4194304", "smaller context"});
  EXPECT_TRUE(Load(std::move(checkpoint), {.max_context = 128}).ok());
}

TEST(HostileConfig, ASmallerContextIsHonouredAndALargerOneIsNot) {
  const TestCheckpoint checkpoint = MakeCheckpoint({});
  EXPECT_EQ((*Load(checkpoint, {.max_context = 17}))->max_context(), 17);
  EXPECT_EQ((*Load(checkpoint, {.max_context = 0}))->max_context(), 64);
  EXPECT_EQ((*Load(checkpoint, {.max_context = 1000}))->max_context(), 64);
}

}  // namespace
}  // namespace sterna
