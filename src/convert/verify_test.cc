// Verification must be able to fail: files that differ from their source in one place.
#include "convert/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "convert/convert.h"
#include "convert/gguf_metadata.h"
#include "formats/testing/temporary_directory.h"

namespace sterna {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

class Verify : public ::testing::Test {
 protected:
  /// Converts bitnet-packed, changes one byte of a tensor of the new file, and compares.
  Result<std::vector<TensorComparison>> CompareAfter(DType type, const std::string& tensor, size_t byte, uint8_t mask) {
    auto source = OpenWeights(STERNA_FIXTURES "/models/bitnet-packed");
    ConvertOptions options;
    options.types.projection = type;
    options.types.embedding = DType::kQ8_0;
    const std::string path = folder_.File("out.gguf");
    EXPECT_TRUE(ConvertToGguf(*source, options, path).ok());
    {
      const auto written = OpenWeights(path);
      std::ifstream file(path, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      const auto& data = (*written)->Find(tensor)->data;
      const std::string_view part(reinterpret_cast<const char*>(data.data()), data.size());
      const size_t at = bytes.find(part) + byte;
      std::fstream change(path, std::ios::binary | std::ios::in | std::ios::out);
      change.seekp(static_cast<std::streamoff>(at));
      change.put(static_cast<char>(bytes[at] ^ static_cast<char>(mask)));
    }
    auto written = OpenWeights(path);
    OpenCheckpoint before(*source, *ReadModelConfig((*source)->format(), (*source)->metadata()));
    OpenCheckpoint after(*written, *ReadModelConfig((*written)->format(), (*written)->metadata()));
    const auto planned = PlanGguf(&before, options.types, false);
    EXPECT_TRUE(planned.ok());
    return CompareCheckpoints(&before, &after, *planned, nullptr);
  }

  void ExpectDifference(DType type, const std::string& tensor, size_t byte, uint8_t mask, std::string_view part) {
    const auto result = CompareAfter(type, tensor, byte, mask);
    ASSERT_FALSE(result.ok()) << tensor;
    EXPECT_EQ(result.status().code(), StatusCode::kInternal);
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(std::string(part)));
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(tensor));
  }

  TemporaryDirectory folder_;
};

TEST_F(Verify, AcceptsWhatIsEqual) {
  const auto result = CompareAfter(DType::kI2_S, "blk.0.attn_q.weight", 0, 0);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->size(), 16u);
  EXPECT_GT(result->front().max_error, 0) << "Q8_0 rounds the embedding";
  EXPECT_LT(result->front().rms_relative_error, 0.01);
}

TEST_F(Verify, FindsOneCodeThatChanged) {
  // Codes 0 and 1 become 1 and 0; 2 would become 3, which readers refuse.
  const auto result = CompareAfter(DType::kI2_S, "blk.1.ffn_down.weight", 5, 0x01);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("blk.1.ffn_down.weight"));
}

TEST_F(Verify, FindsAScaleThatChanged) {
  ExpectDifference(DType::kI2_S, "blk.1.attn_v.weight", 128 * 256 / 4, 0x01, "scale");
}

TEST_F(Verify, FindsANormThatChanged) {
  ExpectDifference(DType::kI2_S, "blk.0.attn_norm.weight", 0, 0x01, "differs from the source");
}

TEST_F(Verify, FindsALossyTableThatHoldsNothing) {
  // The sign of the f16 scale: the block has the opposite numbers. All blocks but one are right, so only F32 would be refused for
  // it; a matrix that must be exact is.
  ExpectDifference(DType::kF32, "blk.0.ffn_up.weight", 3, 0x80, "blk.0.ffn_up");
}

}  // namespace
}  // namespace sterna
