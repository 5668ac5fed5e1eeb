// Checkpoints of the right shape whose values make no model: scales, codes, norms. G and S numbers: see hostile_tensors_test.cc.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "model/testing/test_checkpoint.h"

namespace sterna {
namespace {

using testing::ExpectLoadError;
using testing::FloatTensor;
using testing::Load;
using testing::MakeCheckpoint;
using testing::Projections;
using testing::SetFloat;
using testing::TestCheckpoint;
using testing::WideModel;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const std::string kUp = "model.layers.0.mlp.up_proj.weight";
const std::string kGgufUp = "blk.0.ffn_up.weight";

TestCheckpoint Encoded(Projections projections) {
  return MakeCheckpoint(WideModel("bitnet-b1.58", true, projections));
}

TEST(HostileValues, G30NormsThatAreNotFiniteAreNamedWithTheElement) {
  const TestCheckpoint whole = MakeCheckpoint({});
  for (const std::string_view name :
       {"model.norm.weight", "model.layers.0.input_layernorm.weight", "model.layers.1.post_attention_layernorm.weight",
        "model.layers.0.self_attn.attn_sub_norm.weight", "model.layers.1.mlp.ffn_sub_norm.weight"}) {
    for (const float value : {NAN, kInfinity, -kInfinity}) {
      TestCheckpoint checkpoint = whole;
      ASSERT_TRUE(checkpoint.tensors.contains(std::string(name)));
      SetFloat(checkpoint.tensors[std::string(name)], 31, value);
      ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {name, "element 31", std::isnan(value) ? "nan" : "inf"});
    }
  }
}

TEST(HostileValues, G30HalfPrecisionNormsAreChecked) {
  TestCheckpoint checkpoint = MakeCheckpoint({});
  std::vector<std::byte> halves(32 * 2);
  checkpoint.tensors["model.norm.weight"] = {DType::kF16, {32}, halves};
  EXPECT_TRUE(Load(checkpoint).ok());
  halves[7] = std::byte{0x7e};  // element 3 becomes a NaN
  checkpoint.tensors["model.norm.weight"].data = halves;
  ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"model.norm.weight", "element 3", "nan"});
}

TEST(HostileValues, S13WeightScalesMustBeOnePositiveNumber) {
  const TestCheckpoint whole = MakeCheckpoint({});
  for (const float value : {NAN, kInfinity, 0.0f, -1.0f}) {
    TestCheckpoint checkpoint = whole;
    checkpoint.tensors[kUp + "_scale"] = FloatTensor({value});
    ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {kUp + "_scale", "expected a positive number"});
  }
  for (const Shape& shape : {Shape{2}, Shape{0}, Shape{1, 2}}) {
    TestCheckpoint checkpoint = whole;
    checkpoint.tensors[kUp + "_scale"] = {DType::kF32, shape, std::vector<std::byte>(shape == Shape{0} ? 0 : 8)};
    ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {kUp + "_scale", "expected one number", ToString(shape)});
  }
  TestCheckpoint integer = whole;
  integer.tensors[kUp + "_scale"].dtype = DType::kI32;
  ExpectLoadError(std::move(integer), StatusCode::kUnsupported, {kUp + "_scale"});
  TestCheckpoint missing = whole;
  missing.tensors.erase(kUp + "_scale");
  ExpectLoadError(std::move(missing), StatusCode::kNotFound, {kUp + "_scale", "is missing beside the packed weights"});
  TestCheckpoint tiny = whole;  // its inverse overflows
  tiny.tensors[kUp + "_scale"] = FloatTensor({1e-40f});
  ExpectLoadError(std::move(tiny), StatusCode::kMalformed, {kUp});
}

TEST(HostileValues, S13ScalarScalesOfAnyFloatTypeLoad) {
  TestCheckpoint checkpoint = MakeCheckpoint({});
  checkpoint.tensors[kUp + "_scale"].shape = {};
  EXPECT_TRUE(Load(checkpoint).ok());
  checkpoint.tensors[kUp + "_scale"] = {DType::kBF16, {1}, {std::byte{0}, std::byte{0x42}}};
  EXPECT_TRUE(Load(checkpoint).ok());
}

TEST(HostileValues, G26I2SScales) {
  const TestCheckpoint whole = Encoded(Projections::kI2_S);
  ASSERT_TRUE(Load(whole).ok()) << Load(whole).status().message();
  const size_t scale_index = 256 * 256 / 4 / sizeof(float);
  for (const float value : {NAN, kInfinity, -kInfinity, 0.0f, -1.0f}) {
    TestCheckpoint checkpoint = whole;
    SetFloat(checkpoint.tensors[kGgufUp], scale_index, value);
    ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"tensor " + kGgufUp, "scale"});
  }
  for (const float value : {1e38f, 1e-40f, 1.0f}) {
    TestCheckpoint checkpoint = whole;
    SetFloat(checkpoint.tensors[kGgufUp], scale_index, value);
    EXPECT_TRUE(Load(std::move(checkpoint)).ok()) << value;
  }
}

