// What servers answer: headers, lists of files; and what is kept of it: digests, files in parts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "hub/digest.h"
#include "hub/file_lock.h"
#include "hub/hub_connection.h"
#include "hub/listing.h"
#include "hub/partial_file.h"
#include "hub/response_headers.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(ContentRange, OnlyOneForm) {
  const auto range = ParseContentRange("bytes 5-9/100");
  ASSERT_TRUE(range.ok());
  EXPECT_EQ((std::array{range->first, range->last, range->size}), (std::array<uint64_t, 3>{5, 9, 100}));
  for (const char* bad :
       {"", "bytes", "bytes 5-9", "bytes 5-9/*", "bytes */100", "bytes 9-5/100", "bytes 5-100/100", "bytes 5-9/100 ",
        "bytes -5-9/100", "bytes 5-9/18446744073709551616", "bytes 5-9/9223372036854775808", "items 5-9/100", "bytes 0x5-9/100"}) {
    EXPECT_FALSE(ParseContentRange(bad).ok()) << bad;
  }
}

TEST(Headers, ContradictionsAndExcessAreRefused) {
  ResponseHeaders headers;
  ASSERT_TRUE(headers.AddLine("ETag: \"abc\"\r\n").ok());
  ASSERT_TRUE(headers.AddLine("etag:\"abc\"").ok());
  EXPECT_EQ(**headers.Find("ETAG"), "\"abc\"");
  ASSERT_TRUE(headers.AddLine("ETag: \"other\"").ok());
  EXPECT_FALSE(headers.Find("ETag").ok());
  EXPECT_FALSE((*headers.Find("absent")).has_value());
  Status status;
  for (int i = 0; i < 300 && status.ok(); ++i) status = headers.Add("a", "b");
  EXPECT_EQ(status.code(), StatusCode::kMalformed);
}

TEST(Headers, Values) {
  EXPECT_EQ(EtagValue("W/\"abc\""), "abc");
  EXPECT_EQ(EtagValue("abc"), "abc");
  EXPECT_EQ(NextPage("<https://a/1>; rel=\"prev\", <https://a/2>; rel=\"next\""), "https://a/2");
  EXPECT_FALSE(NextPage("<https://a/1>; rel=\"prev\"").has_value());
  EXPECT_FALSE(NextPage("<https://a/1").has_value());
  EXPECT_EQ(RetryAfterSeconds(" 120 "), 120);
  EXPECT_FALSE(RetryAfterSeconds("Wed, 21 Oct 2015 07:28:00 GMT").has_value());
  EXPECT_FALSE(ParseByteCount("x", "-1").ok());
}

TEST(Listing, NamesSizesAndHashesOfBothKinds) {
  std::vector<RepoFile> files;
  const std::string json = R"([{"type": "directory", "path": "d"},
    {"type": "file", "path": "d/b", "size": 3, "oid": ")" +
                           std::string(40, 'a') + R"("},
    {"type": "file", "path": "a", "size": 5, "oid": "x", "lfs": {"oid": ")" +
                           std::string(64, 'b') + R"(", "size": 5}}])";
  ASSERT_TRUE(ParseTreePage(json, &files).ok()) << ParseTreePage(json, &files).message();
  ASSERT_TRUE(FinishListing(&files).ok());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].path + files[0].blob, "a" + std::string(64, 'b'));
  EXPECT_EQ(files[1].path + files[1].blob, "d/b" + std::string(40, 'a'));
}

TEST(Listing, DeepJsonIsRefused) {
  std::vector<RepoFile> files;
  for (const size_t depth : {size_t{17}, size_t{1000}, size_t{1'000'000}}) {
    EXPECT_FALSE(ParseTreePage(std::string(depth, '[') + std::string(depth, ']'), &files).ok());
    EXPECT_FALSE(ParseRevision(std::string(depth, '[')).ok());
  }
  EXPECT_EQ(ErrorTextOf(R"({"error": "line\nbreak"})"), "line?break");
  EXPECT_EQ(ErrorTextOf("<html>"), "");
}

