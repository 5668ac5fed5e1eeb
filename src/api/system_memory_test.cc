#include "api/system_memory.h"

#include <gtest/gtest.h>

#include "api/system_text.h"

namespace sterna {
namespace {

TEST(BracketedWord, IsTheChosenOne) {
  EXPECT_EQ(BracketedWord("always [madvise] never\n"), "madvise");
  for (const std::string_view text : {"", "always", "[always", "always]"}) EXPECT_EQ(BracketedWord(text), "") << text;
}

TEST(SystemMemory, IsConsistent) {
  const SystemMemory memory = ReadSystemMemory();
  EXPECT_GT(memory.total_bytes, 0);
  EXPECT_GT(memory.available_bytes, 0);
  EXPECT_LE(memory.available_bytes, memory.total_bytes);
  EXPECT_GT(PeakResidentBytes(), 0);
}

TEST(SystemText, NamesAFileThatIsNotThere) {
  const auto text = ReadSystemText(testing::TempDir() + "no_such_file");
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.status().code(), StatusCode::kNotFound);
  EXPECT_NE(text.status().message().find("no_such_file"), std::string::npos);
}

}  // namespace
}  // namespace sterna
