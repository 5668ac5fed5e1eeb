// Files that other engines wrote, and values of every type.
#include "formats/gguf_reader.h"

#include <gtest/gtest.h>

#include <map>

#include "formats/testing/byte_builder.h"
#include "formats/testing/expect_rejected.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using Type = GgufValueType;

struct ForeignFile {
  const char* name;
  DType weights;
  const char* architecture;
};

class GgufFixture : public ::testing::TestWithParam<ForeignFile> {};

TEST_P(GgufFixture, HasTheTensorsShapesAndTypesItsWriterGaveIt) {
  const auto source = OpenWeights(std::string(STERNA_FIXTURES "/gguf/") + GetParam().name);
  ASSERT_TRUE(source.ok()) << source.status().message();
  const WeightSource& weights = **source;
  EXPECT_EQ(weights.format(), "GGUF");

  std::map<std::string, Shape> expected_linear, expected_f32 = {{"output_norm.weight", {256}}, {"token_embd.weight", {512, 256}}};
  for (const std::string block : {"blk.0.", "blk.1."}) {
    expected_linear.insert({{block + "attn_q.weight", {256, 256}},
                            {block + "attn_k.weight", {128, 256}},
                            {block + "attn_v.weight", {128, 256}},
                            {block + "attn_output.weight", {256, 256}},
                            {block + "ffn_gate.weight", {512, 256}},
                            {block + "ffn_up.weight", {512, 256}},
                            {block + "ffn_down.weight", {256, 512}}});
    expected_f32.insert({{block + "attn_norm.weight", {256}},
                         {block + "attn_sub_norm.weight", {256}},
                         {block + "ffn_norm.weight", {256}},
                         {block + "ffn_sub_norm.weight", {512}}});
  }
  EXPECT_EQ(weights.entries().size(), expected_linear.size() + expected_f32.size());
  const auto check = [&](const std::map<std::string, Shape>& expected, DType dtype) {
    for (const auto& item : expected) {
      const TensorEntry* entry = weights.Find(item.first);
      ASSERT_NE(entry, nullptr) << item.first;
      EXPECT_EQ(entry->shape, item.second) << item.first;
      EXPECT_EQ(entry->dtype, dtype) << item.first;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(entry->data.data()) % 32, 0u) << item.first;
    }
  };
  check(expected_linear, GetParam().weights);
  check(expected_f32, DType::kF32);

  const Metadata& metadata = weights.metadata();
  EXPECT_EQ(metadata.GetString("general.architecture").value(), GetParam().architecture);
  EXPECT_EQ(metadata.GetUint(std::string(GetParam().architecture) + ".block_count").value(), 2u);
  const auto tokens = metadata.GetStrings("tokenizer.ggml.tokens");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ((*tokens)->size(), 512u);
  EXPECT_EQ((**tokens)[256], "<extra_0>");
}

INSTANTIATE_TEST_SUITE_P(Foreign, GgufFixture,
                         ::testing::Values(ForeignFile{"b158.bitnet_cpp.I2_S.gguf", DType::kI2_S, "bitnet-b1.58"},
                                           ForeignFile{"bitnet.llama_cpp.TQ1_0.gguf", DType::kTQ1_0, "bitnet"},
                                           ForeignFile{"bitnet.llama_cpp.TQ2_0.gguf", DType::kTQ2_0, "bitnet"},
                                           ForeignFile{"bitnet.llama_cpp.Q4_0.gguf", DType::kQ4_0, "bitnet"},
                                           ForeignFile{"bitnet.llama_cpp.Q4_1.gguf", DType::kQ4_1, "bitnet"},
                                           ForeignFile{"bitnet.llama_cpp.Q8_0.gguf", DType::kQ8_0, "bitnet"},
                                           ForeignFile{"bitnet.llama_cpp.Q6_K.gguf", DType::kQ6_K, "bitnet"}),
                         [](const auto& info) { return std::string(Name(info.param.weights)); });

