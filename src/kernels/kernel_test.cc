#include "kernels/kernel.h"

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>

#include "kernels/attention/attention.h"
#include "kernels/gate/gate.h"
#include "kernels/norm/rms_norm.h"
#include "kernels/rope/rope.h"

namespace sterna {
namespace {

template <class Function>
void ExpectWellFormed(std::span<const Kernel<Function>> list) {
  ASSERT_FALSE(list.empty());
  EXPECT_EQ(list.front().info.isa, Isa::kRef);
  std::set<std::string> names;
  for (const auto& kernel : list) {
    names.insert(kernel.info.name);
    EXPECT_NE(kernel.function, nullptr);
    EXPECT_TRUE(std::string(kernel.info.name).ends_with(IsaName(kernel.info.isa))) << kernel.info.name;
  }
  EXPECT_EQ(names.size(), list.size());
  for (const Isa limit : AllIsas()) {
    EXPECT_TRUE(IsaFeatures(limit).Contains(IsaFeatures(SelectKernel(list, limit).info.isa)));
  }
  EXPECT_EQ(&SelectKernel(list, Isa::kRef), &list.front());
}

TEST(Kernel, FloatListsStartWithTheReferenceAndNameTheirLevels) {
  ExpectWellFormed(RmsNormKernels());
  ExpectWellFormed(RopeKernels());
  ExpectWellFormed(AttentionKernels());
  ExpectWellFormed(GateKernels());
}

TEST(Kernel, SelectionTakesTheLastVariantTheLimitAllows) {
  constexpr Kernel<int> kList[] = {{{"x_ref", Isa::kRef}, 1}, {{"x_avx2", Isa::kAvx2}, 2}, {{"x_avx512", Isa::kAvx512}, 3}};
  const std::span<const Kernel<int>> list = kList;
  EXPECT_EQ(SelectKernel(list, Isa::kRef).function, 1);
  EXPECT_EQ(SelectKernel(list, Isa::kAvx2).function, 2);
  EXPECT_EQ(SelectKernel(list, Isa::kAvxVnni).function, 2);
  EXPECT_EQ(SelectKernel(list, Isa::kAvx512).function, 3);
}

}  // namespace
}  // namespace sterna
