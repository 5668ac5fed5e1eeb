// Models in several files: what a good series gives, and row G38 of the catalogue in README.md.
#include <gtest/gtest.h>

#include <filesystem>

#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectError;
using testing::kIdF32;
using testing::TemporaryDirectory;

struct Part {
  uint16_t number = 0;
  uint16_t count = 3;
  int32_t tensors = 3;
  std::string tensor = "t0";
  std::string architecture;  ///< no key where empty

  std::string Bytes() const {
    ByteBuilder file;
    file.GgufHeader(1, architecture.empty() ? 3 : 4)
        .Key("split.no", GgufValueType::kU16)
        .Put(number)
        .Key("split.count", GgufValueType::kU16)
        .Put(count)
        .Key("split.tensors.count", GgufValueType::kI32)
        .Put(tensors);
    if (!architecture.empty()) file.KeyString("general.architecture", architecture);
    return file.Tensor(tensor, {8}, kIdF32, 0).PadTo(32).Fill(32, static_cast<char>('0' + number)).text();
  }
};

/// A series of three with one tensor each; `change` may spoil the parts before they are written.
template <class Change>
std::string WriteSeries(const TemporaryDirectory& directory, Change change) {
  Part parts[3] = {{0, 3, 3, "t0", "bitnet"}, {1, 3, 3, "t1", ""}, {2, 3, 3, "t2", ""}};
  change(parts);
  directory.Write("m-00003-of-00003.gguf", parts[2].Bytes());
  directory.Write("m-00002-of-00003.gguf", parts[1].Bytes());
  return directory.Write("m-00001-of-00003.gguf", parts[0].Bytes());
}

TEST(GgufSplit, SeriesReadsAsOneModelWithoutSplitKeys) {
  const TemporaryDirectory directory;
  const auto source = OpenWeights(WriteSeries(directory, [](Part*) {}));
  ASSERT_TRUE(source.ok()) << source.status().message();
  const WeightSource& weights = **source;
  EXPECT_EQ(weights.format(), "GGUF");
  ASSERT_EQ(weights.entries().size(), 3u);
  for (const int i : {0, 1, 2}) {
    const TensorEntry* entry = weights.Find("t" + std::to_string(i));
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(static_cast<char>(entry->data[0]), '0' + i);
  }
  EXPECT_EQ(weights.Find("t3"), nullptr);
  ASSERT_EQ(weights.metadata().items().size(), 1u);
  EXPECT_EQ(weights.metadata().items()[0].key, "general.architecture");
  EXPECT_TRUE(weights.StillUnchanged().ok());
}

TEST(GgufSplit, ChangeOfALaterPartIsNoticed) {
  const TemporaryDirectory directory;
  const auto source = OpenWeights(WriteSeries(directory, [](Part*) {}));
  ASSERT_TRUE(source.ok());
  std::filesystem::resize_file(directory.File("m-00003-of-00003.gguf"), 10);
  EXPECT_EQ((*source)->StillUnchanged().code(), StatusCode::kMalformed);
}

TEST(GgufHostile, G38SplitCountOfZeroOrTooManyIsRefused) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(WriteSeries(directory, [](Part* p) { p[0].count = 0; })), StatusCode::kMalformed,
              "split.count: expected 1 to 65535, found 0");
  Part part{0, 65535, 3, "t0", "bitnet"};
  ExpectError(OpenWeights(directory.Write("n-00001-of-65535.gguf", part.Bytes())), StatusCode::kNotFound, "part 2 of 65535");
}

TEST(GgufHostile, G38MissingPartIsNamed) {
  const TemporaryDirectory directory;
  const std::string first = WriteSeries(directory, [](Part*) {});
  std::filesystem::remove(directory.File("m-00003-of-00003.gguf"));
  const auto source = OpenWeights(first);
  ExpectError(source, StatusCode::kNotFound, "part 3 of 3");
  ExpectError(source, StatusCode::kNotFound, "m-00003-of-00003.gguf");
}

TEST(GgufHostile, G38PartOfAnotherModelIsRefused) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(WriteSeries(directory, [](Part* p) { p[2].architecture = "llama"; })), StatusCode::kMalformed,
              "'general.architecture': expected the value of the first part");
  ExpectError(OpenWeights(WriteSeries(directory, [](Part* p) { p[1].tensors = 9; })), StatusCode::kMalformed,
              "split.tensors.count: expected 3, found 9");
  ExpectError(OpenWeights(WriteSeries(directory, [](Part* p) { p[1].count = 2; })), StatusCode::kMalformed,
              "split.count: expected 3, found 2");
  directory.Write("m-00002-of-00003.gguf", ByteBuilder().GgufHeader(0, 0).text());
  ExpectError(OpenWeights(directory.Write("m-00001-of-00003.gguf", Part{0, 3, 3, "t0", ""}.Bytes())), StatusCode::kMalformed,
              "expected the key split.no of a part, found none");
}

TEST(GgufHostile, G38PartListedTwiceIsRefused) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(WriteSeries(directory, [](Part* p) { p[2].number = 1; })), StatusCode::kMalformed,
              "split.no: expected 2, found 1");
  ExpectError(OpenWeights(WriteSeries(directory, [](Part* p) { p[2].tensor = "t1"; })), StatusCode::kMalformed, "found 't1' again");
}

TEST(GgufHostile, G38TensorTotalMustMatch) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(WriteSeries(directory,
                                      [](Part* p) {
                                        for (int i = 0; i < 3; ++i) p[i].tensors = 4;
                                      })),
              StatusCode::kMalformed, "split.tensors.count: expected 4 tensors in all parts, found 3");
}

TEST(GgufHostile, G38LaterPartNamesTheFirst) {
  const TemporaryDirectory directory;
  WriteSeries(directory, [](Part*) {});
  ExpectError(OpenWeights(directory.File("m-00002-of-00003.gguf")), StatusCode::kInvalidArgument, "m-00001-of-00003.gguf'");
}

TEST(GgufHostile, G38NameThatContradictsTheKeysIsRefused) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(directory.Write("renamed.gguf", Part{0, 3, 3, "t0", ""}.Bytes())), StatusCode::kMalformed,
              "file name: expected it to end in '-00001-of-00003.gguf'");
  // Keys that hold a path lead nowhere: parts are found by name only.
  ExpectError(OpenWeights(directory.Write("p.gguf", ByteBuilder().GgufHeader(0, 1).KeyString("split.no", "../other").text())),
              StatusCode::kNotFound, "split.count");
}

}  // namespace
}  // namespace sterna
