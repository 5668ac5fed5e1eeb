#include "base/memory_pressure.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sterna {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

/// A folder that looks like / to ReadMemoryHeadroom, removed at the end.
class FakeSystem {
 public:
  using Files = std::map<std::string, std::string>;
  explicit FakeSystem(const Files& files)
      : root_(fmt::format("{}sterna_memory_{}_{}", ::testing::TempDir(), getpid(), static_cast<const void*>(this))) {
    for (const auto& [path, text] : files) Write(path, text);
  }
  FakeSystem(const FakeSystem&) = delete;
  FakeSystem& operator=(const FakeSystem&) = delete;
  ~FakeSystem() { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

const std::string kMachine = "MemTotal:       8388608 kB\nMemFree:         1048576 kB\nMemAvailable:    4194304 kB";

TEST(MemoryHeadroom, IsTheMachinesWithoutAGroup) {
  const FakeSystem system(FakeSystem::Files{{"/proc/meminfo", kMachine}});
  const MemoryHeadroom headroom = ReadMemoryHeadroom(system.root());
  EXPECT_EQ(headroom.limit_bytes, 8192 * kMiB);
  EXPECT_EQ(headroom.available_bytes, 4096 * kMiB);
  EXPECT_FALSE(headroom.is_control_group);
}

TEST(MemoryHeadroom, IsTheNarrowestGroupOfVersion2) {
  const FakeSystem system(
      {{"/proc/meminfo", kMachine},
       {"/proc/self/cgroup", "0::/outer/inner"},
       {"/sys/fs/cgroup/outer/inner/memory.max", "max"},
       {"/sys/fs/cgroup/outer/inner/memory.current", "1048576"},
       {"/sys/fs/cgroup/outer/memory.max", std::to_string(1024 * kMiB)},
       {"/sys/fs/cgroup/outer/memory.current", std::to_string(900 * kMiB)},
       {"/sys/fs/cgroup/outer/memory.stat", fmt::format("anon 5\ninactive_file {}\nactive_file 7", 300 * kMiB)}});
  const MemoryHeadroom headroom = ReadMemoryHeadroom(system.root());
  EXPECT_EQ(headroom.limit_bytes, 1024 * kMiB);
  EXPECT_EQ(headroom.available_bytes, (1024 - 900 + 300) * kMiB);
  EXPECT_TRUE(headroom.is_control_group);
}

TEST(MemoryHeadroom, KnowsVersion1AndItsNumberForNoLimit) {
  const FakeSystem system({{"/proc/meminfo", kMachine},
                           {"/proc/self/cgroup", "9:name=systemd:/\n4:memory:/box\n1:cpu:/"},
                           {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"},
                           {"/sys/fs/cgroup/memory/memory.usage_in_bytes", std::to_string(3000 * kMiB)},
                           {"/sys/fs/cgroup/memory/box/memory.limit_in_bytes", std::to_string(512 * kMiB)},
                           {"/sys/fs/cgroup/memory/box/memory.usage_in_bytes", std::to_string(500 * kMiB)},
                           {"/sys/fs/cgroup/memory/box/memory.stat", "total_inactive_file 0"}});
  const MemoryHeadroom headroom = ReadMemoryHeadroom(system.root());
  EXPECT_EQ(headroom.limit_bytes, 512 * kMiB);
  EXPECT_EQ(headroom.available_bytes, 12 * kMiB);
  EXPECT_TRUE(headroom.is_control_group);
}

TEST(MemoryHeadroom, NonsenseMeansNoLimit) {
  const FakeSystem system({{"/proc/meminfo", "MemTotal: x kB"},
                           {"/proc/self/cgroup", "\n:\n0:\n0::relative\n0::/a"},
                           {"/sys/fs/cgroup/a/memory.max", "-5"},
                           {"/sys/fs/cgroup/a/memory.current", "lots"}});
  const MemoryHeadroom headroom = ReadMemoryHeadroom(system.root());
  EXPECT_EQ(headroom.limit_bytes, 0);
  EXPECT_EQ(headroom.available_bytes, 0);
}

TEST(MemoryHeadroom, OfThisMachineIsConsistent) {
  const MemoryHeadroom headroom = ReadMemoryHeadroom();
  EXPECT_GT(headroom.limit_bytes, 0);
  EXPECT_GE(headroom.available_bytes, 0);
  EXPECT_LE(headroom.available_bytes, headroom.limit_bytes);
}

TEST(MemoryField, ReadsTheNamedFieldOnly) {
  constexpr std::string_view kText = "MemTotal:       24689736 kB\nMemFree:\t12 kB\nMemTotalX: 1 kB\nVmHWM:\t    1024 kB";
  EXPECT_EQ(MemoryField(kText, "MemTotal"), 24689736 * int64_t{1024});
  EXPECT_EQ(MemoryField(kText, "MemFree"), 12 * 1024);
  EXPECT_EQ(MemoryField(kText, "VmHWM"), 1024 * 1024);
  EXPECT_EQ(MemoryField(kText, "Mem"), std::nullopt);
  EXPECT_EQ(MemoryField(kText, "SwapTotal"), std::nullopt);
}

TEST(MemoryField, RefusesWhatIsNoSize) {
  for (const std::string_view line : {"", "A", "A:", "A: ", "A: x kB", "A: 12", "A: 12 MB", "A: -1 kB",
                                      "A: 99999999999999999999 kB", "A: 9223372036854775807 kB"}) {
    EXPECT_EQ(MemoryField(line, "A"), std::nullopt) << line;
  }
}

TEST(MemoryPressure, CallsTheCachesOnlyWhenLittleIsLeft) {
  const FakeSystem system({{"/proc/meminfo", kMachine},
                           {"/proc/self/cgroup", "0::/box"},
                           {"/sys/fs/cgroup/box/memory.max", std::to_string(1000 * kMiB)},
                           {"/sys/fs/cgroup/box/memory.current", std::to_string(900 * kMiB)}});
  MemoryPressure pressure({.interval_s = 0, .root = system.root()});
  int calls = 0;
  const int64_t number = pressure.Add([&] {
    ++calls;
    return 7;
  });
  pressure.Add([] { return 5; });
  EXPECT_EQ(pressure.Poll(), 0);
  EXPECT_EQ(calls, 0);
  system.Write("/sys/fs/cgroup/box/memory.current", std::to_string(960 * kMiB));
  EXPECT_EQ(pressure.Poll(), 12);
  EXPECT_EQ(calls, 1);
  pressure.Remove(number);
  EXPECT_EQ(pressure.Poll(), 5);
  EXPECT_EQ(calls, 1);
}

TEST(MemoryPressure, AsksTheSystemNoMoreOftenThanTheInterval) {
  const FakeSystem system(FakeSystem::Files{{"/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 1 kB"}});
  MemoryPressure pressure({.interval_s = 3600, .root = system.root()});
  int calls = 0;
  pressure.Add([&] { return ++calls; });
  for (int i = 0; i < 5; ++i) pressure.Poll();
  EXPECT_EQ(calls, 1);
}

TEST(MemoryPressure, TheLineIsATwentiethWithinBounds) {
  EXPECT_EQ(MemoryPressure::LowBytes(100 * kMiB), 32 * kMiB);
  EXPECT_EQ(MemoryPressure::LowBytes(2000 * kMiB), 100 * kMiB);
  EXPECT_EQ(MemoryPressure::LowBytes(int64_t{1} << 40), 512 * kMiB);
}

}  // namespace
}  // namespace sterna
