#include "base/cpu_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sterna {
namespace {

using ::testing::HasSubstr;

TEST(CpuFeatures, LevelsAllowTheFeaturesOfTheLevelsTheyBuildOn) {
  EXPECT_EQ(IsaFeatures(Isa::kRef), CpuFeatures{});
  for (const Isa isa : AllIsas()) EXPECT_TRUE(IsaFeatures(isa).Contains(IsaFeatures(Isa::kRef)));
  EXPECT_TRUE(IsaFeatures(Isa::kAvxVnni).Contains(IsaFeatures(Isa::kAvx2)));
  EXPECT_TRUE(IsaFeatures(Isa::kAvx512).Contains(IsaFeatures(Isa::kAvx2)));
  EXPECT_FALSE(IsaFeatures(Isa::kAvx512).Contains(IsaFeatures(Isa::kAvxVnni)));
  EXPECT_TRUE(IsaFeatures(Isa::kNeonDotprod).Contains(IsaFeatures(Isa::kNeon)));
  EXPECT_TRUE(IsaFeatures(Isa::kNeonI8mm).Contains(IsaFeatures(Isa::kNeonDotprod)));
}

TEST(CpuFeatures, ALevelOfAnotherArchitectureIsKnownAndUnsupported) {
#if defined(__aarch64__)
  const auto chosen = ChooseIsa("avx2");
#else
  const auto chosen = ChooseIsa("neon");
#endif
  ASSERT_FALSE(chosen.ok());
  EXPECT_EQ(chosen.status().code(), StatusCode::kUnsupported);
}

#if defined(__aarch64__)
TEST(CpuFeatures, EveryAArch64ProcessorHasNeon) {
  EXPECT_TRUE(HostCpu().Contains(IsaFeatures(Isa::kNeon)));
}
#endif

TEST(CpuFeatures, ChooseTakesEveryLevelOfThisMachineByName) {
  for (const Isa isa : AllIsas()) {
    const auto chosen = ChooseIsa(IsaName(isa));
    ASSERT_EQ(chosen.ok(), HostCpu().Contains(IsaFeatures(isa))) << IsaName(isa);
    if (chosen.ok()) {
      EXPECT_EQ(*chosen, isa);
    }
  }
  EXPECT_EQ(*ChooseIsa(""), HostIsa());
}

TEST(CpuFeatures, ErrorsNameTheRequestAndTheLevelsOfThisMachine) {
  std::string available;
  for (const Isa isa : AllIsas()) {
    if (HostCpu().Contains(IsaFeatures(isa))) available += (available.empty() ? "" : ", ") + std::string(IsaName(isa));
  }
  const auto unknown = ChooseIsa("AVX2");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(unknown.status().message(), HasSubstr("'AVX2'"));
  EXPECT_THAT(unknown.status().message(), HasSubstr("has: " + available));
  for (const Isa isa : AllIsas()) {
    const auto missing = ChooseIsa(IsaName(isa));
    if (missing.ok()) continue;
    EXPECT_EQ(missing.status().code(), StatusCode::kUnsupported);
    EXPECT_THAT(missing.status().message(), HasSubstr(std::string(IsaName(isa))));
    EXPECT_THAT(missing.status().message(), HasSubstr("has: " + available));
  }
}

TEST(CpuFeatures, TheHostRunsItsOwnHighestLevel) {
  EXPECT_TRUE(HostCpu().Contains(IsaFeatures(HostIsa())));
  EXPECT_FALSE(HostCpuName().empty());
}

}  // namespace
}  // namespace sterna
