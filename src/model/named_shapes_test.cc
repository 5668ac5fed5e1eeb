#include "model/named_shapes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "backend/cpu/cpu_backend.h"
#include "model/random_weights.h"
#include "model/testing/test_checkpoint.h"

namespace sterna {
namespace {

TEST(NamedShapes, EveryNameIsAModelOfItsOwn) {
  std::set<std::string_view> names, models;
  for (const NamedShape& shape : NamedShapes()) {
    EXPECT_TRUE(names.insert(shape.name).second) << shape.name;
    EXPECT_TRUE(models.insert(shape.model).second) << shape.model;
    const auto config = ShapeConfig(shape.name);
    ASSERT_TRUE(config.ok()) << shape.name;
    EXPECT_TRUE(CheckModelConfig(*config).ok()) << shape.name << ": " << CheckModelConfig(*config).message();
  }
  EXPECT_GE(names.size(), 45u);
  EXPECT_EQ(ShapeConfig("90b").status().code(), StatusCode::kInvalidArgument);
}

TEST(NamedShapes, ParametersAreWithinTwoPercentOfThePublishedCount) {
  for (const NamedShape& shape : NamedShapes()) {
    if (shape.name == "tiny") continue;
    const double millions = static_cast<double>(ParameterCount(*ShapeConfig(shape.name))) * 1e-6;
    ASSERT_GT(shape.published_millions, 0) << shape.name;
    EXPECT_NEAR(millions / shape.published_millions, 1, 0.02) << shape.name << ": " << millions;
  }
}

TEST(NamedShapes, ThePublishedCountOfTheFirstModelIsExact) {
  EXPECT_EQ(ParameterCount(*ShapeConfig("2b4t")), 2412820480);
}

TEST(NamedShapes, ParametersAreWhatAModelIsBuiltFrom) {
  // Every family, cut down so that it fits a test: what Model::Build asks for is what ParameterCount counts.
  class CountingWeights final : public WeightProvider {
   public:
    explicit CountingWeights(const ModelConfig& config) : weights_(config, DType::kF32, 1) {}
    int64_t count() const { return count_; }

    Result<std::vector<float>> Norm(int64_t layer, LayerNorm norm, int64_t size) override {
      return Count(weights_.Norm(layer, norm, size));
    }
    Result<std::vector<float>> FinalNorm(int64_t size) override { return Count(weights_.FinalNorm(size)); }
    Result<std::vector<float>> LinearNorm(int64_t layer, Projection projection, int64_t size) override {
      return Count(weights_.LinearNorm(layer, projection, size));
    }
    Result<std::vector<float>> Bias(int64_t layer, Projection projection, int64_t rows) override {
      return Count(weights_.Bias(layer, projection, rows));
    }
    Result<LinearSource> Linear(int64_t layer, Projection projection, int64_t rows, int64_t cols) override {
      count_ += rows * cols;
      return weights_.Linear(layer, projection, rows, cols);
    }
    Result<DenseMatrixSource> Embedding(int64_t rows, int64_t cols) override {
      count_ += rows * cols;
      return weights_.Embedding(rows, cols);
    }
    Result<std::optional<DenseMatrixSource>> Head(int64_t rows, int64_t cols) override {
      auto head = weights_.Head(rows, cols);
      if (head.ok() && head->has_value()) count_ += rows * cols;
      return head;
    }
    Result<std::vector<float>> RopeFactors(int64_t size) override { return weights_.RopeFactors(size); }
    Status CheckAllUsed() const override { return Status::Ok(); }

   private:
    Result<std::vector<float>> Count(Result<std::vector<float>> values) {
      if (values.ok()) count_ += static_cast<int64_t>(values->size());
      return values;
    }

    RandomWeights weights_;
    int64_t count_ = 0;
  };

  std::set<ShapeFamily> families;
  for (const NamedShape& shape : NamedShapes()) {
    if (!families.insert(shape.family).second) continue;
    ModelConfig config = *ShapeConfig(shape.name);
    config.layers = 2;
    config.is_sliding.resize(config.is_sliding.empty() ? 0 : 2);
    config.d_model = 128;
    config.d_ff = 256;
    config.heads = 4;
    config.kv_heads = 2;
    config.head_dim = 32;
    config.vocab = 64;
    config.context = 64;
    CountingWeights weights(config);
    const auto model = Model::Build(config, weights, *MakeCpuBackend({.threads = 1, .isa = Isa::kRef}));
    ASSERT_TRUE(model.ok()) << shape.name << ": " << model.status().message();
    EXPECT_EQ(weights.count(), ParameterCount(config)) << shape.name;
    for (const float logit : testing::Logits(**model, {1, 2, 3})) ASSERT_TRUE(std::isfinite(logit)) << shape.name;
  }
  EXPECT_EQ(families.size(), 8u);
}

}  // namespace
}  // namespace sterna
