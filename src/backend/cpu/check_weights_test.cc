// Plans whose operations name weights they cannot use: refused when compiled, never run.
#include <gtest/gtest.h>

#include "backend/testing/plan_runner.h"

namespace sterna {
namespace {

using testing::PlanRunner;
using testing::RandomRows;

/// A plan of one embedding and what `add` puts behind it must be refused with `expected` in its message.
template <class AddOps>
void ExpectRefused(std::string_view expected, AddOps add) {
  PlanRunner runner;
  const SlotView in = runner.Input(RandomRows(4, 64, 1));
  add(runner, in);
  runner.Output(in);
  const auto program = runner.backend().Compile(std::make_shared<const Plan>(runner.plan()), runner.limits());
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.status().code(), StatusCode::kInternal);
  EXPECT_NE(program.status().message().find(expected), std::string_view::npos) << program.status().message();
}

TEST(CheckWeights, AWeightThatIsNotThere) {
  for (const WeightId id : {-1, 1, 1000}) {
    ExpectRefused("(dense linear): weight " + std::to_string(id) + " does not exist", [&](PlanRunner& runner, const SlotView& in) {
      runner.Add(DenseLinearOp{.weight = id, .in = in, .out = runner.Float(64)});
    });
  }
}

TEST(CheckWeights, AWeightOfAnotherKind) {
  ExpectRefused("(norm): weight 0 is of another kind", [](PlanRunner& runner, const SlotView& in) {
    runner.Add(NormOp{.in = in, .weight = 0, .group = 64, .epsilon = 1e-5f, .out = runner.Float(64)});
  });
  ExpectRefused("(ternary linear): weight 0 is of another kind", [](PlanRunner& runner, const SlotView& in) {
    const SlotView quantized = runner.Quantized(64);
    runner.Add(QuantizeOp{.in = in, .out = quantized});
    runner.Add(TernaryLinearOp{.weight = 0, .in = quantized, .out = runner.Float(4)});
  });
}

TEST(CheckWeights, AShapeThatDoesNotFit) {
  ExpectRefused("[4, 64] does not fit", [](PlanRunner& runner, const SlotView& in) {
    runner.Add(DenseLinearOp{.weight = 0, .in = in, .out = runner.Float(5)});
  });
  ExpectRefused("[4, 64] does not fit", [](PlanRunner& runner, const SlotView& in) {
    runner.Add(DenseLinearOp{.weight = 0, .in = PlanRunner::Part(in, 0, 32), .out = runner.Float(4)});
  });
  ExpectRefused("(embed): its weight of [4, 64] does not fit",
                [](PlanRunner& runner, const SlotView&) { runner.Add(EmbedOp{.table = 0, .out = runner.Float(63)}); });
  ExpectRefused("(norm): its weight of [1, 3] does not fit", [](PlanRunner& runner, const SlotView& in) {
    const float weight[] = {1, 2, 3};
    const WeightId id = runner.backend().AddVector(weight).value();
    runner.Add(NormOp{.in = in, .weight = id, .group = 64, .epsilon = 1e-5f, .out = runner.Float(64)});
  });
}

TEST(CheckWeights, AScreenOfAnotherMatrix) {
  for (const int64_t rows : {4, 5}) {
    PlanRunner runner;
    const SlotView in = runner.plan().AddSlot(Slot::Kind::kFloat, 64, Slot::Rows::kSelected);
    const SlotView out = runner.plan().AddSlot(Slot::Kind::kFloat, 5, Slot::Rows::kSelected);
    const WeightId head = runner.Dense(DType::kF32, RandomRows(5, 64, 1));
    const Result<WeightId> screen = runner.backend().AddScreen(runner.Dense(DType::kF32, RandomRows(rows, 64, 1)));
    ASSERT_TRUE(screen.ok());
    runner.Add(DenseLinearOp{.weight = head, .in = in, .out = out, .screen = *screen});
    runner.plan().output = out.slot;
    const auto program = runner.backend().Compile(std::make_shared<const Plan>(runner.plan()), runner.limits());
    EXPECT_EQ(program.ok(), rows == 5) << program.status().message();
  }
}

}  // namespace
}  // namespace sterna
