#include "model/random_weights.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "model/named_shapes.h"
#include "model/testing/test_checkpoint.h"

namespace sterna {
namespace {

std::vector<int8_t> ReadAll(RandomWeights& weights, int64_t layer, Projection projection, int64_t rows, int64_t cols) {
  const auto linear = weights.Linear(layer, projection, rows, cols);
  EXPECT_TRUE(linear.ok());
  const auto& source = std::get<TernaryMatrixSource>(*linear);
  std::vector<int8_t> values(static_cast<size_t>(rows * cols));
  for (int64_t row = rows - 1; row >= 0; --row) {  // not the order a backend takes
    float scale = 0;
    EXPECT_TRUE(source.read_row(row, values.data() + row * cols, &scale).ok());
    EXPECT_GT(scale, 0);
  }
  return values;
}

std::vector<std::byte> Table(RandomWeights& weights) {
  const auto table = weights.Embedding(300, 64);
  EXPECT_TRUE(table.ok());
  return {table->bytes.begin(), table->bytes.end()};
}

TEST(RandomWeights, OneSeedGivesOneModel) {
  const ModelConfig config = *ShapeConfig("tiny");
  RandomWeights a(config, DType::kF16, 1), b(config, DType::kF16, 1), other(config, DType::kF16, 2);
  EXPECT_EQ(ReadAll(a, 1, Projection::kUp, 20, 50), ReadAll(b, 1, Projection::kUp, 20, 50));
  EXPECT_NE(ReadAll(a, 1, Projection::kUp, 20, 50), ReadAll(other, 1, Projection::kUp, 20, 50));
  EXPECT_EQ(Table(a), Table(b));
  EXPECT_NE(Table(a), Table(other));
}

TEST(RandomWeights, LayersAndProjectionsDiffer) {
  RandomWeights weights(*ShapeConfig("tiny"), DType::kF16, 1);
  const auto up = ReadAll(weights, 1, Projection::kUp, 20, 50);
  EXPECT_NE(ReadAll(weights, 1, Projection::kDown, 20, 50), up);
  EXPECT_NE(ReadAll(weights, 2, Projection::kUp, 20, 50), up);
}

TEST(RandomWeights, HalfOfTheValuesAreZeros) {
  RandomWeights weights(*ShapeConfig("tiny"), DType::kF16, 1);
  constexpr int64_t kCount = 200 * 100;
  double counts[3] = {};
  for (const int8_t value : ReadAll(weights, 0, Projection::kQuery, 200, 100)) ++counts[value + 1];
  const auto sigma = [](double p) { return 5 * std::sqrt(p * (1 - p) * kCount); };
  EXPECT_NEAR(counts[0], 0.25 * kCount, sigma(0.25));
  EXPECT_NEAR(counts[1], 0.5 * kCount, sigma(0.5));
  EXPECT_NEAR(counts[2], 0.25 * kCount, sigma(0.25));
}

TEST(RandomWeights, TheTinyModelRunsWithEveryHeadType) {
  for (const DType head : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ6_K, DType::kQ4_0, DType::kQ4_1}) {
    ModelConfig config = *ShapeConfig("tiny");
    config.layers = 1;
    RandomWeights weights(config, head, 1);
    const auto model = Model::Build(config, weights, *MakeCpuBackend({.threads = 1, .isa = Isa::kRef}));
    ASSERT_TRUE(model.ok()) << model.status().message();
    for (const float logit : testing::Logits(**model, {1, 2, 3})) ASSERT_TRUE(std::isfinite(logit)) << Name(head);
  }
}

TEST(RandomWeights, LargeFloatHeadsAreScreenedUnlessForbidden) {
  struct Case {
    int64_t vocab;
    DType head;
    ScreenHead wish;
    bool is_screened;
  };
  for (const Case& one : std::vector<Case>{{kMinScreenedRows, DType::kF16, ScreenHead::kAuto, true},
                                           {kMinScreenedRows, DType::kBF16, ScreenHead::kAuto, true},
                                           {kMinScreenedRows, DType::kF16, ScreenHead::kOff, false},
                                           {kMinScreenedRows, DType::kQ8_0, ScreenHead::kAuto, false},
                                           {kMinScreenedRows - 1, DType::kF16, ScreenHead::kAuto, false},
                                           {300, DType::kF32, ScreenHead::kOn, true},
                                           {300, DType::kQ8_0, ScreenHead::kOn, false}}) {
    ModelConfig config = *ShapeConfig("tiny");
    config.layers = 1;
    config.vocab = one.vocab;
    RandomWeights weights(config, one.head, 1);
    auto backend = MakeCpuBackend({.threads = 1, .isa = Isa::kRef});
    ASSERT_TRUE(backend.ok());
    const auto model = Model::Build(config, weights, *backend, {.screen_head = one.wish});
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ((*model)->screen_bytes() > 0, one.is_screened) << one.vocab << " rows of " << Name(one.head);
    EXPECT_EQ((*model)->head_type(), one.head);
    EXPECT_EQ((*model)->head_bytes(), one.vocab * RowBytes(one.head, config.d_model));
    EXPECT_LT((*model)->screen_bytes(), (*model)->head_bytes() / 2);
  }
}

}  // namespace
}  // namespace sterna
