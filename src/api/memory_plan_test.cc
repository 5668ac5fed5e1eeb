#include "api/memory_plan.h"

#include <gtest/gtest.h>

#include "engine/session.h"
#include "model/named_shapes.h"

namespace sterna {
namespace {

LoadOptions Options(int threads, int64_t context) {
  LoadOptions options;
  options.threads = threads;
  options.max_context = context;
  options.needs_text = false;
  return options;
}

/// The plan against what a loaded model says of itself.
void ExpectPlanIsTrue(const MemoryPlan& plan, const LoadedModel& loaded, const std::string& what) {
  const int64_t context = loaded.model->max_context();
  const MemoryPlanRow& row = plan.rows.back();
  ASSERT_EQ(row.context, context) << what;
  EXPECT_EQ(plan.weight_bytes + row.rope_bytes, loaded.model->backend().weight_bytes()) << what;
  const auto session = Session::Create(loaded.model);
  ASSERT_TRUE(session.ok()) << what;
  EXPECT_EQ(plan.activation_bytes, (*session)->activation_bytes()) << what;
  const std::vector<int32_t> tokens(static_cast<size_t>(context), 1);
  ASSERT_TRUE((*session)->Append(tokens).ok()) << what;
  EXPECT_EQ(row.kv_bytes, (*session)->kv_bytes()) << what;
  EXPECT_EQ(row.total_bytes, plan.weight_bytes + row.rope_bytes + row.kv_bytes + plan.activation_bytes + plan.other_bytes) << what;
}

TEST(MemoryPlan, IsWhatALoadedModelTakes) {
  for (const std::string path :
       {"/models/bitnet-master", "/models/bitnet-packed", "/models/gemma3-dense", "/models/llama-autobitlinear-rms",
        "/models/llama-dense-rope3", "/models/qwen2-dense", "/models/qwen3-dense", "/gguf/b158.bitnet_cpp.I2_S-embQ6_K.gguf",
        "/gguf/bitnet.llama_cpp.Q8_0.gguf", "/gguf/bitnet.llama_cpp.Q2_0.gguf", "/gguf/bitnet.llama_cpp.Q4_K_M.gguf"}) {
    const std::string model = STERNA_FIXTURES + path;
    for (const auto activations : {DenseActivations::kInt8, DenseActivations::kFloat}) {
      LoadOptions options = Options(2, 40);
      options.dense_activations = activations;
      const auto loaded = LoadModel(model, options);
      ASSERT_TRUE(loaded.ok()) << loaded.status().message();
      const auto plan = PlanMemory(model, options);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      ExpectPlanIsTrue(*plan, *loaded, path);
    }
  }
}

TEST(MemoryPlan, CountsAHeadThatIsTheEmbeddingOnce) {
  const std::string model = STERNA_FIXTURES "/gguf/bitnet.llama_cpp.Q8_0.gguf";
  const auto source = OpenWeightsWithLayout(model, "", nullptr);
  ASSERT_TRUE(source.ok());
  int64_t weights = 0;
  for (const TensorEntry& entry : (*source)->entries()) {
    int64_t product = 1;
    for (const int64_t extent : entry.shape) product *= extent;
    weights += product;
    EXPECT_NE(entry.name, "output.weight");
  }
  const auto plan = PlanMemory(model, Options(1, 0));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->parameters, weights);
}

TEST(MemoryPlan, OfAShapeIsWhatItsRandomModelTakes) {
  for (const std::string head : {"F16", "Q6_K"}) {
    for (const ScreenHead screen_head : {ScreenHead::kOff, ScreenHead::kOn}) {
      LoadOptions options = Options(2, 64);
      options.screen_head = screen_head;
      const auto loaded = MakeShapedModel("tiny", head, options);
      ASSERT_TRUE(loaded.ok()) << loaded.status().message();
      EXPECT_EQ(loaded->model->screen_bytes() > 0, screen_head == ScreenHead::kOn && head == "F16");
      const auto plan = PlanShapeMemory("tiny", head, options);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      ExpectPlanIsTrue(*plan, *loaded, head + (screen_head == ScreenHead::kOn ? " screened" : ""));
    }
  }
}

TEST(MemoryPlan, EveryShapeHasOneAndLongerContextsTakeMore) {
  for (const NamedShape& shape : NamedShapes()) {
    const auto plan = PlanShapeMemory(shape.name, "", Options(1, 0));
    ASSERT_TRUE(plan.ok()) << shape.name << ": " << plan.status().message();
    ASSERT_EQ(plan->rows.back().context, shape.context) << shape.name;
    for (size_t i = 1; i < plan->rows.size(); ++i) {
      EXPECT_GT(plan->rows[i].context, plan->rows[i - 1].context) << shape.name;
      EXPECT_GT(plan->rows[i].total_bytes, plan->rows[i - 1].total_bytes) << shape.name;
    }
    // Two bits a ternary weight and 6.6 a weight of the head, if the head is Q6_K.
    const double bits = 8.0 * static_cast<double>(plan->weight_bytes) / static_cast<double>(plan->parameters);
    EXPECT_GT(bits, 1.9) << shape.name;
    EXPECT_LT(bits, 7) << shape.name;
  }
}

TEST(MemoryPlan, TheLongestContextIsTheLastThatFits) {
  const auto plan = PlanShapeMemory("2b4t", "Q6_K", Options(1, 0));
  ASSERT_TRUE(plan.ok() && plan->available.has_value());
  for (const MemoryPlanRow& row : plan->rows) {
    EXPECT_EQ(row.fits, row.total_bytes <= plan->available->bytes);
    EXPECT_EQ(row.fits, row.context <= plan->longest_context);
  }
}

TEST(MemoryPlan, WhatDoesNotFitIsRefusedWithTheFigures) {
  MemoryPlan plan;
  plan.model = "llama-70b";
  plan.weight_bytes = 19'000'000'000;
  plan.available = AvailableMemory{8'000'000'000, "free memory"};
  plan.rows.push_back({.context = 512, .kv_bytes = 300'000'000, .rope_bytes = 0, .total_bytes = 19'500'000'000, .fits = false});
  const Status status = plan.CheckAnyFits();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(
      status.message(),
      "llama-70b: 19.50 GB are needed for a context of 512 (weights 19.00, cache 0.30, activations and the rest 0.20), but free "
      "memory leaves 8.00 GB");
  plan.rows.front().fits = true;
  EXPECT_TRUE(plan.CheckAnyFits().ok());
}

TEST(MemoryPlan, ErrorsAreThoseOfALoad) {
  EXPECT_EQ(PlanMemory(STERNA_FIXTURES "/nothing_here", {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(PlanShapeMemory("90b", "Q6_K", {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(PlanShapeMemory("tiny", "X", {}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sterna
