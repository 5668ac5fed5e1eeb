// For tests: a small plan on a CPU backend, its inputs given as rows, its output read back as rows.
#ifndef STERNA_BACKEND_TESTING_PLAN_RUNNER_H_
#define STERNA_BACKEND_TESTING_PLAN_RUNNER_H_

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "base/rng.h"
#include "tensor/encodings.h"

namespace sterna::testing {

using Rows = std::vector<std::vector<float>>;

/// Normally distributed numbers.
inline Rows RandomRows(int64_t rows, int64_t cols, uint64_t seed) {
  RngStream rng{.key = seed, .stream = 0, .counter = 0};
  Rows out(static_cast<size_t>(rows), std::vector<float>(static_cast<size_t>(cols)));
  for (auto& row : out) {
    for (float& value : row) value = static_cast<float>(rng.NextNormal());
  }
  return out;
}

/// Uniform in {-1, 0, +1}.
inline std::vector<std::vector<int8_t>> RandomTernary(int64_t rows, int64_t cols, uint64_t seed) {
  RngStream rng{.key = seed, .stream = 1, .counter = 0};
  std::vector<std::vector<int8_t>> out(static_cast<size_t>(rows), std::vector<int8_t>(static_cast<size_t>(cols)));
  for (auto& row : out) {
    for (int8_t& value : row) value = static_cast<int8_t>(static_cast<int>(rng.NextUint32() % 3) - 1);
  }
  return out;
}

inline std::vector<float> Flat(const Rows& rows) {
  std::vector<float> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return flat;
}

/// The levels this machine can run.
inline std::vector<Isa> HostIsas() {
  std::vector<Isa> isas;
  for (const Isa isa : AllIsas()) {
    if (HostCpu().Contains(IsaFeatures(isa))) isas.push_back(isa);
  }
  return isas;
}

/// Builds a plan operation by operation, compiles it at the first Run, and keeps the cache of each sequence from Run to Run.
class PlanRunner {
 public:
  explicit PlanRunner(const CpuBackendOptions& options = {.threads = 1, .isa = Isa::kRef}) {
    auto backend = MakeCpuBackend(options);
    EXPECT_TRUE(backend.ok()) << backend.status().message();
    backend_ = *std::move(backend);
  }

  Backend& backend() { return *backend_; }
  Plan& plan() { return plan_; }
  ProgramLimits& limits() { return limits_; }

  SlotView Float(int64_t width) { return plan_.AddSlot(Slot::Kind::kFloat, width); }
  SlotView Quantized(int64_t width) { return plan_.AddSlot(Slot::Kind::kQuantized, width); }
  static SlotView Part(const SlotView& view, int64_t offset, int64_t width) { return {view.slot, view.offset + offset, width}; }
  void Add(const Op& op) { plan_.ops.push_back(op); }

  /// A slot that holds rows[token id] for each token of a step.
  SlotView Input(const Rows& rows) {
    const SlotView out = Float(static_cast<int64_t>(rows.front().size()));
    Add(EmbedOp{.table = Dense(DType::kF32, rows), .out = out});
    return out;
  }
  /// What Run returns.
  void Output(const SlotView& view) {
    const SlotView logits = plan_.AddSlot(Slot::Kind::kFloat, view.width, Slot::Rows::kSelected);
    Add(GatherOp{.in = view, .out = logits});
    plan_.output = logits.slot;
  }

  WeightId Vector(const std::vector<float>& values) { return Id(backend_->AddVector(values)); }
  WeightId Dense(DType dtype, const Rows& rows, DenseActivations activations = DenseActivations::kFloat) {
    const auto count = static_cast<int64_t>(rows.size()), cols = static_cast<int64_t>(rows.front().size());
    auto encoded = Quantize(dtype, Flat(rows), count, cols);
    EXPECT_TRUE(encoded.ok()) << encoded.status().message();
    auto bytes = std::make_shared<const std::vector<std::byte>>(*std::move(encoded));
    return Id(backend_->AddDense({.dtype = dtype, .rows = count, .cols = cols, .bytes = *bytes, .keep_alive = bytes}, activations));
  }
  WeightId Ternary(const std::vector<std::vector<int8_t>>& rows, const std::vector<float>& row_scales) {
    TernaryMatrixSource source{
        .rows = static_cast<int64_t>(rows.size()), .cols = static_cast<int64_t>(rows.front().size()), .read_row = nullptr};
    source.read_row = [&](int64_t row, int8_t* values, float* scale) {
      const auto& from = rows[static_cast<size_t>(row)];
      std::memcpy(values, from.data(), from.size());
      *scale = row_scales[static_cast<size_t>(row)];
      return Status::Ok();
    };
    return Id(backend_->AddTernary(source));
  }

