// Parity of embedding models with Hugging Face `transformers`: the rows of the final norm, and what pooling makes of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/loaded_model.h"
#include "base/file.h"
#include "engine/embed.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

// As for the logits (golden_test.cc).
constexpr double kMaxErrorInStd = 1e-4;

class EmbeddingGolden : public testing::TestWithParam<std::tuple<const char*, Isa>> {};

double StandardDeviation(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST_P(EmbeddingGolden, RowsAndPooledVectorsStayWithinTheBound) {
  const auto [name, isa] = GetParam();
  if (!HostCpu().Contains(IsaFeatures(isa))) GTEST_SKIP() << "this processor lacks " << IsaName(isa);
  const std::string folder = fmt::format("{}/models/{}", STERNA_FIXTURES, name);
  const auto loaded = LoadModel(folder, {.threads = 2,
                                         .isa = std::string(IsaName(isa)),
                                         .dense_activations = DenseActivations::kFloat,
                                         .output = ModelOutput::kHidden,
                                         .needs_text = false});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  ASSERT_EQ(loaded->model->config().pooling, Pooling::kLast);
  const auto text = ReadWholeFile(folder + "/golden.json", size_t{1} << 20);
  ASSERT_TRUE(text.ok());
  const nlohmann::json cases = nlohmann::json::parse(*text)["cases"];
  ASSERT_EQ(cases.size(), 8u);
  const auto arrays = OpenWeights(folder + "/golden.safetensors");
  ASSERT_TRUE(arrays.ok());
  const auto session = Session::Create(loaded->model, {.max_chunk = 64, .max_selected = 64});
  ASSERT_TRUE(session.ok());
  const auto width = static_cast<size_t>(loaded->model->output_width());
  double worst = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto tokens = cases[i]["tokens"].get<std::vector<int32_t>>();
    const TensorEntry* entry = (*arrays)->Find(fmt::format("hidden.{}", i));
    ASSERT_NE(entry, nullptr);
    std::vector<float> expected(tokens.size() * width);
    ASSERT_EQ(entry->data.size(), expected.size() * sizeof(float));
    std::memcpy(expected.data(), entry->data.data(), entry->data.size());
    std::vector<float> rows;
    (*session)->Rewind(0);
    ASSERT_TRUE((*session)
                    ->EvaluateAll(tokens,
                                  [&](size_t, std::span<const float> row) {
                                    rows.insert(rows.end(), row.begin(), row.end());
                                    return Status::Ok();
                                  })
                    .ok());
    ASSERT_EQ(rows.size(), expected.size());
    const double spread = StandardDeviation(expected);
    double error = 0;
    for (size_t j = 0; j < rows.size(); ++j) {
      error = std::max(error, std::abs(static_cast<double>(rows[j]) - static_cast<double>(expected[j])));
    }
    EXPECT_LE(error, kMaxErrorInStd * spread) << "case " << i;
    worst = std::max(worst, error / spread);

    const auto pooled = Embed(**session, tokens, Pooling::kLast, /*normalize=*/true);
    ASSERT_TRUE(pooled.ok());
    double squares = 0;
    for (size_t j = expected.size() - width; j < expected.size(); ++j) squares += std::pow(static_cast<double>(expected[j]), 2);
    for (size_t j = 0; j < width; ++j) {
      const double value = static_cast<double>(expected[expected.size() - width + j]) / std::sqrt(squares);
      EXPECT_NEAR(static_cast<double>((*pooled)[j]), value, kMaxErrorInStd * spread / std::sqrt(squares) * 2);
    }
  }
  RecordProperty("worst_error_in_std", fmt::format("{:.2e}", worst));
}

std::string TestName(const testing::TestParamInfo<std::tuple<const char*, Isa>>& info) {
  std::string name = fmt::format("{}_{}", std::get<0>(info.param), IsaName(std::get<1>(info.param)));
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(, EmbeddingGolden,
                         testing::Combine(testing::Values("qwen3-embedding", "gemma3-embedding"), testing::ValuesIn(AllIsas())),
                         TestName);

}  // namespace
}  // namespace sterna
