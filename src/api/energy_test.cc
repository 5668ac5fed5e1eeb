#include "api/energy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sterna {
namespace {

namespace fs = std::filesystem;

/// A directory like /sys/class/powercap.
class EnergyTest : public testing::Test {
 protected:
  EnergyTest() : root_(testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name()) {}
  ~EnergyTest() override { fs::remove_all(root_); }

  void Write(const std::string& zone, const std::string& file, const std::string& text) {
    fs::create_directories(root_ + "/" + zone);
    std::ofstream(root_ + "/" + zone + "/" + file) << text << '\n';
  }
  void WriteZone(const std::string& zone, const std::string& name, const std::string& energy) {
    Write(zone, "name", name);
    Write(zone, "energy_uj", energy);
    Write(zone, "max_energy_range_uj", "10000000");
  }

  std::string root_;
};

TEST_F(EnergyTest, AddsPackagesAndLeavesOutTheirParts) {
  WriteZone("intel-rapl:0", "package-0", "1000000");
  WriteZone("intel-rapl:0:0", "core", "1000000");
  WriteZone("intel-rapl:1", "package-1", "2000000");
  WriteZone("intel-rapl:2", "psys", "0");
  auto meter = EnergyMeter::Open(root_);
  ASSERT_TRUE(meter.ok()) << meter.status().message();
  WriteZone("intel-rapl:0", "package-0", "1500000");
  WriteZone("intel-rapl:0:0", "core", "9000000");
  WriteZone("intel-rapl:1", "package-1", "4000000");
  WriteZone("intel-rapl:2", "psys", "9000000");
  EXPECT_DOUBLE_EQ(*meter->JoulesSinceLast(), 2.5);
  EXPECT_DOUBLE_EQ(*meter->JoulesSinceLast(), 0);
}

TEST_F(EnergyTest, GoesOnWhereACounterWrapsAround) {
  WriteZone("intel-rapl:0", "package-0", "9000000");
  auto meter = EnergyMeter::Open(root_);
  ASSERT_TRUE(meter.ok());
  WriteZone("intel-rapl:0", "package-0", "500000");
  EXPECT_DOUBLE_EQ(*meter->JoulesSinceLast(), 1.5);
}

TEST_F(EnergyTest, SaysWhyThereIsNoCounter) {
  const auto none = EnergyMeter::Open(root_);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.status().message().find(root_), std::string::npos);
  Write("intel-rapl:0", "name", "package-0");
  const auto unreadable = EnergyMeter::Open(root_);
  ASSERT_FALSE(unreadable.ok());
  EXPECT_NE(unreadable.status().message().find("energy_uj"), std::string::npos);
  WriteZone("intel-rapl:0", "package-0", "many");
  EXPECT_EQ(EnergyMeter::Open(root_).status().code(), StatusCode::kMalformed);
}

}  // namespace
}  // namespace sterna
