// What the younger families add to the common decoder: biases, norms of single projections, Gemma's norms, windows and rotations.
// Whether the answers are right is shown by the goldens of tests/golden.
#include <gtest/gtest.h>

#include <cmath>

#include "model/testing/test_checkpoint.h"

namespace sterna {
namespace {

using testing::ExpectLoadError;
using testing::FloatTensor;
using testing::Load;
using testing::Logits;
using testing::MakeCheckpoint;
using testing::Projections;
using testing::TestCheckpoint;

const std::vector<int32_t> kTokens = {3, 14, 15, 9, 2, 6};

std::vector<float> LogitsOf(const TestCheckpoint& checkpoint) {
  const auto model = Load(checkpoint);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? Logits(**model, kTokens) : std::vector<float>();
}

TestCheckpoint Dense(std::string architecture, bool is_gguf) {
  return MakeCheckpoint({.architecture = std::move(architecture), .is_gguf = is_gguf, .projections = Projections::kF32});
}

class BothFormats : public ::testing::TestWithParam<const char*> {};

TEST_P(BothFormats, GiveTheSameBits) {
  const std::vector<float> expected = LogitsOf(Dense(GetParam(), false));
  ASSERT_EQ(expected.size(), kTokens.size() * 40);
  EXPECT_EQ(LogitsOf(Dense(GetParam(), true)), expected);
}

INSTANTIATE_TEST_SUITE_P(, BothFormats, ::testing::Values("llama", "qwen2", "qwen3", "gemma3"));

TEST(Families, ABiasChangesTheAnswerAndThatOfAGgufLlamaIsPutBackInOrder) {
  std::vector<float> bias;
  for (int i = 0; i < 32; ++i) bias.push_back(0.1f * static_cast<float>(i));
  TestCheckpoint checkpoint = Dense("llama", false);
  const std::vector<float> without = LogitsOf(checkpoint);
  checkpoint.tensors["model.layers.0.self_attn.q_proj.bias"] = FloatTensor(bias);
  checkpoint.tensors["model.layers.0.mlp.down_proj.bias"] = FloatTensor(bias);
  const std::vector<float> with = LogitsOf(checkpoint);
  EXPECT_NE(with, without);

  TestCheckpoint gguf = Dense("llama", true);
  std::vector<float> permuted(bias.size());
  for (size_t head = 0; head < 4; ++head) {  // 4 heads of 8: [2, 4] becomes [4, 2]
    for (size_t i = 0; i < 8; ++i) permuted[head * 8 + i % 4 * 2 + i / 4] = bias[head * 8 + i];
  }
  gguf.tensors["blk.0.attn_q.bias"] = FloatTensor(permuted);
  gguf.tensors["blk.0.ffn_down.bias"] = FloatTensor(bias);
  EXPECT_EQ(LogitsOf(gguf), with);
}

TEST(Families, BiasesOfFusedTernaryProjectionsReachTheirOwnRows) {
  // k alone has a bias: q, k and v are one matrix inside. A bias of v, whose weights over positions sum to 1, moves attention by
  // itself.
  TestCheckpoint checkpoint = MakeCheckpoint({.architecture = "llama"});
  const std::vector<float> without = LogitsOf(checkpoint);
  checkpoint.tensors["model.layers.0.self_attn.k_proj.bias"] = FloatTensor(std::vector<float>(16, 0.0f));
  EXPECT_EQ(LogitsOf(checkpoint), without);
  checkpoint.tensors["model.layers.0.self_attn.v_proj.bias"] = FloatTensor(std::vector<float>(16, 0.5f));
  EXPECT_NE(LogitsOf(checkpoint), without);
}

TEST(Families, Qwen2NeedsItsBiases) {
  for (const bool is_gguf : {false, true}) {
    const std::string name = is_gguf ? "blk.1.attn_v.bias" : "model.layers.1.self_attn.v_proj.bias";
    TestCheckpoint checkpoint = Dense("qwen2", is_gguf);
    ASSERT_EQ(checkpoint.tensors.erase(name), 1u);
    ExpectLoadError(std::move(checkpoint), StatusCode::kNotFound, {name});
  }
}

TEST(Families, GemmaSeesNothingBeforeItsWindowInSlidingLayersOnly) {
  // Of two layers the first slides, over 3 positions. With the second one sliding too, a token of long ago leaves no trace.
  const auto last_logits = [](int64_t pattern, int32_t first_token) {
    TestCheckpoint checkpoint = Dense("gemma3", true);
    checkpoint.metadata.Set("gemma3.attention.sliding_window_pattern", static_cast<uint32_t>(pattern));
    const auto model = Load(checkpoint);
    EXPECT_TRUE(model.ok()) << model.status().message();
    std::vector<int32_t> tokens = {first_token, 1, 2, 3, 4, 5, 6, 7};
    const std::vector<float> logits = Logits(**model, tokens);
    return std::vector<float>(logits.end() - 40, logits.end());
  };
  EXPECT_NE(last_logits(2, 10), last_logits(2, 11));
  EXPECT_EQ(last_logits(3, 10), last_logits(3, 11));  // two layers of 3 positions reach 5 back
}

TEST(Families, SlidingLayersHaveARotationOfTheirOwn) {
  TestCheckpoint checkpoint = Dense("gemma3", false);
  const std::vector<float> expected = LogitsOf(checkpoint);
  checkpoint.metadata.Set("rope_local_base_freq", 10000.0);
  EXPECT_EQ(LogitsOf(checkpoint), expected);
  checkpoint.metadata.Set("rope_local_base_freq", 500.0);
  EXPECT_NE(LogitsOf(checkpoint), expected);
}

TEST(Families, BothSpellingsOfGemmasLayersAndRotationsAreRead) {
  TestCheckpoint old_spelling = Dense("gemma3", false);
  old_spelling.metadata.Set("rope_theta", 1000000.0);
  old_spelling.metadata.Set("rope_local_base_freq", 500.0);
  old_spelling.metadata.Set("rope_scaling.rope_type", std::string("linear"));
  old_spelling.metadata.Set("rope_scaling.factor", 8.0);
  TestCheckpoint new_spelling = Dense("gemma3", false);
  new_spelling.metadata.Set("layer_types", std::vector<std::string>{"sliding_attention", "full_attention"});
  new_spelling.metadata.Set("rope_parameters.full_attention.rope_theta", 1000000.0);
  new_spelling.metadata.Set("rope_parameters.full_attention.rope_type", std::string("linear"));
  new_spelling.metadata.Set("rope_parameters.full_attention.factor", 8.0);
  new_spelling.metadata.Set("rope_parameters.sliding_attention.rope_theta", 500.0);
  EXPECT_EQ(LogitsOf(new_spelling), LogitsOf(old_spelling));
}

TEST(Families, WhatGemmaCannotDoHereIsRefused) {
  for (const auto& [key, value, code] : std::vector<std::tuple<const char*, MetaValue, StatusCode>>{
           {"final_logit_softcapping", 30.0, StatusCode::kUnsupported},
           {"attn_logit_softcapping", 50.0, StatusCode::kUnsupported},
           {"use_bidirectional_attention", true, StatusCode::kUnsupported},
           {"layer_types", std::vector<std::string>{"sliding_attention", "chunked_attention"}, StatusCode::kUnsupported},
           {"layer_types", std::vector<std::string>{"sliding_attention"}, StatusCode::kMalformed},
           {"query_pre_attn_scalar", 0.0, StatusCode::kMalformed},
           {"sliding_window", int64_t{-1}, StatusCode::kMalformed},
           {"sliding_window_pattern", int64_t{0}, StatusCode::kMalformed},
           {"rope_local_base_freq", -1.0, StatusCode::kMalformed}}) {
    TestCheckpoint checkpoint = Dense("gemma3", false);
    checkpoint.metadata.Set(key, value);
    ExpectLoadError(std::move(checkpoint), code, {});
  }
  // A window of no positions means that there is none.
  TestCheckpoint checkpoint = Dense("gemma3", false);
  checkpoint.metadata.Set("sliding_window", int64_t{0});
  EXPECT_TRUE(Load(checkpoint).ok());
}

TEST(Families, ABodyWithoutItsHeadLoadsUnderItsOwnNames) {
  const TestCheckpoint whole = Dense("qwen3", false);
  TestCheckpoint bare = whole;
  bare.tensors.clear();
  for (const auto& [name, tensor] : whole.tensors) {
    ASSERT_TRUE(name.starts_with("model."));
    bare.tensors[name.substr(6)] = tensor;
  }
  EXPECT_EQ(LogitsOf(bare), LogitsOf(whole));
}

TEST(Families, ANormBeforeAFloatProjectionMakesItAMaster) {
  // The embedding models keep masters in floats, and nothing but these norms tells.
  const std::vector<float> ones(32, 1.0f);
  TestCheckpoint checkpoint = Dense("qwen3", false);
  const std::vector<float> dense = LogitsOf(checkpoint);
  checkpoint.tensors["model.layers.0.self_attn.q_proj.norm.weight"] = FloatTensor(ones);
  const std::vector<float> master = LogitsOf(checkpoint);
  EXPECT_NE(master, dense);
  TestCheckpoint gguf = Dense("qwen3", true);
  gguf.tensors["blk.0.attn_q_norm_in.weight"] = FloatTensor(ones);
  EXPECT_EQ(LogitsOf(gguf), master);
  gguf.tensors["blk.0.attn_q_norm_in.weight"] = FloatTensor({1, 1});
  ExpectLoadError(std::move(gguf), StatusCode::kMalformed, {"blk.0.attn_q_norm_in.weight", "[32]", "[2]"});
}

TEST(Families, PoolingIsReadFromBothFormats) {
  const auto pooling = [](const TestCheckpoint& checkpoint) {
    const auto config = ReadModelConfig(checkpoint.format, checkpoint.metadata);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config->pooling;
  };
  TestCheckpoint gguf = Dense("qwen3", true), directory = Dense("qwen3", false);
  EXPECT_EQ(pooling(gguf), Pooling::kNone);
  EXPECT_EQ(pooling(directory), Pooling::kNone);
  gguf.metadata.Set("qwen3.pooling_type", uint32_t{3});
  directory.metadata.Set("pooling.word_embedding_dimension", int64_t{32});
  directory.metadata.Set("pooling.pooling_mode_cls_token", false);
  directory.metadata.Set("pooling.pooling_mode_lasttoken", true);
  EXPECT_EQ(pooling(gguf), Pooling::kLast);
  EXPECT_EQ(pooling(directory), Pooling::kLast);
  gguf.metadata.Set("qwen3.pooling_type", uint32_t{4});
  ExpectLoadError(std::move(gguf), StatusCode::kUnsupported, {"qwen3.pooling_type 4"});
  directory.metadata.Set("pooling.pooling_mode_mean_tokens", true);  // two at once
  ExpectLoadError(std::move(directory), StatusCode::kUnsupported, {"1_Pooling/config.json"});
}

TEST(Families, HiddenOutputIsTheFinalNormOfTheSamePass) {
  // With an identity as the head, logits are the hidden rows themselves.
  TestCheckpoint checkpoint = MakeCheckpoint({.architecture = "qwen3", .projections = Projections::kF32, .vocab = 32});
  std::vector<float> identity(32 * 32, 0.0f);
  for (size_t i = 0; i < 32; ++i) identity[i * 32 + i] = 1.0f;
  checkpoint.metadata.Set("tie_word_embeddings", false);
  checkpoint.tensors["lm_head.weight"] = {DType::kF32, {32, 32}, testing::FloatBytes(identity)};
  const auto with_logits = Load(checkpoint);
  const auto with_hidden = Load(checkpoint, {.output = ModelOutput::kHidden});
  ASSERT_TRUE(with_logits.ok() && with_hidden.ok());
  EXPECT_EQ((*with_hidden)->output_width(), 32);
  EXPECT_EQ(Logits(**with_hidden, kTokens), Logits(**with_logits, kTokens));
  EXPECT_LT((*with_hidden)->macs_per_token(), (*with_logits)->macs_per_token());
}

}  // namespace
}  // namespace sterna
