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
  plan.output = logits.slot;
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

TEST(Plan, RefusesARotationOfOtherHeadsThanTheCacheHas) {
  Plan plan = MakePlan();
  const SlotView q = plan.AddSlot(Slot::Kind::kFloat, 8), k = plan.AddSlot(Slot::Kind::kFloat, 4),
                 v = plan.AddSlot(Slot::Kind::kFloat, 4);
  plan.ops.push_back(RopeAppendOp{.layer = 0, .rope_table = 0, .head_dim = 4, .q = q, .k = k, .v = v});
  EXPECT_TRUE(CheckPlan(plan).ok());
  // Two heads of 2 are as wide as one of 4, and would write behind the cache's only head.
  std::get<RopeAppendOp>(plan.ops.back()).head_dim = 2;
  EXPECT_FALSE(CheckPlan(plan).ok());
  std::get<RopeAppendOp>(plan.ops.back()).head_dim = 0;
  EXPECT_FALSE(CheckPlan(plan).ok());
}

TEST(Plan, RefusesOperationsBetweenRowsOfTokensAndSelectedRows) {
  // A step has more tokens than selected rows: writing one kind from the other would leave the buffer.
  const Plan correct = MakePlan();
  const SlotView logits{.slot = 3, .offset = 0, .width = 16}, y{.slot = 2, .offset = 0, .width = 16};
  const SlotView quantized{.slot = 1, .offset = 0, .width = 32};
  for (const Op& op : std::vector<Op>{
           AddOp{.in = y, .out = logits}, AddOp{.in = logits, .out = y}, GatherOp{.in = logits, .out = logits},
           GatherOp{.in = y, .out = y}, EmbedOp{.table = 0, .out = logits},
           NormOp{.in = y, .weight = kNoWeight, .group = 16, .epsilon = 1, .out = logits},
           GateOp{.activation = Activation::kSilu, .gate = y, .up = logits, .out = y},
           GateOp{.activation = Activation::kSilu, .gate = y, .up = y, .out = logits},
           DenseLinearOp{.weight = 0, .in = y, .out = logits}, TernaryLinearOp{.weight = 0, .in = quantized, .out = logits},
           AttentionOp{.layer = 0, .head_dim = 4, .kv_heads = 1, .score_scale = 1, .q = logits, .out = logits}}) {
    Plan plan = correct;
    plan.ops.push_back(op);
    const Status status = CheckPlan(plan);
    EXPECT_EQ(status.code(), StatusCode::kInternal) << OpName(op);
    EXPECT_NE(status.message().find(OpName(op)), std::string_view::npos) << status.message();
  }
}

TEST(Plan, RefusesProductsThatReadFromAnUnalignedColumn) {
  Plan plan = MakePlan();
  const SlotView x{.slot = 0, .offset = 8, .width = 16}, y{.slot = 2, .offset = 0, .width = 16};
  plan.ops.push_back(DenseLinearOp{.weight = 0, .in = x, .out = y});
  EXPECT_FALSE(CheckPlan(plan).ok());
  std::get<DenseLinearOp>(plan.ops.back()).in.offset = 16;
  EXPECT_TRUE(CheckPlan(plan).ok());
}

TEST(Plan, NeedsAnOutputSlotOfSelectedRows) {
  Plan plan = MakePlan();
  plan.slots[3].kind = Slot::Kind::kQuantized;
  plan.ops.pop_back();
  EXPECT_FALSE(CheckPlan(plan).ok());
  plan = MakePlan();
  plan.output = 0;
  EXPECT_FALSE(CheckPlan(plan).ok());
  plan.output = -1;
  EXPECT_FALSE(CheckPlan(plan).ok());
}

TEST(Plan, OnlyTheProductThatGivesTheOutputCanBeScreened) {
  Plan plan = MakePlan();
  const SlotView in = plan.AddSlot(Slot::Kind::kFloat, 32, Slot::Rows::kSelected);
  const SlotView out = plan.AddSlot(Slot::Kind::kFloat, 64, Slot::Rows::kSelected);
  plan.ops.push_back(DenseLinearOp{.weight = 0, .in = in, .out = out, .screen = 1});
  EXPECT_EQ(CheckPlan(plan).code(), StatusCode::kInternal);  // the output is another slot
  plan.output = out.slot;
  EXPECT_TRUE(CheckPlan(plan).ok());
  std::get<DenseLinearOp>(plan.ops.back()).out.width = 48;
  EXPECT_FALSE(CheckPlan(plan).ok());
  std::get<DenseLinearOp>(plan.ops.back()).out.width = 64;
  plan.ops.push_back(plan.ops.back());
  EXPECT_FALSE(CheckPlan(plan).ok());  // not the last
}

}  // namespace
}  // namespace sterna
