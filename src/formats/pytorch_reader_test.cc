// Checkpoints as torch.save writes them (tools/fixtures/make_pytorch.py).
#include "formats/pytorch_reader.h"

#include <gtest/gtest.h>

#include <cstring>

#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"

namespace sterna {
namespace {

const std::string kFixtures = STERNA_FIXTURES "/pytorch/";

void ExpectState(const WeightSource& source) {
  EXPECT_EQ(source.format(), "PyTorch");
  EXPECT_EQ(source.entries().size(), 7u);
  const auto expect = [&](const char* name, DType dtype, const Shape& shape) -> const TensorEntry* {
    const TensorEntry* entry = source.Find(name);
    EXPECT_NE(entry, nullptr) << name;
    if (entry == nullptr) return nullptr;
    EXPECT_EQ(entry->dtype, dtype) << name;
    EXPECT_EQ(entry->shape, shape) << name;
    EXPECT_EQ(entry->data.size(), static_cast<size_t>(*TensorBytes(dtype, shape))) << name;
    return entry;
  };
  const TensorEntry* embedding = expect("model.embed_tokens.weight", DType::kF32, {4, 4});
  const TensorEntry* head = expect("lm_head.weight", DType::kF32, {4, 4});
  const TensorEntry* norm = expect("model.norm.weight", DType::kF32, {8});
  expect("half", DType::kF16, {2, 3});
  const TensorEntry* bfloat = expect("bfloat", DType::kBF16, {4});
  const TensorEntry* packed = expect("packed", DType::kU8, {2, 16});
  const TensorEntry* steps = expect("steps", DType::kI64, {});
  ASSERT_TRUE(embedding && head && norm && bfloat && packed && steps);
  EXPECT_EQ(embedding->data.data(), head->data.data()) << "tied tensors share their bytes";
  float first;
  std::memcpy(&first, norm->data.data(), sizeof(first));
  EXPECT_EQ(first, 16.0f / 8 - 1);
  uint16_t bits;
  std::memcpy(&bits, bfloat->data.data(), sizeof(bits));
  EXPECT_EQ(bits, 0x3f84);
  EXPECT_EQ(static_cast<int>(packed->data[31]), 31);
  int64_t number;
  std::memcpy(&number, steps->data.data(), sizeof(number));
  EXPECT_EQ(number, 1234567890123);
  EXPECT_TRUE(source.StillUnchanged().ok());
}

TEST(PyTorch, AStateDictionaryOpensByContentWhateverItsName) {
  const auto source = OpenWeights(kFixtures + "state_dict.pt");
  ASSERT_TRUE(source.ok()) << source.status().message();
  ExpectState(**source);
}

TEST(PyTorch, ATrainingCheckpointYieldsItsStateDictionary) {
  const auto source = OpenWeights(kFixtures + "training.pt");
  ASSERT_TRUE(source.ok()) << source.status().message();
  ExpectState(**source);
}

TEST(PyTorch, ShardsAndTheirIndexAreOneCheckpoint) {
  const auto source = OpenWeights(kFixtures + "sharded");
  ASSERT_TRUE(source.ok()) << source.status().message();
  ExpectState(**source);
  EXPECT_EQ((*source)->metadata().GetString("model_type").value(), "bitnet");
}

TEST(PyTorch, AShardThatIsMissingOrLeadsElsewhereIsAnError) {
  const testing::TemporaryDirectory directory;
  directory.Write("config.json", "{}");
  directory.Write("pytorch_model.bin.index.json", R"({"weight_map": {"w": "pytorch_model-00001-of-00001.bin"}})");
  testing::ExpectError(OpenWeights(directory.path()), StatusCode::kNotFound, "pytorch_model-00001-of-00001.bin");
  directory.Write("pytorch_model.bin.index.json", R"({"weight_map": {"w": "../w.bin"}})");
  testing::ExpectError(OpenWeights(directory.path()), StatusCode::kMalformed, "the name of a file in the same directory");
}

}  // namespace
}  // namespace sterna
