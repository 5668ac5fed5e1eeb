#include "api/machine_report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/machine_limits.h"

namespace sterna {
namespace {

TEST(MachineReport, ShowsEveryLevelAndTheChosenOne) {
  const auto report = InspectMachine({});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->chosen_isa, HostIsa());
  EXPECT_EQ(report->supported_isas.front(), Isa::kRef);
  EXPECT_NE(std::find(report->supported_isas.begin(), report->supported_isas.end(), HostIsa()), report->supported_isas.end());
  EXPECT_GE(report->logical_cpus, report->physical_cores);
  EXPECT_FALSE(report->cpu.empty());
  EXPECT_FALSE(report->huge_pages.empty());
  EXPECT_FALSE(report->self_test.empty());
  for (const SelfTestResult& result : report->self_test) EXPECT_NE(result.status, SelfTestStatus::kFailed) << result.name;
}

TEST(MachineReport, NamesTheKernelsOfAForcedLevel) {
  const auto report = InspectMachine({.isa = "ref"});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->chosen_isa, Isa::kRef);
  EXPECT_FALSE(report->chosen_kernels.empty());
  for (const auto& chosen : report->chosen_kernels)
    EXPECT_EQ(chosen.second.substr(chosen.second.size() - 4), "_ref") << chosen.second;
  EXPECT_EQ(InspectMachine({.isa = "avx9"}).status().code(), StatusCode::kInvalidArgument);
}

TEST(MachineLimits, AreMeasuredAtEveryLevelThisMachineHas) {
  for (const Isa isa : AllIsas()) {
    if (!HostCpu().Contains(IsaFeatures(isa))) continue;
    const auto limits = MeasureMachineLimits(ThreadPoolOptions(), isa);
    ASSERT_TRUE(limits.ok()) << limits.status().message();
    EXPECT_GT(limits->read_gb_per_s, 0);
    EXPECT_GT(limits->int8_gmac_per_s, 0);
    EXPECT_GT(limits->read_buffer_bytes, 0);
  }
}

}  // namespace
}  // namespace sterna