  /// One step; the output rows of all its tokens.
  Rows Run(const std::vector<StepToken>& tokens) {
    std::vector<int32_t> selected(tokens.size());
    std::iota(selected.begin(), selected.end(), 0);
    return Run(tokens, selected);
  }
  Rows Run(const std::vector<StepToken>& tokens, const std::vector<int32_t>& selected) {
    if (program_ == nullptr) Compile();
    if (program_ == nullptr) return {};
    std::vector<SequenceBlocks> sequences;
    for (const StepToken& token : tokens) Reserve(token);
    for (const auto& addresses : addresses_) sequences.push_back({addresses});
    const auto result = program_->Run({.tokens = tokens, .sequences = sequences, .selected = selected});
    EXPECT_TRUE(result.ok()) << result.status().message();
    if (!result.ok()) return {};
    Rows rows;
    const size_t width = selected.empty() ? 0 : result->size() / selected.size();
    for (size_t i = 0; i < selected.size(); ++i) {
      const auto row = result->subspan(i * width, width);
      rows.emplace_back(row.begin(), row.end());
    }
    return rows;
  }
  /// The first `count` logits of each of the given tokens (Program::RunTop), which need no cache.
  std::vector<std::vector<TokenLogit>> RunTop(const std::vector<StepToken>& tokens, int64_t count) {
    if (program_ == nullptr) Compile();
    if (program_ == nullptr) return {};
    std::vector<int32_t> selected(tokens.size());
    std::iota(selected.begin(), selected.end(), 0);
    const auto result = program_->RunTop({.tokens = tokens, .sequences = {}, .selected = selected}, count);
    EXPECT_TRUE(result.ok()) << result.status().message();
    std::vector<std::vector<TokenLogit>> rows;
    for (size_t i = 0; result.ok() && i < tokens.size(); ++i) {
      const auto row = result->subspan(i * static_cast<size_t>(count), static_cast<size_t>(count));
      rows.emplace_back(row.begin(), row.end());
    }
    return rows;
  }
  Program* program() { return program_.get(); }

  /// Token ids 0 .. tokens-1 at positions 0 .. tokens-1 of one sequence, in one step.
  Rows RunFirst(int64_t tokens) { return Run(FirstTokens(tokens)); }
  static std::vector<StepToken> FirstTokens(int64_t tokens) {
    std::vector<StepToken> step;
    for (int64_t i = 0; i < tokens; ++i) step.push_back({.token = static_cast<int32_t>(i), .sequence = 0, .position = i});
    return step;
  }

 private:
  WeightId Id(const Result<WeightId>& id) {
    EXPECT_TRUE(id.ok()) << id.status().message();
    return id.ok() ? *id : kNoWeight;
  }
  void Compile() {
    auto program = backend_->Compile(std::make_shared<const Plan>(plan_), limits_);
    EXPECT_TRUE(program.ok()) << program.status().message();
    if (program.ok()) program_ = *std::move(program);
  }
  void Reserve(const StepToken& token) {
    if (plan_.kv.layers == 0) return;
    addresses_.resize(std::max(addresses_.size(), static_cast<size_t>(token.sequence) + 1));
    auto& addresses = addresses_[static_cast<size_t>(token.sequence)];
    while (static_cast<int64_t>(addresses.size()) * kKvBlockPositions <= token.position) {
      auto block = backend_->AllocateKvBlock(plan_.kv);
      ASSERT_TRUE(block.ok()) << block.status().message();
      addresses.push_back((*block)->address());
      blocks_.push_back(*std::move(block));
    }
  }

  std::shared_ptr<Backend> backend_;
  Plan plan_;
  ProgramLimits limits_{.max_tokens = 128, .max_selected = 128};
  std::unique_ptr<Program> program_;
  std::vector<std::unique_ptr<DeviceMemory>> blocks_;
  std::vector<std::vector<void*>> addresses_;  // by sequence
};

}  // namespace sterna::testing

#endif  // STERNA_BACKEND_TESTING_PLAN_RUNNER_H_
