#include "api/layout_tuning.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/cpu_topology.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

class LayoutTuningTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasLayoutChoice(KernelSet(HostIsa()))) GTEST_SKIP() << "this processor has a fast product for one layout only";
  }
  ~LayoutTuningTest() override { fs::remove_all(folder_); }

  LayoutTuning Tune(TuneMode mode, int threads = 1) const {
    auto tuning = TuneLayouts({.threads = threads, .isa = HostIsa()}, folder_, mode);
    EXPECT_TRUE(tuning.ok()) << tuning.status().message();
    return *std::move(tuning);
  }
  static std::string Read(const std::string& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static void Write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

  std::string folder_ = ::testing::TempDir() + "layout_tuning_" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(LayoutTuningTest, IsMeasuredOnceAndThenRead) {
  EXPECT_TRUE(Tune(TuneMode::kReadOnly).measurements.empty());
  const LayoutTuning first = Tune(TuneMode::kWhereUnknown);
  ASSERT_FALSE(first.measurements.empty());
  ASSERT_TRUE(fs::exists(first.file));
  const std::string written = Read(first.file);
  const LayoutTuning again = Tune(TuneMode::kWhereUnknown), shown = Tune(TuneMode::kReadOnly);
  EXPECT_EQ(Read(first.file), written);
  ASSERT_EQ(again.measurements.size(), first.measurements.size());
  ASSERT_EQ(shown.measurements.size(), first.measurements.size());
  for (size_t i = 0; i < again.measurements.size(); ++i) {
    EXPECT_EQ(again.measurements[i].layout, first.measurements[i].layout);
    EXPECT_NEAR(again.measurements[i].gweights_per_s, first.measurements[i].gweights_per_s, 1e-3);
  }
}

TEST_F(LayoutTuningTest, EveryThreadCountHasItsOwnFile) {
  EXPECT_NE(Tune(TuneMode::kWhereUnknown, 1).file, Tune(TuneMode::kWhereUnknown, 2).file);
  EXPECT_EQ(Tune(TuneMode::kReadOnly, 0).file,
            Tune(TuneMode::kReadOnly, PlaceThreads({.threads = 0, .cpus = {}, .is_pinned = false}).value().threads).file);
}

TEST_F(LayoutTuningTest, ADamagedOrForeignFileIsMeasuredAgain) {
  const LayoutTuning first = Tune(TuneMode::kWhereUnknown);
  const std::string good = Read(first.file);
  const size_t second_line = good.find('\n') + 1, third_line = good.find('\n', second_line) + 1;
  const std::string head = good.substr(0, third_line);
  for (const std::string& bad :
       {std::string(), std::string("sterna"), good.substr(second_line), head, head + "1024 two_bit", head + "1024 two_bit nan\n",
        head + "1024 two_bit -3\n", head + "1024 ten_trit 3\n", head + "7 two_bit 3\n", head + "1024 two_bit 3 4\n",
        head + std::string(100, '\0'), good.substr(0, second_line) + "another machine\n" + good.substr(third_line)}) {
    Write(first.file, bad);
    EXPECT_TRUE(Tune(TuneMode::kReadOnly).measurements.empty()) << bad;
  }
  EXPECT_EQ(Tune(TuneMode::kWhereUnknown).measurements.size(), first.measurements.size());
  EXPECT_EQ(Tune(TuneMode::kReadOnly).measurements.size(), first.measurements.size());
}

TEST(LayoutTuning, WithoutAChoiceNothingIsMeasuredOrKept) {
  const std::string folder = ::testing::TempDir() + "layout_tuning_reference";
  const auto tuning = TuneLayouts({.threads = 1, .isa = Isa::kRef}, folder, TuneMode::kAlways);
  ASSERT_TRUE(tuning.ok());
  EXPECT_TRUE(tuning->measurements.empty());
  EXPECT_EQ(tuning->file, "");
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(LayoutTuningTest, AFolderThatCannotBeWrittenIsNoError) {
  auto tuning = TuneLayouts({.threads = 1, .isa = HostIsa()}, "/proc/sterna", TuneMode::kWhereUnknown);
  ASSERT_TRUE(tuning.ok());
  EXPECT_FALSE(tuning->measurements.empty());
  EXPECT_EQ(tuning->file, "");
}

}  // namespace
}  // namespace sterna
