#include "model/hadamard_fold.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

namespace sterna {
namespace {

using testing::HasSubstr;

Metadata Contract(int64_t block, bool has_signs) {
  Metadata metadata;
  metadata.Set("prism.hadamard.version", uint32_t{1});
  metadata.Set("prism.hadamard.block_size", static_cast<uint32_t>(block));
  metadata.Set("prism.hadamard.transform", std::string("normalized-sylvester-walsh-hadamard"));
  metadata.Set("prism.hadamard.axis", std::string("input-last-dimension"));
  metadata.Set("prism.hadamard.sign_mode", std::string(has_signs ? "explicit" : "identity"));
  if (has_signs) {
    metadata.Set("prism.hadamard.sign_widths", MetaArray(std::vector<int32_t>{8, 16}));
    std::vector<int8_t> signs;
    for (int i = 0; i < 24; ++i) signs.push_back(i * i % 5 < 2 ? int8_t{-1} : int8_t{1});
    metadata.Set("prism.hadamard.sign_values", MetaArray(std::move(signs)));
  }
  metadata.Set("prism.hadamard.weight_names", MetaArray(std::vector<std::string>{"blk.0.attn_q.weight"}));
  metadata.Set("prism.hadamard.inverse_weight_names", MetaArray(std::vector<std::string>{"token_embd.weight"}));
  return metadata;
}

// H[i][j] of Sylvester's construction is -1 to the number of bits that i and j share.
double Sylvester(size_t i, size_t j) {
  return __builtin_popcountll(i & j) % 2 == 0 ? 1 : -1;
}

TEST(HadamardFold, WithoutKeysThereIsNone) {
  const auto fold = ReadHadamardFold(Metadata());
  ASSERT_TRUE(fold.ok());
  EXPECT_FALSE(fold->has_value());
}

// y = W' (R x) by the definition of R equals (W' R) x by UnfoldRows.
TEST(HadamardFold, UnfoldedRowsMultiplyPlainInputsAsFoldedOnesMultiplyRotatedInputs) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const bool has_signs : {false, true}) {
    const auto fold = ReadHadamardFold(Contract(8, has_signs));
    ASSERT_TRUE(fold.ok()) << fold.status().message();
    EXPECT_TRUE((*fold)->tensors.contains("token_embd.weight"));
    for (const size_t cols : {size_t{8}, size_t{16}}) {
      std::vector<float> folded(3 * cols), x(cols);
      for (float& v : folded) v = normal(random);
      for (float& v : x) v = normal(random);
      std::vector<float> unfolded = folded;
      ASSERT_TRUE(UnfoldRows(**fold, unfolded, static_cast<int64_t>(cols)).ok());
      for (size_t r = 0; r < 3; ++r) {
        double expected = 0, found = 0;
        for (size_t i = 0; i < cols; ++i) {
          double rotated = 0;  // (R x)[i]
          for (size_t j = i / 8 * 8; j < i / 8 * 8 + 8; ++j) {
            const double sign = has_signs ? (*fold)->signs.at(static_cast<int64_t>(cols))[j] : 1;
            rotated += Sylvester(i % 8, j % 8) / std::sqrt(8.0) * sign * static_cast<double>(x[j]);
          }
          expected += static_cast<double>(folded[r * cols + i]) * rotated;
          found += static_cast<double>(unfolded[r * cols + i]) * static_cast<double>(x[i]);
        }
        EXPECT_NEAR(found, expected, 1e-5) << cols;
      }
    }
  }
}

TEST(HadamardFold, ContractsNobodyHereKnowsAreRefusedByName) {
  const auto refused = [](std::string key, MetaValue value, StatusCode code, std::string_view message) {
    Metadata metadata = Contract(8, true);
    metadata.Set(std::move(key), std::move(value));
    const auto fold = ReadHadamardFold(metadata);
    ASSERT_EQ(fold.status().code(), code) << fold.status().message();
    EXPECT_THAT(std::string(fold.status().message()), HasSubstr(std::string(message)));
  };
  refused("prism.hadamard.version", uint32_t{2}, StatusCode::kUnsupported, "version: expected 1, found 2");
  refused("prism.hadamard.transform", std::string("dct"), StatusCode::kUnsupported, "found dct");
  refused("prism.hadamard.axis", std::string("output"), StatusCode::kUnsupported, "axis");
  refused("prism.hadamard.sign_mode", std::string("random"), StatusCode::kUnsupported, "sign_mode");
  refused("prism.hadamard.permutation", uint32_t{3}, StatusCode::kUnsupported, "prism.hadamard.permutation");
  refused("prism.hadamard.block_size", uint32_t{12}, StatusCode::kMalformed, "power of two");
  refused("prism.hadamard.sign_widths", MetaArray(std::vector<int32_t>{8, 17}), StatusCode::kMalformed, "sign_widths");
  refused("prism.hadamard.sign_widths", MetaArray(std::vector<int32_t>{8}), StatusCode::kMalformed, "sign_values");
  refused("prism.hadamard.sign_widths", MetaArray(std::vector<int32_t>{12, 12}), StatusCode::kMalformed, "12 again");
  refused("prism.hadamard.sign_values", MetaArray(std::vector<int8_t>(24, int8_t{0})), StatusCode::kMalformed, "1 or -1");
}

TEST(HadamardFold, ColumnsMustSuitBlocksAndSigns) {
  const auto fold = ReadHadamardFold(Contract(8, true));
  std::vector<float> values(24);
  EXPECT_EQ(UnfoldRows(**fold, std::span(values).first(12), 12).code(), StatusCode::kMalformed);
  EXPECT_THAT(std::string(UnfoldRows(**fold, values, 24).message()), HasSubstr("no signs for 24 columns"));
}

}  // namespace
}  // namespace sterna
