// Parity with Hugging Face `transformers`: logits and greedy continuations of small models, on every instruction set this machine
// has.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/loaded_model.h"
#include "base/file.h"
#include "base/rng.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

// The bound of the goldens: an independent float64 evaluation agrees with them to 2e-5 of the spread, so 1e-4 leaves room for f32
// rounding and none for a wrong int8 step (about 5e-4 at least).
constexpr double kMaxErrorInStd = 1e-4;

/// A model to load, and the directory that holds its golden.json and golden.safetensors.
struct GoldenModel {
  std::string name, path, golden;
};

std::vector<GoldenModel> Models() {
  const std::string fixtures = STERNA_FIXTURES;
  std::vector<GoldenModel> models;
  for (const char* name : {"bitnet-packed", "bitnet-packed-tied", "bitnet-master", "llama-bitlinear", "llama-autobitlinear-rms",
                           "llama-dense-rope3", "qwen2-dense", "qwen3-dense", "gemma3-dense"}) {
    models.push_back({name, fixtures + "/models/" + name, fixtures + "/models/" + name});
  }
  // Written by the other tools' own quantizers from these two models.
  for (const char* name : {"bitnet-b1.58", "bitnet"})
    models.push_back({name, fixtures + "/gguf/" + name, fixtures + "/gguf/" + name});
  for (const char* name : {"b158.bitnet_cpp.I2_S", "b158.ik_llama.IQ1_BN", "b158.ik_llama.IQ2_BN", "b158.ik_llama.IQ2_BN_R4"}) {
    models.push_back({name, fixtures + "/gguf/" + name + ".gguf", fixtures + "/gguf/bitnet-b1.58"});
  }
  for (const char* name : {"bitnet.llama_cpp.TQ1_0", "bitnet.llama_cpp.TQ2_0", "bitnet.llama_cpp.Q2_0"}) {
    models.push_back({name, fixtures + "/gguf/" + name + ".gguf", fixtures + "/gguf/bitnet"});
  }
  return models;
}

class Golden : public testing::TestWithParam<std::tuple<size_t, Isa>> {
 protected:
  void SetUp() override {
    const auto [index, isa] = GetParam();
    if (!HostCpu().Contains(IsaFeatures(isa))) GTEST_SKIP() << "this processor lacks " << IsaName(isa);
    golden_ = Models()[index];
    auto loaded = LoadModel(golden_.path, {.threads = 2, .isa = std::string(IsaName(isa)), .max_context = 0, .needs_text = false});
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    loaded_ = *std::move(loaded);
    ASSERT_EQ(loaded_.isa, isa);
    auto text = ReadWholeFile(golden_.golden + "/golden.json", size_t{1} << 20);
    ASSERT_TRUE(text.ok()) << text.status().message();
    json_ = nlohmann::json::parse(*text);
    auto arrays = OpenWeights(golden_.golden + "/golden.safetensors");
    ASSERT_TRUE(arrays.ok()) << arrays.status().message();
    arrays_ = *std::move(arrays);
  }

  std::vector<float> ExpectedLogits(size_t index) const {
    const TensorEntry* entry = arrays_->Find(fmt::format("logits.{}", index));
    std::vector<float> values(entry == nullptr ? 0 : entry->data.size() / sizeof(float));
    if (entry != nullptr) std::memcpy(values.data(), entry->data.data(), entry->data.size());
    return values;
  }

  std::unique_ptr<Session> NewSession(int64_t chunk) const {
    auto session = Session::Create(loaded_.model, {.max_chunk = chunk, .max_selected = chunk});
    EXPECT_TRUE(session.ok()) << session.status().message();
    return *std::move(session);
  }

