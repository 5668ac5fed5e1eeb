#include "base/cpu_topology.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sterna {
namespace {

/// A folder like /sys/devices with the given files, removed at the end.
class FakeDevices {
 public:
  explicit FakeDevices(const std::map<std::string, std::string>& files)
      : root_(fmt::format("{}sterna_devices_{}_{}", ::testing::TempDir(), getpid(), static_cast<const void*>(this))) {
    std::filesystem::create_directories(root_);
    for (const auto& [path, text] : files) {
      const std::filesystem::path file = std::filesystem::path(root_) / path;
      std::filesystem::create_directories(file.parent_path());
      std::ofstream(file) << text << '\n';
    }
  }
  FakeDevices(const FakeDevices&) = delete;
  FakeDevices& operator=(const FakeDevices&) = delete;
  ~FakeDevices() { std::filesystem::remove_all(root_); }

  std::vector<CpuPlace> Places(const std::vector<int>& cpus) const { return ReadCpuPlaces(cpus, root_); }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

std::string Siblings(int cpu) {
  return fmt::format("system/cpu/cpu{}/topology/thread_siblings_list", cpu);
}

std::vector<int> Numbers(int count) {
  std::vector<int> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// Two sockets of four cores with two threads each, numbered as servers do: siblings are 8 apart, sockets are one node each.
std::map<std::string, std::string> TwoSockets() {
  std::map<std::string, std::string> files = {
      {"system/node/online", "0,2"}, {"system/node/node0/cpulist", "0-3,8-11"}, {"system/node/node2/cpulist", "4-7,12-15"}};
  for (int cpu = 0; cpu < 16; ++cpu) files[Siblings(cpu)] = fmt::format("{},{}", cpu % 8, cpu % 8 + 8);
  return files;
}

TEST(CpuTopology, TwoSocketsTakeTurnsAndSiblingsComeLast) {
  const FakeDevices devices(TwoSockets());
  const std::vector<CpuPlace> places = devices.Places(Numbers(16));
  EXPECT_EQ(DefaultThreadCount(places), 8);
  EXPECT_EQ(places[13].core, 5);
  EXPECT_EQ(places[13].node, 2);
  EXPECT_EQ(PlacementOrder(places), (std::vector{0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15}));
}

TEST(CpuTopology, AMaskMayHoldOneSiblingOfACoreOnly) {
  const FakeDevices devices(TwoSockets());
  EXPECT_EQ(DefaultThreadCount(devices.Places({0, 8, 9})), 2);
  EXPECT_EQ(PlacementOrder(devices.Places({0, 8, 9})), (std::vector{0, 9, 8}));
  EXPECT_EQ(PlacementOrder(devices.Places({12, 11, 10})), (std::vector{10, 12, 11}));
}

TEST(CpuTopology, SlowCoresOfAHybridProcessorAreUsedLastAndNotByDefault) {
  // Two fast cores with two threads each, then four slow ones.
  std::map<std::string, std::string> files = {{"cpu_core/cpus", "0-3"}, {"cpu_atom/cpus", "4-7"}};
  for (int cpu = 0; cpu < 8; ++cpu) {
    files[Siblings(cpu)] = cpu < 4 ? fmt::format("{}-{}", cpu / 2 * 2, cpu / 2 * 2 + 1) : fmt::format("{}", cpu);
  }
  const FakeDevices devices(files);
  const std::vector<CpuPlace> places = devices.Places(Numbers(8));
  EXPECT_EQ(DefaultThreadCount(places), 2);
  EXPECT_EQ(PlacementOrder(places), (std::vector{0, 2, 4, 5, 6, 7, 1, 3}));
  EXPECT_EQ(DefaultThreadCount(devices.Places({4, 5, 6})), 3) << "a mask of slow cores means them";
}

TEST(CpuTopology, SmallCoresAreKnownByTheirCapacity) {
  std::map<std::string, std::string> files;
  const int capacities[] = {280, 280, 280, 280, 760, 760, 760, 1024};
  for (int cpu = 0; cpu < 8; ++cpu) {
    files[fmt::format("system/cpu/cpu{}/cpu_capacity", cpu)] = std::to_string(capacities[cpu]);
    files[Siblings(cpu)] = std::to_string(cpu);
  }
  const FakeDevices devices(files);
  EXPECT_EQ(DefaultThreadCount(devices.Places(Numbers(8))), 4);
  EXPECT_EQ(PlacementOrder(devices.Places(Numbers(8))), (std::vector{4, 5, 6, 7, 0, 1, 2, 3}));
}

TEST(CpuTopology, WhatIsMissingOrBrokenMeansCoresOfTheirOwn) {
  const FakeDevices devices({{Siblings(0), "0-1"},
                             {Siblings(1), "0-1"},
                             {Siblings(2), "nonsense"},
                             {Siblings(3), ""},
                             {"system/node/online", "0-"},
                             {"cpu_atom/cpus", "x"}});
  EXPECT_EQ(DefaultThreadCount(devices.Places({0, 1})), 1);
  EXPECT_EQ(DefaultThreadCount(devices.Places({0, 1, 2, 3, 9})), 4);
  EXPECT_EQ(DefaultThreadCount(devices.Places({})), 1);
  EXPECT_EQ(PlacementOrder(devices.Places({3, 2, 1, 0})), (std::vector{0, 2, 3, 1}));
}

TEST(CpuTopology, ThisMachineHasAPlaceForEachOfItsProcessors) {
  const std::vector<int> cpus = AvailableCpus();
  const std::vector<CpuPlace> places = ReadCpuPlaces(cpus);
  std::vector<int> order = PlacementOrder(places);
  EXPECT_GE(DefaultThreadCount(places), 1);
  EXPECT_LE(DefaultThreadCount(places), static_cast<int>(cpus.size()));
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, cpus);
}

TEST(CpuList, ReadsNumbersAndRanges) {
  for (const auto& [text, cpus] : std::vector<std::pair<std::string, std::vector<int>>>{
           {"0", {0}}, {"0-3,8", {0, 1, 2, 3, 8}}, {"8,0-1", {0, 1, 8}}, {"2,2,1-2", {1, 2}}, {"65535", {65535}}}) {
    const Result<std::vector<int>> found = ParseCpuList(text);
    ASSERT_TRUE(found.ok()) << text;
    EXPECT_EQ(*found, cpus) << text;
  }
  for (const std::string_view text :
       {"", ",", "1,", "-1", "1-", "3-1", "a", "0x3", "1 2", "65536", "0-65535,0-65535", "99999999999999999999", "1-2-3"}) {
    EXPECT_EQ(ParseCpuList(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(CpuMask, ReadsHexadecimalDigits) {
  for (const auto& [text, cpus] : std::vector<std::pair<std::string, std::vector<int>>>{
           {"1", {0}}, {"0x10F", {0, 1, 2, 3, 8}}, {"10f", {0, 1, 2, 3, 8}}, {"0X8000000000000000", {63}}}) {
    const Result<std::vector<int>> found = ParseCpuMask(text);
    ASSERT_TRUE(found.ok()) << text;
    EXPECT_EQ(*found, cpus) << text;
  }
  EXPECT_EQ(ParseCpuMask("1" + std::string(16, '0')).value(), std::vector{64});
  for (const std::string& text : {std::string(), std::string("0x"), std::string("0"), std::string("000"), std::string("0xg"),
                                  std::string("-1"), std::string("1,2"), std::string(20000, 'f')}) {
    EXPECT_EQ(ParseCpuMask(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(PlaceThreads, FollowsTheWish) {
  const std::vector<int> cpus = AvailableCpus();
  const FakeDevices nothing(std::map<std::string, std::string>{});
  const ThreadPoolOptions free = PlaceThreads({.threads = 0, .cpus = {}, .is_pinned = false}, nothing.root()).value();
  EXPECT_EQ(free.threads, static_cast<int>(cpus.size()));
  EXPECT_TRUE(free.cpus.empty()) << "the threads stay where the system puts them";
  const ThreadPoolOptions pinned = PlaceThreads({.threads = 5, .cpus = {}, .is_pinned = true}, nothing.root()).value();
  EXPECT_EQ(pinned.threads, 5);
  EXPECT_EQ(pinned.cpus, cpus);
  const ThreadPoolOptions chosen = PlaceThreads({.threads = 0, .cpus = {cpus.back()}, .is_pinned = false}, nothing.root()).value();
  EXPECT_EQ(chosen.threads, 1);
  EXPECT_EQ(chosen.cpus, std::vector{cpus.back()});
}

TEST(PlaceThreads, NamesProcessorsThatMayNotBeUsed) {
  const std::vector<int> cpus = AvailableCpus();
  const Status status = PlaceThreads({.threads = 2, .cpus = {cpus.front(), 60001, 60002}, .is_pinned = false}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("processor 60001, 60002: "), std::string_view::npos) << status.message();
  for (const int threads : {-1, 1025}) {
    EXPECT_EQ(PlaceThreads({.threads = threads, .cpus = {}, .is_pinned = false}).status().code(), StatusCode::kInvalidArgument);
  }
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
