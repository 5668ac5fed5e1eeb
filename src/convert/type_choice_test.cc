#include "convert/type_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convert/convert.h"
#include "formats/testing/temporary_directory.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

std::shared_ptr<const WeightSource> Fixture(const std::string& name) {
  auto source = OpenWeights(STERNA_FIXTURES "/" + name);
  EXPECT_TRUE(source.ok()) << source.status().message();
  return *source;
}

TensorTypeRule Rule(const char* text) {
  auto rule = ParseTensorTypeRule(text);
  EXPECT_TRUE(rule.ok()) << rule.status().message();
  return *rule;
}

TEST(TypeChoice, EveryWritableTypeHoldsAModelAndReadsBack) {
  const TemporaryDirectory folder;
  // Projections of this model have zeros, which Q1_0 lacks, and shapes without a TL tiling.
  for (const char* name :
       {"I2_S", "TQ1_0", "TQ2_0", "Q2_0", "PQ2_0", "PTQ1_0", "IQ1_BN", "IQ2_BN", "IQ2_BN_R4", "F32",  "F16",   "BF16",
        "Q8_0", "Q6_K",  "Q5_K",  "Q4_K", "Q3_K",  "Q2_K",   "Q5_0",   "Q5_1",   "Q4_0",      "Q4_1", "IQ4_NL"}) {
    const auto type = WritableTypeFromName(name);
    ASSERT_TRUE(type.ok()) << name;
    ConvertOptions options;
    options.types.projection = *type;
    const auto report = ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
    ASSERT_TRUE(report.ok()) << name << ": " << report.status().message();
    const auto written = OpenWeights(folder.File("out.gguf"));
    ASSERT_TRUE(written.ok()) << name;
    EXPECT_EQ((*written)->Find("blk.1.ffn_down.weight")->dtype, *type);
    for (const TensorComparison& comparison : report->comparisons) {
      if (Info(*type).is_ternary && comparison.name.starts_with("blk.")) {
        EXPECT_TRUE(comparison.is_ternary) << comparison.name;
      }
      EXPECT_LT(comparison.rms_relative_error, 0.4) << name << " " << comparison.name;
    }
  }
}

TEST(TypeChoice, TypesThatNeedWhatTheModelLacksAreRefusedByTensor) {
  const TemporaryDirectory folder;
  for (const auto& [type, part] : {std::pair(DType::kQ1_0, "holds -s and +s only"), std::pair(DType::kTL2, "")}) {
    ConvertOptions options;
    options.types.projection = type;
    const auto report = ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
    ASSERT_FALSE(report.ok()) << Name(type);
    EXPECT_THAT(std::string(report.status().message()), HasSubstr("blk.0.attn_q.weight"));
    EXPECT_THAT(std::string(report.status().message()), HasSubstr(part));
    EXPECT_FALSE(OpenWeights(folder.File("out.gguf")).ok());
  }
}

TEST(TypeChoice, FirstRuleThatFindsANameDecides) {
  const TemporaryDirectory folder;
  ConvertOptions options;
  options.types.projection = DType::kI2_S;
  options.types.rules = {Rule("1\\.ffn_(up|down)=TQ2_0"), Rule("ffn_down=IQ2_BN"), Rule("^output\\.=Q6_K")};
  const auto report = ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
  ASSERT_TRUE(report.ok()) << report.status().message();
  const auto written = OpenWeights(folder.File("out.gguf"));
  const auto type = [&](const char* name) { return (*written)->Find(name)->dtype; };
  EXPECT_EQ(type("blk.1.ffn_down.weight"), DType::kTQ2_0);
  EXPECT_EQ(type("blk.1.ffn_up.weight"), DType::kTQ2_0);
  EXPECT_EQ(type("blk.0.ffn_down.weight"), DType::kIQ2_BN);
  EXPECT_EQ(type("blk.0.ffn_up.weight"), DType::kI2_S);
  EXPECT_EQ(type("output.weight"), DType::kQ6_K);
  EXPECT_EQ(type("token_embd.weight"), DType::kBF16);
}

TEST(TypeChoice, WhatAppliesToNothingIsAnError) {
  const TemporaryDirectory folder;
  ConvertOptions options;
  options.types.projection = DType::kI2_S;
  options.types.rules = {Rule("ffn_dwon=Q8_0")};
  const auto rule = ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
  EXPECT_EQ(rule.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(rule.status().message()), HasSubstr("ffn_dwon"));
  options.types.rules.clear();
  options.types.head = DType::kQ8_0;
  const auto head = ConvertToGguf(Fixture("models/bitnet-packed-tied"), options, folder.File("out.gguf"));
  EXPECT_EQ(head.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(head.status().message()), HasSubstr("head"));
}

TEST(TypeChoice, HeadTakesATypeOfItsOwn) {
  const TemporaryDirectory folder;
  ConvertOptions options;
  options.types.projection = DType::kI2_S;
  options.types.embedding = DType::kF16;
  options.types.head = DType::kQ8_0;
  ASSERT_TRUE(ConvertToGguf(Fixture("models/bitnet-packed"), options, folder.File("out.gguf")).ok());
  const auto written = OpenWeights(folder.File("out.gguf"));
  EXPECT_EQ((*written)->Find("token_embd.weight")->dtype, DType::kF16);
  EXPECT_EQ((*written)->Find("output.weight")->dtype, DType::kQ8_0);
}

// A dense checkpoint of ternary numbers is what the BF16 form of `--type F32` makes of a llama: only the numbers tell.
TEST(TypeChoice, DenseMatrixOfTernaryRowsTakesATernaryType) {
  const TemporaryDirectory folder;
  ConvertOptions options;
  options.types.projection = DType::kF32;
  ASSERT_TRUE(ConvertToGguf(Fixture("models/llama-bitlinear"), options, folder.File("dense.gguf")).ok());
  auto dense = OpenWeights(folder.File("dense.gguf"));
  ASSERT_TRUE(dense.ok());
  options.types.projection = DType::kI2_S;
  const auto packed = ConvertToGguf(*dense, options, folder.File("ternary.gguf"));
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  ASSERT_TRUE(ConvertToGguf(Fixture("models/llama-bitlinear"), options, folder.File("direct.gguf")).ok());
  const auto a = OpenWeights(folder.File("ternary.gguf")), b = OpenWeights(folder.File("direct.gguf"));
  for (const TensorEntry& entry : (*b)->entries()) {
    const TensorEntry* found = (*a)->Find(entry.name);
    ASSERT_NE(found, nullptr);
    EXPECT_TRUE(std::ranges::equal(found->data, entry.data)) << entry.name;
  }
}

TEST(TypeChoice, WordsThatAreNoRuleOrTypeAreNamed) {
  for (const char* text : {"", "=Q8_0", "ffn_down", "ffn_down=", "ffn_down=I8", "(=Q8_0"})
    EXPECT_FALSE(ParseTensorTypeRule(text).ok()) << text;
  const auto type = WritableTypeFromName("MXFP4");
  EXPECT_EQ(type.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(type.status().message()), HasSubstr("TQ2_0, Q2_0"));
  EXPECT_EQ(Rule("a=b=q8_0").pattern, "a=b");
}

}  // namespace
}  // namespace sterna
