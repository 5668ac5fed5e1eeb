#include "backend/plan.h"

#include <gtest/gtest.h>

namespace sterna {
namespace {

/// A plan of one product and its head, correct as it is.
Plan MakePlan() {
  Plan plan;
  plan.kv = {.layers = 1, .kv_heads = 1, .head_dim = 4};
  const SlotView x = plan.AddSlot(Slot::Kind::kFloat, 32);
  const SlotView q = plan.AddSlot(Slot::Kind::kQuantized, 32);
  const SlotView y = plan.AddSlot(Slot::Kind::kFloat, 16);
  const SlotView logits = plan.AddSlot(Slot::Kind::kFloat, 16, Slot::Rows::kSelected);
  plan.ops = {QuantizeOp{.in = x, .out = q}, TernaryLinearOp{.weight = 0, .in = q, .out = y}, GatherOp{.in = y, .out = logits}};
  plan.logits = logits.slot;
  return plan;
}

TEST(Plan, ACorrectPlanPasses) {
  EXPECT_TRUE(CheckPlan(MakePlan()).ok());
}

TEST(Plan, NamesTheOperationThatBreaksARule) {
  Plan plan = MakePlan();
  std::get<QuantizeOp>(plan.ops[0]).in.width = 31;
  const Status status = CheckPlan(plan);
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.message(), "plan operation 0 (quantize): widths 31 and 32 differ");
}

TEST(Plan, RefusesViewsOutsideTheirSlot) {
  for (const SlotView bad : {SlotView{.slot = 7, .offset = 0, .width = 16}, SlotView{.slot = -1, .offset = 0, .width = 16},
                             SlotView{.slot = 2, .offset = 1, .width = 16}, SlotView{.slot = 2, .offset = -1, .width = 16},
                             SlotView{.slot = 2, .offset = 0, .width = 0}}) {
    Plan plan = MakePlan();
    std::get<TernaryLinearOp>(plan.ops[1]).out = bad;
    EXPECT_FALSE(CheckPlan(plan).ok()) << bad.slot << ' ' << bad.offset << ' ' << bad.width;
  }
}

TEST(Plan, RefusesTheWrongKindOfSlot) {
  Plan plan = MakePlan();
  std::get<TernaryLinearOp>(plan.ops[1]).in = {.slot = 0, .offset = 0, .width = 32};
  EXPECT_FALSE(CheckPlan(plan).ok());
}

TEST(Plan, RefusesHeadsThatDoNotMatchTheCache) {
  Plan plan = MakePlan();
  const SlotView wide = plan.AddSlot(Slot::Kind::kFloat, 16);
  plan.ops.push_back(AttentionOp{.layer = 0, .head_dim = 8, .kv_heads = 1, .score_scale = 1, .q = wide, .out = wide});
  EXPECT_FALSE(CheckPlan(plan).ok());
  std::get<AttentionOp>(plan.ops.back()).head_dim = 4;
  EXPECT_TRUE(CheckPlan(plan).ok());
  std::get<AttentionOp>(plan.ops.back()).layer = 1;
  EXPECT_FALSE(CheckPlan(plan).ok());
}

TEST(Plan, NeedsALogitsSlotOfSelectedRows) {
  Plan plan = MakePlan();
  plan.logits = 0;
  EXPECT_FALSE(CheckPlan(plan).ok());
  plan.logits = -1;
  EXPECT_FALSE(CheckPlan(plan).ok());
}

}  // namespace
}  // namespace sterna
