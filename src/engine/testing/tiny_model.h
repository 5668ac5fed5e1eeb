// For tests: a small model with random weights, and sessions on it.
#ifndef STERNA_ENGINE_TESTING_TINY_MODEL_H_
#define STERNA_ENGINE_TESTING_TINY_MODEL_H_

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "engine/session.h"
#include "model/named_shapes.h"
#include "model/random_weights.h"

namespace sterna::testing {

inline constexpr int64_t kTinyVocab = 50;
inline constexpr int64_t kTinyContext = 80;

inline std::shared_ptr<const Model> TinyModel(ModelOutput output = ModelOutput::kLogits,
                                              ScreenHead screen_head = ScreenHead::kAuto) {
  ModelConfig config = *ShapeConfig("tiny");
  config.layers = 2;
  config.d_model = 64;
  config.d_ff = 96;
  config.head_dim = 16;
  config.vocab = kTinyVocab;
  config.context = kTinyContext;
  RandomWeights weights(config, DType::kF32, /*seed=*/5);
  auto backend = MakeCpuBackend({.threads = 1, .isa = Isa::kRef});
  EXPECT_TRUE(backend.ok());
  auto model = Model::Build(config, weights, *std::move(backend), {.output = output, .screen_head = screen_head});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *std::move(model) : nullptr;
}

inline std::unique_ptr<Session> NewSession(const std::shared_ptr<const Model>& model, const SessionOptions& options = {}) {
  auto session = Session::Create(model, options);
  EXPECT_TRUE(session.ok()) << session.status().message();
  return session.ok() ? *std::move(session) : nullptr;
}

/// Different ids below kTinyVocab in a fixed order.
inline std::vector<int32_t> SomeTokens(int64_t count, int32_t start = 3) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>((start + 17 * i + i * i / 7) % kTinyVocab));
  return tokens;
}

/// The logits of Append, copied.
inline std::vector<float> Append(Session& session, std::span<const int32_t> tokens) {
  const auto logits = session.Append(tokens);
  EXPECT_TRUE(logits.ok()) << logits.status().message();
  return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
}

}  // namespace sterna::testing

#endif  // STERNA_ENGINE_TESTING_TINY_MODEL_H_
