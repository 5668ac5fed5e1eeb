#include "api/memory_limits.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sterna {
namespace {

namespace fs = std::filesystem;

class ControlGroups : public ::testing::Test {
 protected:
  void Write(const std::string& file, std::string_view text) {
    const fs::path path = root_ / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::optional<int64_t> Left(std::string_view groups) { return ControlGroupMemory(groups, root_.string()); }

  void SetUp() override { fs::remove_all(root_); }
  void TearDown() override { fs::remove_all(root_); }

  const fs::path root_ = fs::path(::testing::TempDir()) /
                         (std::string("sterna_groups_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ControlGroups, TheLimitLessWhatIsHeldIsLeft) {
  Write("app/job/memory.max", "1000000\n");
  Write("app/job/memory.current", "300000\n");
  Write("app/job/memory.stat", "anon 200000\ninactive_file 50000\nactive_file 50000\n");
  EXPECT_EQ(Left("0::/app/job\n"), 750000);
}

TEST_F(ControlGroups, AnAncestorWithLessLeftCounts) {
  Write("app/job/memory.max", "1000000\n");
  Write("app/job/memory.current", "0\n");
  Write("app/memory.max", "500000\n");
  Write("app/memory.current", "400000\n");
  EXPECT_EQ(Left("0::/app/job\n"), 100000);
  EXPECT_EQ(Left("0::/app/job/gone\n"), 100000) << "a group that this namespace does not show";
}

TEST_F(ControlGroups, AGroupThatIsFullHasNothingLeft) {
  Write("memory.max", "1000\n");
  Write("memory.current", "1200\n");
  EXPECT_EQ(Left("0::/\n"), 0);
}

TEST_F(ControlGroups, NoLimitIsNoAnswer) {
  Write("memory.max", "max\n");
  Write("memory.current", "1200\n");
  EXPECT_EQ(Left("0::/\n"), std::nullopt);
  EXPECT_EQ(Left(""), std::nullopt);
  EXPECT_EQ(Left("nonsense\n::\n"), std::nullopt);
}

TEST_F(ControlGroups, VersionOneIsReadToo) {
  Write("memory/docker/memory.limit_in_bytes", "2000\n");
  Write("memory/docker/memory.usage_in_bytes", "900\n");
  Write("memory/docker/memory.stat", "cache 100\ntotal_inactive_file 400\n");
  Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("memory/memory.usage_in_bytes", "900\n");
  EXPECT_EQ(Left("4:memory:/docker\n3:cpu:/docker\n"), 1500);
}

TEST(AvailableMemory, ThisMachineTells) {
  const auto available = ReadAvailableMemory();
  ASSERT_TRUE(available.has_value());
  EXPECT_GT(available->bytes, 0);
  EXPECT_FALSE(available->limited_by.empty());
}

}  // namespace
}  // namespace sterna
