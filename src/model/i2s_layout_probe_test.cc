#include "model/i2s_layout_probe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "model/testing/test_checkpoint.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

using testing::FloatTensor;
using testing::TestCheckpoint;
using testing::TestTensor;

constexpr std::array kTypes = {DType::kI2_S, DType::kI2_SArm, DType::kI2_SRows4, DType::kI2_SSequential};

// Two layers of q and k whose columns have more zeros where the norm weight is large, as far as `structure` says; written in layout
// `written`, declared as `opened`.
TestCheckpoint Model(double structure, DType written, DType opened) {
  constexpr int64_t kRows = 256, kCols = 512;
  std::mt19937 random(11);
  TestCheckpoint checkpoint;
  checkpoint.format = "GGUF";
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    std::vector<float> norm;
    for (int64_t c = 0; c < kCols; ++c) norm.push_back(std::exp(std::normal_distribution<float>(0, 0.3f)(random)));
    checkpoint.tensors[layer + "attn_norm.weight"] = FloatTensor(norm);
    for (const char* name : {"attn_q.weight", "attn_k.weight"}) {
      std::vector<int8_t> values;
      for (int64_t i = 0; i < kRows * kCols; ++i) {
        const double zeros = 0.35 + structure * std::log(static_cast<double>(norm[static_cast<size_t>(i % kCols)]));
        const bool is_zero = std::uniform_real_distribution<double>()(random) < zeros;
        values.push_back(is_zero ? int8_t{0} : (random() % 2 == 0 ? int8_t{1} : int8_t{-1}));
      }
      const float scale[] = {0.5f};
      std::vector<std::byte> bytes(kRows * kCols / 4 + 32);
      EXPECT_TRUE(EncodeTernary(written, *TernaryRows::OpenValues(values, scale, kRows, kCols), bytes).ok());
      checkpoint.tensors[layer + name] = TestTensor{opened, {kRows, kCols}, std::move(bytes)};
    }
  }
  return checkpoint;
}

TEST(I2sLayoutProbe, NamesTheLayoutAFileWasWrittenIn) {
  for (size_t written = 0; written < kTypes.size(); ++written) {
    for (size_t opened = 0; opened < kTypes.size(); ++opened) {
      const auto source = testing::Open(Model(0.1, kTypes[written], kTypes[opened]));
      const I2sLayoutFit fit = FitI2sLayouts(*source);
      EXPECT_EQ(fit.projections, 4);
      const std::optional<I2sLayout> better = BetterI2sLayout(*source);
      EXPECT_EQ(better.has_value(), written != opened) << written << ' ' << opened << " scores " << fit.scores[0] << ' '
                                                       << fit.scores[1] << ' ' << fit.scores[2] << ' ' << fit.scores[3];
      if (better) {
        EXPECT_EQ(*better, static_cast<I2sLayout>(written));
      }
    }
  }
}

TEST(I2sLayoutProbe, SaysNothingWhereColumnsHaveNoStructureOrTensorsAreOfAnotherType) {
  for (const DType opened : kTypes) EXPECT_FALSE(BetterI2sLayout(*testing::Open(Model(0, DType::kI2_S, opened))).has_value());
  TestCheckpoint empty;
  empty.format = "GGUF";
  EXPECT_FALSE(BetterI2sLayout(*testing::Open(empty)).has_value());
}

}  // namespace
}  // namespace sterna
