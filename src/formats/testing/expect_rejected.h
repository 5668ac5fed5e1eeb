// For tests: a malformed file must end in a typed error that says what is wrong, and must not make the parser allocate on its word.
#ifndef STERNA_FORMATS_TESTING_EXPECT_REJECTED_H_
#define STERNA_FORMATS_TESTING_EXPECT_REJECTED_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/status.h"
#include "formats/testing/allocation_watch.h"
#include "formats/testing/byte_builder.h"

namespace sterna::testing {

inline constexpr size_t kMaxBytesWhileRejecting = 64 * 1024;

template <class T>
void ExpectError(const Result<T>& result, StatusCode code, std::string_view message_part) {
  ASSERT_FALSE(result.ok()) << "accepted; expected an error with: " << message_part;
  EXPECT_EQ(result.status().code(), code) << result.status().message();
  EXPECT_THAT(std::string(result.status().message()), ::testing::HasSubstr(std::string(message_part)));
}

/// `parse` is the parser of a whole file in memory; it gets "test file" as the name that must begin its message.
template <class Parse>
void ExpectRejected(Parse parse, const ByteBuilder& file, std::string_view message_part, StatusCode code) {
  const AllocationWatch watch;
  const auto result = parse(file.bytes(), "test file");
  EXPECT_LE(watch.largest_bytes(), kMaxBytesWhileRejecting) << message_part;
  ExpectError(result, code, message_part);
  if (!result.ok()) {
    EXPECT_THAT(std::string(result.status().message()), ::testing::StartsWith("test file: "));
  }
}

template <class T>
void ExpectOk(const Result<T>& result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
}

}  // namespace sterna::testing

#endif  // STERNA_FORMATS_TESTING_EXPECT_REJECTED_H_
