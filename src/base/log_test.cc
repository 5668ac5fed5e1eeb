#include "base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace sterna {
namespace {

std::string Logged(LogLevel threshold, LogLevel level, std::string_view message) {
  const LogLevel before = GetLogLevel();
  SetLogLevel(threshold);
  ::testing::internal::CaptureStderr();
  Log(level, message);
  std::string text = ::testing::internal::GetCapturedStderr();
  SetLogLevel(before);
  return text;
}

TEST(Log, WarnsByDefault) {
  EXPECT_EQ(GetLogLevel(), LogLevel::kWarn);
}

TEST(Log, WritesOneLineWithTheNameOfTheLevel) {
  EXPECT_EQ(Logged(LogLevel::kDebug, LogLevel::kWarn, "low on memory"), "warning: low on memory\n");
  EXPECT_EQ(Logged(LogLevel::kDebug, LogLevel::kError, ""), "error: \n");
}

TEST(Log, DropsWhatIsBelowTheLevel) {
  EXPECT_EQ(Logged(LogLevel::kWarn, LogLevel::kInfo, "hidden"), "");
  EXPECT_EQ(Logged(LogLevel::kError, LogLevel::kWarn, "hidden"), "");
  EXPECT_EQ(Logged(LogLevel::kOff, LogLevel::kError, "hidden"), "");
  EXPECT_NE(Logged(LogLevel::kInfo, LogLevel::kInfo, "shown"), "");
}

TEST(Log, TakesTheMessageAsTextNotAsAFormat) {
  EXPECT_EQ(Logged(LogLevel::kWarn, LogLevel::kError, "{} %v %s {0}"), "error: {} %v %s {0}\n");
}

}  // namespace
}  // namespace sterna
