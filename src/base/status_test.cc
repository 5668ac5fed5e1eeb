#include "base/status.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>

namespace sterna {
namespace {

TEST(Status, SuccessHasNoMessageAndStaysSuccessWithContext) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_TRUE(status.WithContext("reading 'a'").ok());
  EXPECT_TRUE(Status(StatusCode::kOk, "ignored").ok());
}

TEST(Status, ContextGoesInFrontAndKeepsTheCode) {
  const Status status = Malformed("bad magic").WithContext("header").WithContext("'a.gguf'");
  EXPECT_EQ(status.code(), StatusCode::kMalformed);
  EXPECT_EQ(status.message(), "'a.gguf': header: bad magic");
}

TEST(Status, FactoriesGiveTheirCodes) {
  EXPECT_EQ(InvalidArgument("x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NotFound("x").code(), StatusCode::kNotFound);
  EXPECT_EQ(Malformed("x").code(), StatusCode::kMalformed);
  EXPECT_EQ(Unsupported("x").code(), StatusCode::kUnsupported);
  EXPECT_EQ(OutOfRange("x").code(), StatusCode::kOutOfRange);
  EXPECT_EQ(ResourceExhausted("x").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(IoError("x").code(), StatusCode::kIo);
  EXPECT_EQ(Cancelled("x").code(), StatusCode::kCancelled);
  EXPECT_EQ(Internal("x").code(), StatusCode::kInternal);
}

TEST(Status, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (auto code = static_cast<uint8_t>(StatusCode::kOk); code <= static_cast<uint8_t>(StatusCode::kInternal); ++code) {
    names.insert(StatusCodeName(static_cast<StatusCode>(code)));
  }
  EXPECT_EQ(names.size(), 10u);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Status, ErrnoGivesTheWordsOfTheSystem) {
  EXPECT_EQ(IoErrorFromErrno("cannot open 'a'", EACCES).message(), "cannot open 'a': Permission denied");
  EXPECT_EQ(IoErrorFromErrno("cannot open 'a'", EACCES).code(), StatusCode::kIo);
  EXPECT_EQ(IoErrorFromErrno("cannot open 'a'", ENOENT).code(), StatusCode::kNotFound);
}

Result<std::unique_ptr<int>> MakeInt(bool works) {
  if (!works) return NotFound("no int");
  return std::make_unique<int>(3);
}

Result<int> AddOne(bool works) {
  STERNA_ASSIGN_OR_RETURN(const auto value, MakeInt(works));
  return *value + 1;
}

Status Check(bool works, int* reached) {
  STERNA_RETURN_IF_ERROR(AddOne(works).status());
  ++*reached;
  return Status::Ok();
}

TEST(Result, HoldsMoveOnlyValuesAndGivesThemAway) {
  auto result = MakeInt(true);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(**result, 3);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 3);
}

TEST(Result, MacrosStopAtTheFirstErrorAndPassOtherwise) {
  int reached = 0;
  EXPECT_EQ(*AddOne(true), 4);
  EXPECT_EQ(AddOne(false).status().message(), "no int");
  EXPECT_TRUE(Check(true, &reached).ok());
  EXPECT_EQ(Check(false, &reached).code(), StatusCode::kNotFound);
  EXPECT_EQ(reached, 1);
}

TEST(Result, ContextKeepsValuesAndPrefixesErrors) {
  EXPECT_EQ(**MakeInt(true).WithContext("here"), 3);
  EXPECT_EQ(MakeInt(false).WithContext("here").status().message(), "here: no int");
}

}  // namespace
}  // namespace sterna
