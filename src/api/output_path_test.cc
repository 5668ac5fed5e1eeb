#include "api/output_path.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sterna {
namespace {

namespace fs = std::filesystem;

class OutputPath : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("output_path_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Make(const char* name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return (folder_ / name).string();
  }

  fs::path folder_;
};

TEST_F(OutputPath, NewAndEmptyFilesMayBeWritten) {
  EXPECT_TRUE(CheckOutputPath((folder_ / "new").string(), false).ok());
  EXPECT_TRUE(CheckOutputPath(Make("empty", ""), false).ok());
}

TEST_F(OutputPath, ContentIsReplacedOnlyWhereAskedFor) {
  const std::string path = Make("full", "content");
  const Status status = CheckOutputPath(path, false);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("exists already (7 bytes)"), std::string_view::npos) << status.message();
  EXPECT_TRUE(CheckOutputPath(path, true).ok());
}

TEST_F(OutputPath, WhatIsNoFileIsNeverReplaced) {
  for (const std::string& path : {std::string(), std::string("/dev/null"), folder_.string()}) {
    EXPECT_EQ(CheckOutputPath(path, true).code(), StatusCode::kInvalidArgument) << path;
  }
}

TEST_F(OutputPath, MissingFolderIsNamed) {
  const Status status = CheckOutputPath((folder_ / "missing" / "file").string(), true);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_NE(status.message().find("missing' does not exist"), std::string_view::npos) << status.message();
}

}  // namespace
}  // namespace sterna
