#include "api/model_path.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

class ModelPath : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("sterna-model-path-" + std::to_string(getpid()));
    fs::create_directories(root_);
    setenv("HF_HUB_CACHE", root_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("HF_HUB_CACHE");
    fs::remove_all(root_);
  }

  void AddFile(const std::string& path) {
    const fs::path repo = root_ / "models--org--tiny";
    fs::create_directories((repo / "snapshots" / kCommit / path).parent_path());
    fs::create_directories(repo / "blobs");
    std::ofstream(repo / "blobs" / std::string(64, 'a')) << "x";
    fs::create_symlink("../../blobs/" + std::string(64, 'a'), repo / "snapshots" / kCommit / path);
    fs::create_directories(repo / "refs");
    std::ofstream(repo / "refs" / "main") << kCommit;
  }

  fs::path root_;
};

TEST_F(ModelPath, PathsAndThingsThatAreNoNamesStayAsTheyAre) {
  for (const std::string& model :
       {root_.string(), std::string("missing.gguf"), std::string("folder/missing.gguf"), std::string("tiny"),
        std::string("/no/such/folder"), std::string("a/b/c"), std::string(5000, 'a') + "/b", std::string()}) {
    const Result<std::string> found = FindModelPath(model);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_EQ(*found, model);
    EXPECT_FALSE(IsAbsentModelName(model));
  }
}

TEST_F(ModelPath, NamesAreFoundInTheCache) {
  AddFile("tiny-Q8_0.gguf");
  for (const char* name : {"org/tiny", "org/tiny:q8_0", "org/tiny:Q8_0", "org/tiny:tiny-Q8_0.gguf"}) {
    const Result<std::string> found = FindModelPath(name);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_TRUE(found->ends_with("/models--org--tiny/snapshots/" + std::string(kCommit) + "/tiny-Q8_0.gguf")) << *found;
  }
}

TEST_F(ModelPath, AbsentNamesAreToldFromPaths) {
  AddFile("tiny-Q8_0.gguf");
  for (const char* name : {"org/other", "org/tiny:I2_S", "org/other:Q8_0"}) {
    const Result<std::string> found = FindModelPath(name);
    EXPECT_EQ(found.status().code(), StatusCode::kNotFound);
    EXPECT_TRUE(IsAbsentModelName(name));
  }
  EXPECT_FALSE(IsAbsentModelName("org/tiny"));
}

}  // namespace
}  // namespace sterna
