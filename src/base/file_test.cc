#include "base/file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace sterna {
namespace {

/// Each test has a directory of its own, removed at the end.
class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string pattern = ::testing::TempDir() + "sterna_file_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~FileTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(std::string_view name) const { return fmt::format("{}/{}", directory_, name); }
  std::string Write(std::string_view name, std::string_view text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  static std::string Read(const std::string& path) { return std::move(ReadWholeFile(path, 1 << 20)).value(); }
  std::ptrdiff_t FilesInDirectory() const {
    return std::distance(std::filesystem::directory_iterator(directory_), std::filesystem::directory_iterator());
  }

  std::string directory_;
};

using MappedFileTest = FileTest;
using ReadWholeFileTest = FileTest;
using AtomicFileTest = FileTest;

TEST_F(MappedFileTest, ShowsTheBytesOfTheFile) {
  const auto file = MappedFile::Open(Write("a", std::string_view("x\0y", 3)));
  ASSERT_TRUE(file.ok());
  ASSERT_EQ((*file)->bytes().size(), 3u);
  EXPECT_EQ((*file)->bytes()[1], std::byte{0});
  EXPECT_EQ((*file)->bytes()[2], std::byte{'y'});
  EXPECT_TRUE((*file)->StillUnchanged().ok());
}

TEST_F(MappedFileTest, MapsAnEmptyFileToAnEmptyView) {
  const auto file = MappedFile::Open(Write("empty", ""));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST_F(MappedFileTest, RefusesWhatIsNotARegularFileWithoutWaiting) {
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  for (const std::string& path : {directory_, Path("fifo"), std::string("/dev/null")}) {
    const auto file = MappedFile::Open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.status().code(), StatusCode::kUnsupported);
    EXPECT_EQ(file.status().message(), fmt::format("'{}' is not a regular file", path));
  }
}

TEST_F(MappedFileTest, NamesAMissingFile) {
  const auto file = MappedFile::Open(Path("absent"));
  EXPECT_EQ(file.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(file.status().message(), fmt::format("cannot open '{}': No such file or directory", Path("absent")));
}

TEST_F(MappedFileTest, NoticesTruncationAndGrowth) {
  for (const off_t size : {5, 500}) {
    const std::string path = Write("a", "ten bytes.");
    const auto file = MappedFile::Open(path);
    ASSERT_TRUE(file.ok());
    ASSERT_EQ(truncate(path.c_str(), size), 0);
    const Status status = (*file)->StillUnchanged();
    EXPECT_EQ(status.code(), StatusCode::kMalformed);
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(fmt::format("expected 10 bytes, found {}", size)));
  }
}

TEST_F(MappedFileTest, NoticesARewriteOfTheSameSize) {
  const std::string path = Write("a", "aaaa");
  const auto file = MappedFile::Open(path);
  const auto time = std::filesystem::last_write_time(path);
  std::filesystem::last_write_time(path, time + std::chrono::seconds(1));
  EXPECT_EQ((*file)->StillUnchanged().code(), StatusCode::kMalformed);
}

TEST_F(ReadWholeFileTest, ReadsUpToTheLimitAndRefusesMore) {
  const std::string path = Write("a", "12345");
  EXPECT_EQ(*ReadWholeFile(path, 5), "12345");
  const auto refused = ReadWholeFile(path, 4);
  EXPECT_EQ(refused.status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(refused.status().message(), fmt::format("'{}' has 5 bytes; at most 4 are accepted here", path));
  EXPECT_EQ(*ReadWholeFile(Write("empty", ""), 0), "");
}

TEST_F(AtomicFileTest, ReplacesTheFileOnCommitAndLeavesNothingBeside) {
  const std::string path = Write("a", "old");
  {
    auto file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Append("new ").ok());
    ASSERT_TRUE((*file)->Append("text").ok());
    EXPECT_EQ((*file)->bytes_written(), 8u);
    EXPECT_EQ(Read(path), "old");
    ASSERT_TRUE((*file)->Commit().ok());
  }
  EXPECT_EQ(Read(path), "new text");
  EXPECT_EQ(FilesInDirectory(), 1);
}

TEST_F(AtomicFileTest, KeepsTheOldContentWhenNotCommitted) {
  const std::string path = Write("a", "old");
  {
    auto file = AtomicFile::Create(path);
    ASSERT_TRUE((*file)->Append("half of the new").ok());
  }
  EXPECT_EQ(Read(path), "old");
  EXPECT_EQ(FilesInDirectory(), 1);
}

TEST_F(AtomicFileTest, FollowsTheUmask) {
  const mode_t before = umask(027);
  auto file = AtomicFile::Create(Path("a"));
  ASSERT_TRUE((*file)->Commit().ok());
  umask(before);
  struct stat info {};
  ASSERT_EQ(stat(Path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0640u);
}

TEST_F(AtomicFileTest, FailsWhereTheDirectoryIsMissing) {
  EXPECT_EQ(AtomicFile::Create(Path("absent/a")).status().code(), StatusCode::kNotFound);
}

TEST_F(AtomicFileTest, ReportsAFailedRenameAndRemovesItsTemporary) {
  std::filesystem::create_directory(Path("target"));
  {
    auto file = AtomicFile::Create(Path("target"));
    ASSERT_TRUE((*file)->Append("x").ok());
    const Status status = (*file)->Commit();
    EXPECT_EQ(status.code(), StatusCode::kIo);
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("cannot rename to"));
  }
  EXPECT_TRUE(std::filesystem::is_directory(Path("target")));
  EXPECT_EQ(FilesInDirectory(), 1);
}

TEST_F(AtomicFileTest, ReportsAWriteThatTheSystemRefuses) {
  auto file = AtomicFile::Create(Path("a"));
  ASSERT_TRUE((*file)->Append("1234").ok());
  // A file size limit makes write fail half way, as a full disk does.
  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 6;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = (*file)->Append("5678");
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, old_handler);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("cannot write"));
  EXPECT_EQ((*file)->bytes_written(), 6u);
}

}  // namespace
}  // namespace sterna