  /// Logits of every position, evaluated in the given chunk sizes.
  std::vector<float> Evaluate(const std::vector<int32_t>& tokens, const std::vector<size_t>& chunks) const {
    const auto session = NewSession(64);
    std::vector<float> all;
    size_t at = 0;
    for (const size_t size : chunks) {
      const Status status = session->EvaluateAll(std::span(tokens).subspan(at, size), [&](size_t, std::span<const float> logits) {
        all.insert(all.end(), logits.begin(), logits.end());
        return Status::Ok();
      });
      EXPECT_TRUE(status.ok()) << status.message();
      at += size;
    }
    return all;
  }

  GoldenModel golden_;
  LoadedModel loaded_;
  nlohmann::json json_;
  std::shared_ptr<const WeightSource> arrays_;
};

double StandardDeviation(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST_P(Golden, LogitsStayWithinTheBound) {
  ASSERT_EQ(json_["cases"].size(), 8u);
  double worst = 0;
  for (size_t i = 0; i < json_["cases"].size(); ++i) {
    const auto tokens = json_["cases"][i]["tokens"].get<std::vector<int32_t>>();
    const std::vector<float> expected = ExpectedLogits(i);
    const std::vector<float> actual = Evaluate(tokens, {tokens.size()});
    ASSERT_EQ(actual.size(), expected.size());
    ASSERT_EQ(actual.size(), tokens.size() * static_cast<size_t>(loaded_.model->config().vocab));
    double error = 0;
    for (size_t j = 0; j < actual.size(); ++j) error = std::max(error, std::abs(static_cast<double>(actual[j]) - expected[j]));
    const double in_std = error / StandardDeviation(expected);
    EXPECT_LE(in_std, kMaxErrorInStd) << "case " << i;
    worst = std::max(worst, in_std);
  }
  fmt::print("golden {:<28} {:<8} max |logit - golden| / std = {:.2e}\n", golden_.name, IsaName(std::get<1>(GetParam())), worst);
}

TEST_P(Golden, GreedyContinuationIsEqual) {
  const auto prompt = json_["greedy"]["prompt"].get<std::vector<int32_t>>();
  const auto expected = json_["greedy"]["continuation"].get<std::vector<int32_t>>();
  const auto session = NewSession(16);
  std::vector<int32_t> continuation;
  const auto generation = Generate(
      *session, prompt, {.max_tokens = static_cast<int64_t>(expected.size()), .sampler = {.temperature = 0}, .is_end = nullptr},
      [&](int32_t token) {
        continuation.push_back(token);
        return true;
      });
  ASSERT_TRUE(generation.ok()) << generation.status().message();
  EXPECT_EQ(continuation, expected);
}

TEST_P(Golden, AnyCutIntoChunksGivesTheSameBits) {
  RngStream rng{.key = 7, .stream = 0, .counter = 0};
  const int64_t vocab = loaded_.model->config().vocab;
  std::vector<int32_t> tokens;
  for (int i = 0; i < 50; ++i) tokens.push_back(static_cast<int32_t>(rng.NextUint32() % static_cast<uint32_t>(vocab)));
  const std::vector<float> whole = Evaluate(tokens, {tokens.size()});
  ASSERT_EQ(Evaluate(tokens, std::vector<size_t>(tokens.size(), 1)), whole) << "token by token";
  for (int round = 0; round < 3; ++round) {
    std::vector<size_t> chunks;
    for (size_t left = tokens.size(); left > 0; left -= chunks.back()) {
      chunks.push_back(std::min<size_t>(left, 1 + rng.NextUint32() % 17));
    }
    ASSERT_EQ(Evaluate(tokens, chunks), whole) << "random chunks, round " << round;
  }
}

std::string TestName(const testing::TestParamInfo<std::tuple<size_t, Isa>>& info) {
  std::string name = Models()[std::get<0>(info.param)].name + "_" + std::string(IsaName(std::get<1>(info.param)));
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(, Golden,
                         testing::Combine(testing::Range(size_t{0}, Models().size()),
                                          testing::Values(Isa::kRef, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512)),
                         TestName);

}  // namespace
}  // namespace sterna