TEST(GgufReader, ReversesDimensions) {
  const auto contents = ParseGguf(testing::OneTensor("t", {2, 3, 5, 7}, testing::kIdF32, 0, 840).bytes(), "test.gguf");
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->tensors[0].shape, (Shape{7, 5, 3, 2}));
}

TEST(GgufReader, KeepsEveryValueTypeAndTheOrderOfKeys) {
  ByteBuilder file = ByteBuilder().GgufHeader(0, 14);
  const auto array = [&](Type element, uint64_t length) -> ByteBuilder& {
    return file.Key("array", Type::kArray).Put(static_cast<uint32_t>(element)).Put(length);
  };
  file.Key("u8", Type::kU8).Put(uint8_t{200}).Key("i8", Type::kI8).Put(int8_t{-5}).Key("u16", Type::kU16).Put(uint16_t{60000});
  file.Key("i16", Type::kI16)
      .Put(int16_t{-300})
      .Key("u32", Type::kU32)
      .Put(uint32_t{4000000000})
      .Key("i32", Type::kI32)
      .Put(int32_t{-7});
  file.Key("f32", Type::kF32).Put(1.5f).Key("bool", Type::kBool).Put(uint8_t{1}).KeyString("string", "ternary");
  file.Key("u64", Type::kU64).Put(uint64_t{1} << 63).Key("i64", Type::kI64).Put(int64_t{-1}).Key("f64", Type::kF64).Put(0.25);
  array(Type::kI16, 2).Put(int16_t{-1}).Put(int16_t{2});
  file.Key("bools", Type::kArray).Put(static_cast<uint32_t>(Type::kBool)).Put(uint64_t{2}).Put(uint8_t{1}).Put(uint8_t{0});
  const auto contents = ParseGguf(file.bytes(), "test.gguf");
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  const auto& items = contents->metadata.items();
  ASSERT_EQ(items.size(), 14u);
  EXPECT_EQ(items[0].value, MetaValue(uint8_t{200}));
  EXPECT_EQ(items[1].value, MetaValue(int8_t{-5}));
  EXPECT_EQ(items[2].value, MetaValue(uint16_t{60000}));
  EXPECT_EQ(items[3].value, MetaValue(int16_t{-300}));
  EXPECT_EQ(items[4].value, MetaValue(uint32_t{4000000000}));
  EXPECT_EQ(items[5].value, MetaValue(int32_t{-7}));
  EXPECT_EQ(items[6].value, MetaValue(1.5f));
  EXPECT_EQ(items[7].value, MetaValue(true));
  EXPECT_EQ(items[8].value, MetaValue(std::string("ternary")));
  EXPECT_EQ(items[9].value, MetaValue(uint64_t{1} << 63));
  EXPECT_EQ(items[10].value, MetaValue(int64_t{-1}));
  EXPECT_EQ(items[11].value, MetaValue(0.25));
  EXPECT_EQ(items[12].value, MetaValue(MetaArray(std::vector<int16_t>{-1, 2})));
  EXPECT_EQ(items[13].value, MetaValue(MetaArray(BoolArray{{1, 0}})));
  EXPECT_EQ(items[12].key, "array");
}

TEST(GgufReader, DataStartsAtTheFilesOwnAlignment) {
  ByteBuilder file = ByteBuilder().GgufHeader(1, 1).KeyU32("general.alignment", 4096).Tensor("t", {8}, testing::kIdF32, 0);
  file.PadTo(4096).Fill(32, 'd');
  const auto contents = ParseGguf(file.bytes(), "test.gguf");
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->data_offset, 4096u);
  EXPECT_EQ(static_cast<char>(contents->tensors[0].data[0]), 'd');
}

TEST(GgufReader, ErrorsNeverCarryControlCharacters) {
  const auto result =
      ParseGguf(ByteBuilder().GgufHeader(0, 2).KeyU32("\x1b[31mred", 1).KeyU32("\x1b[31mred", 1).bytes(), "test.gguf");
  testing::ExpectError(result, StatusCode::kMalformed, "'\\x1b[31mred'");
}

}  // namespace
}  // namespace sterna