TEST(Digest, KnownAnswers) {
  const auto hash = [](DigestKind kind, std::string_view text) {
    Result<Digest> digest = Digest::Start(kind, text.size());
    EXPECT_TRUE(digest.ok() && digest->Update(Bytes(text)).ok());
    return *digest->Finish();
  };
  // FIPS 180-4's example, and what `git hash-object` prints for an empty file and for "hello\n".
  EXPECT_EQ(hash(DigestKind::kSha256, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash(DigestKind::kGitBlob, ""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(hash(DigestKind::kGitBlob, "hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_FALSE(DigestKindOf(std::string(64, 'A')).ok());
  EXPECT_FALSE(DigestKindOf("../../x").ok());
}

class Partial : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sterna-partial-" + std::to_string(getpid()));
    fs::create_directories(folder_);
    path_ = (folder_ / "x.incomplete").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
  std::string path_;
};

TEST_F(Partial, RemembersEachPart) {
  {
    const auto file = PartialFile::Open(path_, 10, 4);
    ASSERT_TRUE(file.ok());
    ASSERT_EQ((*file)->parts(), 3u);
    EXPECT_TRUE((*file)->Append(1, Bytes("45")).ok());
    EXPECT_TRUE((*file)->Append(2, Bytes("89")).ok());
    EXPECT_FALSE((*file)->Append(2, Bytes("x")).ok());
    for (size_t part = 0; part < 3; ++part) EXPECT_TRUE((*file)->Save(part).ok());
  }
  const auto file = PartialFile::Open(path_, 10, 4);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->part_done(0), 0u);
  EXPECT_EQ((*file)->part_done(1), 2u);
  EXPECT_EQ((*file)->part_done(2), 2u);
  EXPECT_TRUE((*file)->Append(0, Bytes("0123")).ok());
  EXPECT_TRUE((*file)->Append(1, Bytes("67")).ok());
  EXPECT_TRUE((*file)->Publish((folder_ / "x").string()).ok());
  EXPECT_EQ(*ReadWholeFile((folder_ / "x").string(), 100), "0123456789");
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(Partial, WhatIsOfAnotherDownloadBeginsAnew) {
  for (const auto& [size, part_bytes] : {std::pair<uint64_t, uint64_t>{10, 5}, {11, 4}, {1000, 4}, {0, 4}}) {
    {
      const auto file = PartialFile::Open(path_, 10, 4);
      ASSERT_TRUE(file.ok());
      EXPECT_TRUE((*file)->Append(0, Bytes("0123")).ok() && (*file)->Save(0).ok());
    }
    const auto file = PartialFile::Open(path_, size, part_bytes);
    ASSERT_TRUE(file.ok());
    EXPECT_EQ((*file)->total_done(), 0u);
    (*file)->Discard();
  }
}

TEST_F(Partial, EveryDamagedByteOfTheCountsIsHarmless) {
  for (int damaged = 0; damaged < 64; ++damaged) {
    {
      const auto file = PartialFile::Open(path_, 10, 4);
      ASSERT_TRUE(file.ok());
      ASSERT_TRUE((*file)->Restart().ok());
      EXPECT_TRUE((*file)->Append(0, Bytes("0123")).ok() && (*file)->Save(0).ok());
    }
    std::fstream raw(path_, std::ios::in | std::ios::out | std::ios::binary);
    raw.seekp(damaged);
    raw.put('\xff');
    raw.close();
    const auto file = PartialFile::Open(path_, 10, 4);
    ASSERT_TRUE(file.ok());
    for (size_t part = 0; part < 3; ++part) EXPECT_LE((*file)->part_done(part), (*file)->part_size(part));
  }
}

TEST_F(Partial, LinksAreNotFollowed) {
  std::ofstream(folder_ / "precious") << "precious";
  fs::create_symlink(folder_ / "precious", path_);
  EXPECT_FALSE(PartialFile::Open(path_, 10, 4).ok());
  EXPECT_EQ(*ReadWholeFile((folder_ / "precious").string(), 100), "precious");
}

TEST_F(Partial, LocksExcludeEachOther) {
  const std::string path = (folder_ / "a" / "b.lock").string();
  auto first = FileLock::TryAcquire(path);
  ASSERT_TRUE(first.ok() && *first != nullptr);
  const auto second = FileLock::TryAcquire(path);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*second, nullptr);
  EXPECT_EQ(FileLock::Acquire(path, [] { return false; }).status().code(), StatusCode::kCancelled);
  first->reset();
  EXPECT_NE(*FileLock::TryAcquire(path), nullptr);
}

TEST(Retry, EndsAfterFiveFailuresWithoutProgress) {
  int calls = 0;
  const auto always = [] { return true; };
  const auto failing = [&] {
    ++calls;
    return Attempt(IoError("cut"), true);
  };
  EXPECT_EQ(Retry(0, always, failing).code(), StatusCode::kIo);
  EXPECT_EQ(calls, 5);
  calls = 0;
  const auto final = [&] {
    ++calls;
    return Attempt(Malformed("wrong"));
  };
  EXPECT_EQ(Retry(0, always, final).code(), StatusCode::kMalformed);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(Retry(
                1000, [] { return false; }, failing)
                .code(),
            StatusCode::kCancelled);
}

}  // namespace
}  // namespace sterna
