// Promises of the whole backend: a token's bits depend on nothing beside it, and what is handed in is checked.
#include "backend/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include "backend/testing/plan_runner.h"

namespace sterna {
namespace {

using testing::HostIsas;
using testing::PlanRunner;
using testing::RandomRows;
using testing::RandomTernary;
using testing::Rows;

constexpr int64_t kWidth = 512, kHidden = 512, kHeadDim = 32, kHeads = 8, kKvHeads = 2;
constexpr int64_t kQueries = kHeads * kHeadDim, kKeys = kKvHeads * kHeadDim;
constexpr int64_t kVocab = 80, kOutputs = 48;
constexpr int64_t kTokens = 70;  // enough elements in a row operation for it to use threads

/// One decoder layer with every kind of operation: ternary attention, block-quantized and half-precision feed-forward.
PlanRunner MakeLayer(const CpuBackendOptions& options) {
  PlanRunner runner(options);
  runner.plan().kv = {.layers = 1, .kv_heads = kKvHeads, .head_dim = kHeadDim};
  const auto ternary = [&](int64_t rows, int64_t cols, uint64_t seed) {
    return runner.Ternary(RandomTernary(rows, cols, seed), std::vector<float>(static_cast<size_t>(rows), 0.05f));
  };
  const auto table = runner.backend().AddRopeTable(std::vector<double>(kHeadDim / 2, 0.1), 128);
  EXPECT_TRUE(table.ok());
  const SlotView x = runner.Input(RandomRows(kVocab, kWidth, 1));
  const SlotView quantized = runner.Quantized(kWidth), qkv = runner.Float(kQueries + 2 * kKeys);
  const SlotView q = PlanRunner::Part(qkv, 0, kQueries), k = PlanRunner::Part(qkv, kQueries, kKeys),
                 v = PlanRunner::Part(qkv, kQueries + kKeys, kKeys);
  runner.Add(NormOp{
      .in = x, .weight = runner.Vector(RandomRows(1, kWidth, 2).front()), .group = kWidth, .epsilon = 1e-5f, .out = quantized});
  runner.Add(TernaryLinearOp{.weight = ternary(qkv.width, kWidth, 3), .in = quantized, .out = qkv});
  runner.Add(NormOp{.in = q, .weight = kNoWeight, .group = kHeadDim, .epsilon = 1e-5f, .out = q});
  runner.Add(RopeAppendOp{.layer = 0, .rope_table = *table, .head_dim = kHeadDim, .q = q, .k = k, .v = v});
  const SlotView attention = runner.Float(kQueries), quantized_attention = runner.Quantized(kQueries),
                 update = runner.Float(kWidth);
  runner.Add(AttentionOp{.layer = 0, .head_dim = kHeadDim, .kv_heads = kKvHeads, .score_scale = 0.2f, .q = q, .out = attention});
  runner.Add(QuantizeOp{.in = attention, .out = quantized_attention});
  runner.Add(TernaryLinearOp{.weight = ternary(kWidth, kQueries, 4), .in = quantized_attention, .out = update});
  runner.Add(AddOp{.in = update, .out = x});
  const SlotView gate_up = runner.Float(2 * kHidden), gate = PlanRunner::Part(gate_up, 0, kHidden),
                 up = PlanRunner::Part(gate_up, kHidden, kHidden), hidden = runner.Float(kHidden);
  const WeightId gate_weight = runner.Dense(DType::kQ8_0, RandomRows(kHidden, kWidth, 5), DenseActivations::kInt8);
  const WeightId up_weight = runner.Dense(DType::kQ4_1, RandomRows(kHidden, kWidth, 6), DenseActivations::kInt8);
  runner.Add(DenseLinearOp{.weight = gate_weight, .in = x, .out = gate});
  runner.Add(DenseLinearOp{.weight = up_weight, .in = x, .out = up});
  runner.Add(GateOp{.activation = Activation::kSilu, .gate = gate, .up = up, .out = hidden});
  const SlotView out = runner.Float(kOutputs);
  runner.Add(DenseLinearOp{.weight = runner.Dense(DType::kF16, RandomRows(kOutputs, kHidden, 7)), .in = hidden, .out = out});
  runner.Output(out);
  return runner;
}

CpuBackendOptions OneThread() {
  return {.threads = 1, .isa = HostIsa()};
}

TEST(CpuBackend, OneStepOfManyTokensEqualsOneStepEach) {
  PlanRunner together = MakeLayer(OneThread()), alone = MakeLayer(OneThread());
  const Rows expected = together.RunFirst(kTokens);
  ASSERT_EQ(expected.size(), static_cast<size_t>(kTokens));
  for (const StepToken& token : PlanRunner::FirstTokens(kTokens)) {
    ASSERT_EQ(alone.Run({token}), Rows{expected[static_cast<size_t>(token.position)]}) << "position " << token.position;
  }
}

TEST(CpuBackend, SequencesInOneStepDoNotSeeEachOther) {
  // Sequence 1 is longer, runs other tokens, and is woven between the tokens of sequence 0.
  std::vector<StepToken> step, first, second;
  for (int32_t i = 0; i < 40; ++i) {
    if (i < 34) first.push_back({.token = i, .sequence = 0, .position = i});
    second.push_back({.token = 79 - i, .sequence = 1, .position = i});
    if (i < 34) step.push_back(first.back());
    step.push_back(second.back());
  }
  const Rows woven = MakeLayer(OneThread()).Run(step);
  const Rows expected_first = MakeLayer(OneThread()).Run(first), expected_second = MakeLayer(OneThread()).Run(second);
  ASSERT_EQ(woven.size(), step.size());
  for (size_t i = 0; i < step.size(); ++i) {
    const auto position = static_cast<size_t>(step[i].position);
    ASSERT_EQ(woven[i], step[i].sequence == 0 ? expected_first[position] : expected_second[position]) << i;
  }
}

TEST(CpuBackend, EveryNumberOfThreadsGivesTheSameBits) {
  const Rows expected = MakeLayer(OneThread()).RunFirst(kTokens);
  for (const int threads : {2, 3, 7}) {
    PlanRunner runner = MakeLayer({.threads = threads, .isa = HostIsa()});
    EXPECT_EQ(runner.backend().threads(), threads);
    EXPECT_EQ(runner.RunFirst(kTokens), expected) << threads << " threads";
  }
}

TEST(CpuBackend, EveryInstructionSetOfThisMachineGivesTheSameBits) {
  const Rows expected = MakeLayer({.threads = 2, .isa = Isa::kRef}).RunFirst(kTokens);
  for (const Isa isa : HostIsas()) {
    EXPECT_EQ(MakeLayer({.threads = 2, .isa = isa}).RunFirst(kTokens), expected) << IsaName(isa);
  }
}

TEST(CpuBackend, EveryLayoutOfTernaryWeightsGivesTheSameBits) {
  const Rows expected = MakeLayer(OneThread()).RunFirst(kTokens);
  for (const TernaryLayoutInfo& layout : TernaryLayouts()) {
    for (const Isa isa : HostIsas()) {
      const CpuBackendOptions options{.threads = 2, .isa = isa, .layouts = AllInLayout(layout.layout)};
      EXPECT_EQ(MakeLayer(options).RunFirst(kTokens), expected) << layout.name << ", " << IsaName(isa);
    }
  }
}

TEST(CpuBackend, WeightsTakeAFifthLessInTheDenserLayout) {
  const auto bytes_in = [](TernaryLayout layout) {
    const auto backend = MakeCpuBackend({.threads = 1, .isa = Isa::kRef, .layouts = AllInLayout(layout)});
    const auto read_row = [](int64_t, int8_t* values, float* scale) {
      std::fill(values, values + 2560, int8_t{1});
      *scale = 1;
      return Status::Ok();
    };
    EXPECT_TRUE((*backend)->AddTernary({.rows = 1600, .cols = 2560, .read_row = read_row}).ok());
    EXPECT_NEAR(static_cast<double>((*backend)->TernaryBytes(1600, 2560)), static_cast<double>((*backend)->weight_bytes()), 4096);
    return (*backend)->weight_bytes();
  };
  EXPECT_NEAR(static_cast<double>(bytes_in(TernaryLayout::kFiveTrit)), 0.8 * static_cast<double>(bytes_in(TernaryLayout::kTwoBit)),
              4096);
}

TEST(CpuBackend, ARefusedKernelIsReplacedByTheNextOne) {
  const Isa isa = HostIsa();
  const auto name_of = [&](const CpuBackendOptions& options) {
    const auto backend = MakeCpuBackend(options);
    for (const auto& [family, name] : (*backend)->ChosenKernels()) {
      if (family == "gate") return name;
    }
    return std::string();
  };
  const std::string best = name_of({.threads = 1, .isa = isa});
  const std::string next = name_of({.threads = 1, .isa = isa, .refused = {{.family = "gate", .name = best, .replacement = {}}}});
  if (GateKernels().front().info.name == best) {
    EXPECT_EQ(next, best) << "nothing replaces the reference";
  } else {
    EXPECT_NE(next, best);
    EXPECT_TRUE(next.starts_with("gate_"));
  }
}

TEST(CpuBackend, KernelsFollowTheInstructionSet) {
  const auto reference = MakeCpuBackend({.threads = 1, .isa = Isa::kRef});
  ASSERT_TRUE(reference.ok());
  for (const auto& [family, variant] : (*reference)->ChosenKernels()) {
    EXPECT_TRUE(variant.ends_with("_ref")) << family << ": " << variant;
  }
}

TEST(CpuBackend, RefusesAThreadCountOutsideItsRange) {
  for (const int threads : {-1, 1025}) {
    const auto backend = MakeCpuBackend({.threads = threads, .isa = Isa::kRef});
    EXPECT_EQ(backend.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(backend.status().message().find(std::to_string(threads)), std::string_view::npos) << backend.status().message();
  }
  EXPECT_GE((*MakeCpuBackend({.threads = 0, .isa = Isa::kRef}))->threads(), 1);
}

TEST(CpuBackend, AnErrorOfATernaryRowEndsTheLoad) {
  const auto backend = MakeCpuBackend({.threads = 2, .isa = Isa::kRef});
  TernaryMatrixSource source{.rows = 40, .cols = 8, .read_row = nullptr};
  source.read_row = [](int64_t row, int8_t* values, float* scale) {
    std::fill(values, values + 8, int8_t{0});
    *scale = 1;
    return row == 39 ? Malformed("row 39 is broken") : Status::Ok();
  };
  EXPECT_EQ((*backend)->AddTernary(source).status().message(), "row 39 is broken");
  source.rows = 39;
  EXPECT_TRUE((*backend)->AddTernary(source).ok());
  EXPECT_GT((*backend)->weight_bytes(), 0);
}

TEST(CpuBackend, RefusesMatricesItCannotMultiply) {
  const auto backend = MakeCpuBackend({.threads = 1, .isa = Isa::kRef});
  const std::vector<std::byte> bytes(64);
  const auto add = [&](DType dtype, int64_t rows, int64_t cols) {
    return (*backend)
        ->AddDense({.dtype = dtype, .rows = rows, .cols = cols, .bytes = bytes, .keep_alive = nullptr}, DenseActivations::kFloat)
        .status();
  };
  EXPECT_TRUE(add(DType::kF32, 2, 8).ok());
  EXPECT_EQ(add(DType::kF32, 2, 9).code(), StatusCode::kInternal);  // 72 bytes are needed
  EXPECT_EQ(add(DType::kI32, 2, 8).code(), StatusCode::kUnsupported);
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{0, 8}, {8, 0}, {1, int64_t{1} << 23}}) {
    EXPECT_EQ((*backend)->AddTernary({.rows = rows, .cols = cols, .read_row = nullptr}).status().code(), StatusCode::kUnsupported);
  }
}

}  // namespace
}  // namespace sterna
