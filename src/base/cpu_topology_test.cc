#include "base/cpu_topology.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace sterna {
namespace {

/// A directory like /sys/devices/system/cpu; cpu N has the sibling list siblings[N].
std::string FakeCpuDirectory(const std::string& name, const std::vector<std::string>& siblings) {
  const std::string root = fmt::format("{}sterna_{}_{}", ::testing::TempDir(), name, getpid());
  for (size_t cpu = 0; cpu < siblings.size(); ++cpu) {
    const std::string directory = fmt::format("{}/cpu{}/topology", root, cpu);
    std::filesystem::create_directories(directory);
    if (!siblings[cpu].empty()) std::ofstream(directory + "/thread_siblings_list") << siblings[cpu] << '\n';
  }
  return root;
}

TEST(CpuTopology, SmtSiblingsAreOneCore) {
  const std::string root = FakeCpuDirectory("smt", {"0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"});
  EXPECT_EQ(PhysicalCoreCount(std::vector{0, 1, 2, 3, 4, 5, 6, 7}, root), 4);
  EXPECT_EQ(PhysicalCoreCount(std::vector{0, 4, 5}, root), 2);  // a mask may hold one sibling only
  EXPECT_EQ(PhysicalCoreCount(std::vector{6}, root), 1);
  std::filesystem::remove_all(root);
}

TEST(CpuTopology, CountsProcessorsWhereTheTopologyIsMissingInPart) {
  const std::string root = FakeCpuDirectory("part", {"0-1", "0-1", ""});
  EXPECT_EQ(PhysicalCoreCount(std::vector{0, 1}, root), 1);
  EXPECT_EQ(PhysicalCoreCount(std::vector{0, 1, 2}, root), 3);
  EXPECT_EQ(PhysicalCoreCount(std::vector{0, 9}, root), 2);
  EXPECT_EQ(PhysicalCoreCount(std::vector<int>{}, root), 1);
  std::filesystem::remove_all(root);
}

TEST(CpuTopology, FollowsTheAffinityMaskOfTheThread) {
  const std::vector<int> all = AvailableCpus();
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  std::vector<int> seen;
  std::thread([&] {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(all.back(), &mask);
    if (sched_setaffinity(0, sizeof mask, &mask) == 0) seen = AvailableCpus();
  }).join();
  EXPECT_EQ(seen, std::vector{all.back()});
}

}  // namespace
}  // namespace sterna
