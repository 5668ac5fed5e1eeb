#include "model/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace sterna {
namespace {

Metadata GgufMetadata() {
  Metadata m;
  m.Set("general.architecture", std::string("bitnet-b1.58"));
  m.Set("bitnet-b1.58.block_count", uint32_t{2});
  m.Set("bitnet-b1.58.embedding_length", uint32_t{256});
  m.Set("bitnet-b1.58.feed_forward_length", uint32_t{512});
  m.Set("bitnet-b1.58.attention.head_count", uint32_t{4});
  m.Set("bitnet-b1.58.attention.head_count_kv", uint32_t{2});
  m.Set("bitnet-b1.58.context_length", uint32_t{512});
  m.Set("bitnet-b1.58.vocab_size", uint32_t{512});
  m.Set("bitnet-b1.58.rope.freq_base", 500000.0f);
  m.Set("bitnet-b1.58.attention.layer_norm_rms_epsilon", 1e-5f);
  return m;
}

Metadata HuggingFaceMetadata() {
  Metadata m;
  m.Set("model_type", std::string("llama"));
  for (const auto& [key, value] : {std::pair<const char*, int64_t>{"num_hidden_layers", 2},
                                   {"hidden_size", 256},
                                   {"intermediate_size", 512},
                                   {"num_attention_heads", 4},
                                   {"num_key_value_heads", 2},
                                   {"vocab_size", 512},
                                   {"max_position_embeddings", 512}}) {
    m.Set(key, value);
  }
  m.Set("rms_norm_eps", 1e-6);
  return m;
}

/// The error that one changed key causes.
Status ErrorOf(std::string_view format, Metadata metadata, const std::string& key, MetaValue value) {
  metadata.Set(key, std::move(value));
  const auto config = ReadModelConfig(format, metadata);
  EXPECT_FALSE(config.ok()) << key;
  return config.ok() ? Status() : config.status();
}

TEST(ModelConfig, ActivationOfBitnetFollowsTheArchitectureName) {
  EXPECT_EQ(ReadModelConfig("GGUF", GgufMetadata())->activation, Activation::kReluSquared);
  Metadata renamed;
  const Metadata original = GgufMetadata();
  for (const Metadata::Item& item : original.items()) {
    std::string key = item.key;
    if (key.starts_with("bitnet-b1.58.")) key.replace(0, 12, "bitnet");
    renamed.Set(key, item.value);
  }
  renamed.Set("general.architecture", std::string("bitnet"));
  const auto config = ReadModelConfig("GGUF", renamed);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->activation, Activation::kSilu);
}

TEST(ModelConfig, BothSpellingsOfRotarySettingsAreRead) {
  Metadata old_spelling = HuggingFaceMetadata();
  old_spelling.Set("rope_theta", 500000.0);
  old_spelling.Set("rope_scaling.rope_type", std::string("llama3"));
  Metadata new_spelling = HuggingFaceMetadata();
  new_spelling.Set("rope_parameters.rope_theta", 500000.0);
  new_spelling.Set("rope_parameters.rope_type", std::string("llama3"));
  for (const auto& [metadata, group] :
       {std::pair<Metadata*, std::string>{&old_spelling, "rope_scaling"}, {&new_spelling, "rope_parameters"}}) {
    metadata->Set(group + ".factor", 8.0);
    metadata->Set(group + ".low_freq_factor", 1.0);
    metadata->Set(group + ".high_freq_factor", 4.0);
    metadata->Set(group + ".original_max_position_embeddings", int64_t{64});
  }
  const auto a = ReadModelConfig("safetensors", old_spelling), b = ReadModelConfig("safetensors", new_spelling);
  ASSERT_TRUE(a.ok()) << a.status().message();
  ASSERT_TRUE(b.ok()) << b.status().message();
  EXPECT_EQ(a->rope_theta, 500000.0);
  EXPECT_EQ(a->rope_scaling.kind, RopeScaling::Kind::kLlama3);
  EXPECT_EQ(RopeFrequencies(*a, {}), RopeFrequencies(*b, {}));
}

TEST(ModelConfig, Llama3ScalingKeepsHighFrequenciesAndDividesLowOnes) {
  ModelConfig config;
  config.head_dim = 64;
  config.rope_theta = 500000;
  const std::vector<double> plain = RopeFrequencies(config, {});
  config.rope_scaling = {.kind = RopeScaling::Kind::kLlama3,
                         .factor = 8,
                         .low_frequency_factor = 1,
                         .high_frequency_factor = 4,
                         .original_context = 64};
  const std::vector<double> scaled = RopeFrequencies(config, {});
  EXPECT_EQ(plain.front(), 1.0);
  EXPECT_EQ(scaled.front(), plain.front());
  EXPECT_DOUBLE_EQ(scaled.back(), plain.back() / 8);
}

