#include "backend/cpu/layout_choice.h"

#include <gtest/gtest.h>

namespace sterna {
namespace {

constexpr TernaryLayout kTwo = TernaryLayout::kTwoBit, kFive = TernaryLayout::kFiveTrit;

TEST(LayoutChoice, AMatrixBelongsToTheNextLargerClassOrTheLast) {
  EXPECT_EQ(LayoutClass(1), 0u);
  EXPECT_EQ(LayoutClass(1024), 0u);
  EXPECT_EQ(LayoutClass(1025), 1u);
  EXPECT_EQ(LayoutClass(2560), 1u);
  EXPECT_EQ(LayoutClass(2561), 2u);
  EXPECT_EQ(LayoutClass(6912), 2u);
  EXPECT_EQ(LayoutClass(100000), 2u);
}

TEST(LayoutChoice, TakesWhatIsFasterByMoreThanNoiseInEachClass) {
  const LayoutMeasurement measured[] = {{1024, kTwo, 100},  {1024, kFive, 102}, {2560, kTwo, 100},
                                        {2560, kFive, 104}, {6912, kTwo, 100},  {6912, kFive, 60}};
  EXPECT_EQ(FastestLayouts(measured), (LayoutChoice{kTwo, kFive, kTwo}));
}

TEST(LayoutChoice, AClassThatWasNotMeasuredKeepsTwoBits) {
  EXPECT_EQ(FastestLayouts({}), AllInLayout(kTwo));
  const LayoutMeasurement measured[] = {{2560, kFive, 104}};
  EXPECT_EQ(FastestLayouts(measured), AllInLayout(kTwo));
}

TEST(LayoutChoice, MeasuresEveryLayoutThatHasAProductOfItsOwn) {
  ThreadPool pool(2);
  for (const Isa isa : AllIsas()) {
    if (!HostCpu().Contains(IsaFeatures(isa))) continue;
    const KernelSet kernels(isa);
    const bool has_choice = kernels.ternary_linear(kFive).info.isa != Isa::kRef;
    EXPECT_EQ(HasLayoutChoice(kernels), has_choice) << IsaName(isa);
    const size_t expected = has_choice ? 2 * kLayoutClassCols.size() : 0;
    const auto measured = MeasureLayouts(kernels, pool, /*codes_bytes=*/1 << 18);
    ASSERT_TRUE(measured.ok());
    EXPECT_EQ(measured->size(), expected) << IsaName(isa);
    for (const LayoutMeasurement& one : *measured) EXPECT_GT(one.gweights_per_s, 0) << one.cols;
  }
}

}  // namespace
}  // namespace sterna
