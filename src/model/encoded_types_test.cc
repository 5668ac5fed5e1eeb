// Every weight type a file can hold, in a whole model: ternary ones give the bits of the same model in another ternary type, dense
// ones those of their decoded values.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "model/testing/test_checkpoint.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

using testing::FloatBytes;
using testing::Load;
using testing::Logits;
using testing::MakeCheckpoint;
using testing::Projections;
using testing::TestCheckpoint;
using testing::TestTensor;
using testing::WideModel;

const std::vector<int32_t> kTokens = {3, 14, 15, 9, 2, 6};

std::vector<float> LogitsOf(const TestCheckpoint& checkpoint, std::string_view what) {
  const auto model = Load(checkpoint);
  EXPECT_TRUE(model.ok()) << what << ": " << model.status().message();
  return model.ok() ? Logits(**model, kTokens) : std::vector<float>();
}

bool IsProjection(const std::string& name, const TestTensor& tensor) {
  return tensor.shape.size() == 2 && name.starts_with("blk.");
}

TEST(EncodedTypes, TernaryTypesOfOneScalePerRowGiveTheSameBits) {
  const TestCheckpoint original = MakeCheckpoint(WideModel("bitnet-b1.58", true, Projections::kI2_S));
  const std::vector<float> expected = LogitsOf(original, "I2_S");
  for (int i = 0; i < kDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    const bool needs_tiling = dtype == DType::kTL1 || dtype == DType::kTL2;
    const bool is_binary = dtype == DType::kQ1_0 || dtype == DType::kQ1_0G32;
    if (!Info(dtype).is_ternary || needs_tiling || is_binary) continue;
    TestCheckpoint checkpoint = original;
    for (auto& [name, tensor] : checkpoint.tensors) {
      if (!IsProjection(name, tensor)) continue;
      const auto matrix = TernaryRows::OpenEncoded(tensor.dtype, tensor.data, tensor.shape[0], tensor.shape[1]);
      ASSERT_TRUE(matrix.ok()) << name;
      std::vector<std::byte> encoded(static_cast<size_t>(*TensorBytes(dtype, tensor.shape)));
      ASSERT_TRUE(EncodeTernary(dtype, *matrix, encoded).ok()) << name;
      tensor = {dtype, tensor.shape, std::move(encoded)};
    }
    EXPECT_EQ(LogitsOf(checkpoint, Name(dtype)), expected) << Name(dtype);
  }
}

// A `llama` file with these projections, and the same with their values as F32.
void ExpectEqualToDecoded(DType dtype, std::mt19937& random) {
  TestCheckpoint encoded = MakeCheckpoint(WideModel("llama", true, Projections::kF32)), decoded = encoded;
  for (auto& [name, tensor] : encoded.tensors) {
    if (!IsProjection(name, tensor)) continue;
    const int64_t rows = tensor.shape[0], cols = tensor.shape[1];
    std::vector<float> values(static_cast<size_t>(rows * cols));
    std::vector<std::byte> bytes(static_cast<size_t>(*TensorBytes(dtype, tensor.shape)));
    for (float& value : values) value = std::normal_distribution<float>(0, 0.05f)(random);
    const bool is_binary = dtype == DType::kQ1_0;
    if (is_binary) {
      // Groups of 128 whose signs are random and whose scales differ.
      for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<std::byte>(random());
      for (size_t at = 0; at < bytes.size(); at += 18) {
        bytes[at] = static_cast<std::byte>(at);
        bytes[at + 1] = std::byte{0x28};
      }
    } else {
      ASSERT_TRUE(QuantizeInto(dtype, values, rows, cols, bytes).ok()) << Name(dtype);
    }
    ASSERT_TRUE(Dequantize(dtype, bytes, rows, cols, values).ok());
    tensor = {dtype, tensor.shape, std::move(bytes)};
    decoded.tensors[name] = {DType::kF32, tensor.shape, FloatBytes(values)};
  }
  EXPECT_EQ(LogitsOf(encoded, Name(dtype)), LogitsOf(decoded, "F32")) << Name(dtype);
}

// TQ1_0 and TQ2_0 have one block per row at this width: they are ternary here.
TEST(EncodedTypes, DenseTypesAndGroupsOfSeveralScalesEqualTheirDecodedValues) {
  std::mt19937 random(2);
  for (const DType dtype : {DType::kQ5_0, DType::kQ5_1, DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K,
                            DType::kIQ4_NL, DType::kQ8_0, DType::kQ2_0, DType::kPQ2_0, DType::kPTQ1_0, DType::kQ1_0}) {
    ExpectEqualToDecoded(dtype, random);
  }
}

// Folds by the definition, x S H / sqrt(n) for a row x, and lets the model unfold.
TEST(EncodedTypes, FoldedWeightsGiveTheLogitsOfPlainOnes) {
  constexpr int64_t kBlock = 64;
  TestCheckpoint plain = MakeCheckpoint(WideModel("llama", true, Projections::kF32)), folded = plain;
  std::vector<int8_t> signs;
  for (int i = 0; i < 256; ++i) signs.push_back(i % 3 == 0 ? int8_t{-1} : int8_t{1});
  std::vector<std::string> multiplied, looked_up = {"token_embd.weight"};
  for (auto& [name, tensor] : folded.tensors) {
    if (tensor.shape.size() != 2) continue;
    if (name != looked_up[0]) multiplied.push_back(name);
    ASSERT_EQ(tensor.shape[1], 256) << name;
    std::vector<float> values(tensor.data.size() / sizeof(float)), rotated(values.size());
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t first = i / kBlock * kBlock;
      double sum = 0;
      for (size_t j = 0; j < kBlock; ++j) {
        const double sylvester = __builtin_popcountll(j & (i - first)) % 2 == 0 ? 1 : -1;
        sum += static_cast<double>(values[first + j]) * signs[(first + j) % 256] * sylvester;
      }
      rotated[i] = static_cast<float>(sum / std::sqrt(static_cast<double>(kBlock)));
    }
    tensor.data = FloatBytes(rotated);
  }
  folded.metadata.Set("prism.hadamard.version", uint32_t{1});
  folded.metadata.Set("prism.hadamard.block_size", static_cast<uint32_t>(kBlock));
  folded.metadata.Set("prism.hadamard.transform", std::string("normalized-sylvester-walsh-hadamard"));
  folded.metadata.Set("prism.hadamard.axis", std::string("input-last-dimension"));
  folded.metadata.Set("prism.hadamard.sign_mode", std::string("explicit"));
  folded.metadata.Set("prism.hadamard.sign_widths", MetaArray(std::vector<int32_t>{256}));
  folded.metadata.Set("prism.hadamard.sign_values", MetaArray(signs));
  folded.metadata.Set("prism.hadamard.weight_names", MetaArray(multiplied));
  folded.metadata.Set("prism.hadamard.inverse_weight_names", MetaArray(looked_up));
  const std::vector<float> expected = LogitsOf(plain, "plain"), found = LogitsOf(folded, "folded");
  ASSERT_EQ(found.size(), expected.size());
  double error = 0, energy = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    error += std::pow(static_cast<double>(found[i]) - static_cast<double>(expected[i]), 2);
    energy += std::pow(static_cast<double>(expected[i]), 2);
  }
  EXPECT_LT(error, energy * 1e-10);
  folded.metadata.Set("prism.hadamard.version", uint32_t{2});
  testing::ExpectLoadError(folded, StatusCode::kUnsupported, {"prism.hadamard.version"});
}

}  // namespace
}  // namespace sterna