TEST(ModelConfig, Llama3FrequenciesEqualThePublishedFormula) {
  // The numbers of Llama 3.1 8B. The formula as its authors wrote it (llama-models, models/llama3/model.py, apply_scaling).
  ModelConfig config;
  config.head_dim = 128;
  config.rope_theta = 500000;
  const std::vector<double> plain = RopeFrequencies(config, {});
  config.rope_scaling = {.kind = RopeScaling::Kind::kLlama3,
                         .factor = 8,
                         .low_frequency_factor = 1,
                         .high_frequency_factor = 4,
                         .original_context = 8192};
  const std::vector<double> scaled = RopeFrequencies(config, {});
  ASSERT_EQ(scaled.size(), 64u);
  int kept = 0, blended = 0, divided = 0;
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_DOUBLE_EQ(plain[i], 1 / std::pow(500000.0, static_cast<double>(2 * i) / 128));
    const double wavelength = 2 * std::acos(-1.0) / plain[i];
    double expected = plain[i];
    if (wavelength < 8192.0 / 4) {
      ++kept;
    } else if (wavelength > 8192.0 / 1) {
      ++divided;
      expected = plain[i] / 8;
    } else {
      ++blended;
      const double smooth = (8192 / wavelength - 1) / (4.0 - 1.0);
      expected = (1 - smooth) * plain[i] / 8 + smooth * plain[i];
    }
    EXPECT_DOUBLE_EQ(scaled[i], expected) << i;
  }
  EXPECT_EQ(kept, 29);
  EXPECT_EQ(blended, 6);
  EXPECT_EQ(divided, 29);
}

TEST(ModelConfig, LinearScalingDividesEveryFrequency) {
  ModelConfig config;
  config.head_dim = 4;
  config.rope_theta = 10000;
  config.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 4};
  EXPECT_EQ(RopeFrequencies(config, {}), (std::vector<double>{0.25, 0.0025}));
}

TEST(ModelConfig, FactorsDivideFrequencies) {
  ModelConfig config;
  config.head_dim = 4;
  config.rope_theta = 10000;
  EXPECT_EQ(RopeFrequencies(config, {2.0f, 4.0f}), (std::vector<double>{0.5, 0.0025}));
}

TEST(ModelConfig, PackedScaleFollowsTheLinearClass) {
  Metadata m = HuggingFaceMetadata();
  m.Set("quantization_config.quant_method", std::string("bitnet"));
  EXPECT_EQ(ReadModelConfig("safetensors", m)->packed_scale, PackedScale::kDivide);
  m.Set("quantization_config.linear_class", std::string("autobitlinear"));
  EXPECT_EQ(ReadModelConfig("safetensors", m)->packed_scale, PackedScale::kMultiply);
}

TEST(ModelConfig, UnknownArchitecturesAreRefusedWithTheKnownOnes) {
  const Status status = ErrorOf("GGUF", GgufMetadata(), "general.architecture", std::string("mamba"));
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("mamba"), std::string_view::npos);
  EXPECT_NE(status.message().find("bitnet-b1.58"), std::string_view::npos);
  EXPECT_EQ(ReadModelConfig("GGUF", Metadata()).status().code(), StatusCode::kNotFound);
}

TEST(ModelConfig, ValuesThatMakeNoModelAreRefused) {
  const std::string a = "bitnet-b1.58.";
  for (const auto& [key, value] : {std::pair<std::string, MetaValue>{"attention.head_count", uint32_t{0}},
                                   {"attention.head_count", uint32_t{3}},
                                   {"attention.head_count_kv", uint32_t{0}},
                                   {"attention.head_count_kv", uint32_t{3}},
                                   {"attention.head_count_kv", uint32_t{8}},
                                   {"block_count", uint32_t{0}},
                                   {"block_count", uint32_t{1} << 31},
                                   {"embedding_length", uint32_t{0}},
                                   {"embedding_length", uint32_t{255}},
                                   {"feed_forward_length", uint32_t{0}},
                                   {"context_length", uint32_t{0}},
                                   {"context_length", uint32_t{0xffffffff}},
                                   {"attention.key_length", uint32_t{63}},
                                   {"attention.value_length", uint32_t{32}},
                                   {"rope.freq_base", 0.0f},
                                   {"rope.freq_base", -1.0f},
                                   {"rope.freq_base", NAN},
                                   {"rope.freq_base", INFINITY},
                                   {"rope.dimension_count", uint32_t{32}},
                                   {"rope.scaling.type", std::string("yarn")},
                                   {"attention.layer_norm_rms_epsilon", 0.0f},
                                   {"attention.layer_norm_rms_epsilon", NAN},
                                   {"attention.layer_norm_rms_epsilon", -1e-5f},
                                   {"block_count", std::string("two")},
                                   {"vocab_size", uint32_t{0}}}) {
    const Status status = ErrorOf("GGUF", GgufMetadata(), a + key, value);
    EXPECT_FALSE(status.message().empty()) << key;
  }
}

TEST(ModelConfig, HuggingFaceFeaturesThatNothingRunsAreRefused) {
  for (const auto& [key, value] : {std::pair<std::string, MetaValue>{"hidden_act", std::string("gelu")},
                                   {"rope_scaling.type", std::string("yarn")},
                                   {"quantization_config.quant_method", std::string("gptq")},
                                   {"head_dim", int64_t{63}},
                                   {"num_attention_heads", int64_t{0}},
                                   {"num_attention_heads", int64_t{-4}},
                                   {"rms_norm_eps", 0.0}}) {
    EXPECT_FALSE(ErrorOf("safetensors", HuggingFaceMetadata(), key, value).message().empty()) << key;
  }
}

}  // namespace
}  // namespace sterna