TEST(HostileValues, TQScalesThatAreNotNumbersAreRefused) {
  for (const Projections projections : {Projections::kTQ1_0, Projections::kTQ2_0}) {
    const size_t block_bytes = projections == Projections::kTQ1_0 ? 54 : 66;
    for (const uint16_t half : {uint16_t{0x7e00}, uint16_t{0x7c00}, uint16_t{0xbc00}}) {  // NaN, infinity, -1
      TestCheckpoint checkpoint = Encoded(projections);
      std::memcpy(checkpoint.tensors[kGgufUp].data.data() + 4 * block_bytes - 2, &half, 2);
      ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"tensor " + kGgufUp, "row 3"});
    }
  }
}

TEST(HostileValues, G27CodeThreeIsRefusedWhereverItStands) {
  // The last byte of each matrix's codes, so that the last row must be looked at.
  TestCheckpoint packed = MakeCheckpoint({});
  packed.tensors[kUp].data.back() |= std::byte{0xc0};
  ExpectLoadError(std::move(packed), StatusCode::kMalformed, {"tensor " + kUp, "row 47", "column 31"});
  TestCheckpoint i2s = Encoded(Projections::kI2_S);
  i2s.tensors[kGgufUp].data[256 * 256 / 4 - 1] |= std::byte{3};
  ExpectLoadError(std::move(i2s), StatusCode::kMalformed, {"tensor " + kGgufUp, "row 255", "column 255"});
  TestCheckpoint tq2 = Encoded(Projections::kTQ2_0);
  tq2.tensors[kGgufUp].data[255 * 66 + 63] |= std::byte{0xc0};
  ExpectLoadError(std::move(tq2), StatusCode::kMalformed, {"tensor " + kGgufUp, "row 255", "column 255"});
}

TEST(HostileValues, G29EveryByteOfTQ1IsDefined) {
  TestCheckpoint checkpoint = Encoded(Projections::kTQ1_0);
  std::memset(checkpoint.tensors[kGgufUp].data.data(), 0xff, 48);  // 255 is no multiple of 256/243 rounded up
  const auto model = Load(std::move(checkpoint));
  ASSERT_TRUE(model.ok()) << model.status().message();
  for (const float logit : testing::Logits(**model, {1, 2})) EXPECT_TRUE(std::isfinite(logit));
}

TEST(HostileValues, MasterWeightsThatAreNotFiniteAreRefused) {
  for (const float value : {NAN, kInfinity}) {
    TestCheckpoint checkpoint = MakeCheckpoint({.projections = Projections::kMasterF32});
    SetFloat(checkpoint.tensors[kUp], 5, value);
    ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"tensor " + kUp});
  }
}

TEST(HostileValues, UnpackedValuesBesideAScaleMustBeTernary) {
  TestCheckpoint checkpoint = MakeCheckpoint({.projections = Projections::kMasterF32});
  checkpoint.tensors[kUp + "_scale"] = FloatTensor({2});
  EXPECT_TRUE(Load(checkpoint).ok()) << Load(checkpoint).status().message();
  SetFloat(checkpoint.tensors[kUp], 32 * 7 + 9, 0.03f);
  ExpectLoadError(std::move(checkpoint), StatusCode::kUnsupported, {"tensor " + kUp, "row 7", "column 9"});
}

TEST(HostileValues, FactorsOfTheRotaryFrequenciesMustBePositive) {
  TestCheckpoint whole = MakeCheckpoint({.architecture = "llama", .is_gguf = true, .projections = Projections::kF32});
  whole.tensors["rope_freqs.weight"] = FloatTensor({1, 2, 3, 4});
  ASSERT_TRUE(Load(whole).ok()) << Load(whole).status().message();
  for (const float value : {0.0f, -1.0f, NAN}) {
    TestCheckpoint checkpoint = whole;
    SetFloat(checkpoint.tensors["rope_freqs.weight"], 2, value);
    ExpectLoadError(std::move(checkpoint), StatusCode::kMalformed, {"rope_freqs.weight"});
  }
  whole.tensors["rope_freqs.weight"] = FloatTensor({1, 2, 3});
  ExpectLoadError(std::move(whole), StatusCode::kMalformed, {"rope_freqs.weight", "[4]", "[3]"});
}

}  // namespace
}  // namespace sterna
