#include "api/system_memory.h"

#include <gtest/gtest.h>

#include "api/system_text.h"

namespace sterna {
namespace {

TEST(MemoryField, ReadsTheNamedFieldOnly) {
  constexpr std::string_view kText = "MemTotal:       24689736 kB\nMemFree:\t12 kB\nMemTotalX: 1 kB\nVmHWM:\t    1024 kB";
  EXPECT_EQ(MemoryField(kText, "MemTotal"), 24689736 * int64_t{1024});
  EXPECT_EQ(MemoryField(kText, "MemFree"), 12 * 1024);
  EXPECT_EQ(MemoryField(kText, "VmHWM"), 1024 * 1024);
  EXPECT_EQ(MemoryField(kText, "Mem"), std::nullopt);
  EXPECT_EQ(MemoryField(kText, "SwapTotal"), std::nullopt);
}

TEST(MemoryField, RefusesWhatIsNoSize) {
  for (const std::string_view line : {"", "A", "A:", "A: ", "A: x kB", "A: 12", "A: 12 MB", "A: -1 kB",
                                      "A: 99999999999999999999 kB", "A: 9223372036854775807 kB"}) {
    EXPECT_EQ(MemoryField(line, "A"), std::nullopt) << line;
  }
}

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
