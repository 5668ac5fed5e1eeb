#include "kernels/self_test/self_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace sterna {
namespace {

SelfTestStatus StatusOf(const std::vector<SelfTestResult>& results, std::string_view name) {
  const auto found =
      std::find_if(results.begin(), results.end(), [&](const SelfTestResult& result) { return result.name == name; });
  EXPECT_NE(found, results.end()) << name;
  return found == results.end() ? SelfTestStatus::kNotSupported : found->status;
}

TEST(SelfTest, EveryVariantThisProcessorCanRunPasses) {
  std::set<std::string> families;
  for (const SelfTestResult& result : RunKernelSelfTest()) {
    families.insert(result.family);
    const bool can_run = HostCpu().Contains(IsaFeatures(result.isa));
    EXPECT_EQ(result.status, can_run ? SelfTestStatus::kPassed : SelfTestStatus::kNotSupported)
        << result.family << ' ' << result.name;
  }
  EXPECT_EQ(families.size(), 20u);
}

TEST(SelfTest, RunsNothingTheProcessorLacks) {
  for (const SelfTestResult& result : RunKernelSelfTest(AllKernelLists(), CpuFeatures{})) {
    EXPECT_EQ(result.status, result.isa == Isa::kRef ? SelfTestStatus::kPassed : SelfTestStatus::kNotSupported) << result.name;
  }
}

/// The reference, except that one product is off by one unit in the last place.
void WrongGate(const GateArgs& args) noexcept {
  GateKernels().front().function(args);
  if (args.n > 100) args.y[100] = std::nextafter(args.y[100], 1e30f);
}

TEST(SelfTest, FindsOneWrongBitInAVariant) {
  const Kernel<GateFunction> gates[] = {GateKernels().front(), {{"gate_wrong", Isa::kRef}, WrongGate}};
  KernelLists lists = AllKernelLists();
  lists.gate = gates;
  const auto results = RunKernelSelfTest(lists, HostCpu());
  EXPECT_EQ(StatusOf(results, gates[0].info.name), SelfTestStatus::kPassed);
  EXPECT_EQ(StatusOf(results, "gate_wrong"), SelfTestStatus::kFailed);
}

TEST(SelfTest, FindsAWrongReference) {
  const Kernel<GateFunction> gates[] = {{{"gate_wrong", Isa::kRef}, WrongGate}};
  KernelLists lists = AllKernelLists();
  lists.gate = gates;
  EXPECT_EQ(StatusOf(RunKernelSelfTest(lists, HostCpu()), "gate_wrong"), SelfTestStatus::kFailed);
}

/// Forgets the sign of the last token's sums.
void WrongTernary(const TernaryLinearArgs& args) noexcept {
  TernaryLinearKernels().front().function(args);
  if (args.tokens == 7) args.y[6 * args.y_stride + args.row_begin] *= -1;
}

TEST(SelfTest, FindsAMistakeThatOnlyExtremeValuesShow) {
  const Kernel<TernaryLinearFunction> products[] = {TernaryLinearKernels().front(), {{"ternary_wrong", Isa::kRef}, WrongTernary}};
  KernelLists lists = AllKernelLists();
  lists.ternary_linear = {{&LayoutInfo(TernaryLayout::kTwoBit), products}};
  EXPECT_EQ(StatusOf(RunKernelSelfTest(lists, HostCpu()), "ternary_wrong"), SelfTestStatus::kFailed);
}

/// Writes one float behind the rows it was asked for.
void OverlongDense(const DenseLinearArgs& args) noexcept {
  DenseLinearKernels(DType::kF32).front().function(args);
  args.y[args.row_end] = 1;
}

TEST(SelfTest, FindsAWriteBehindTheOutputRows) {
  const Kernel<DenseLinearFunction> products[] = {DenseLinearKernels(DType::kF32).front(),
                                                  {{"dense_overlong", Isa::kRef}, OverlongDense}};
  KernelLists lists = AllKernelLists();
  lists.dense_linear = {{DType::kF32, products}};
  EXPECT_EQ(StatusOf(RunKernelSelfTest(lists, HostCpu()), "dense_overlong"), SelfTestStatus::kFailed);
}

TEST(SelfTest, AWrongKernelIsRefusedAndTheNextOneTested) {
  const Kernel<GateFunction> gates[] = {
      GateKernels().front(), {{"gate_right", Isa::kRef}, GateKernels().front().function}, {{"gate_wrong", Isa::kRef}, WrongGate}};
  KernelLists lists = AllKernelLists();
  lists.gate = gates;
  const std::vector<RefusedKernel> refused = FindFailingKernels(lists, Isa::kRef);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].family, "gate");
  EXPECT_EQ(refused[0].name, "gate_wrong");
  EXPECT_EQ(refused[0].replacement, "gate_right");
  EXPECT_EQ(SelectKernel(lists.gate, Isa::kRef, refused).function, gates[1].function);
}

TEST(SelfTest, AReferenceThatFailsStaysForWantOfAnother) {
  const Kernel<GateFunction> gates[] = {{{"gate_wrong", Isa::kRef}, WrongGate}};
  KernelLists lists = AllKernelLists();
  lists.gate = gates;
  const std::vector<RefusedKernel> refused = FindFailingKernels(lists, Isa::kRef);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].replacement, "");
  EXPECT_EQ(SelectKernel(lists.gate, Isa::kRef, refused).function, &WrongGate);
}

TEST(SelfTest, NoChosenKernelOfThisProcessorFails) {
  for (const Isa isa : AllIsas()) {
    if (HostCpu().Contains(IsaFeatures(isa))) {
      EXPECT_TRUE(FindFailingKernels(AllKernelLists(), isa).empty()) << IsaName(isa);
    }
  }
}

}  // namespace
}  // namespace sterna
