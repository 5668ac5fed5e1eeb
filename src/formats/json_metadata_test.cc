#include "formats/json_metadata.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "formats/testing/expect_rejected.h"

namespace sterna {
namespace {

using testing::ExpectError;

TEST(FlattenJson, NestedObjectsBecomeDottedKeysInDocumentOrder) {
  const auto metadata = FlattenJson(
      R"({"hidden_size": 2560, "rope_theta": 5e5, "tie": true, "model_type": "bitnet", "torch_dtype": null,
          "quantization_config": {"linear_class": "autobitlinear", "inner": {"deep": -1}}, "big": 18446744073709551615})",
      "config.json");
  ASSERT_TRUE(metadata.ok()) << metadata.status().message();
  const auto& items = metadata->items();
  ASSERT_EQ(items.size(), 7u);
  EXPECT_EQ(items[0].key, "hidden_size");
  EXPECT_EQ(items[0].value, MetaValue(int64_t{2560}));
  EXPECT_EQ(items[1].value, MetaValue(500000.0));
  EXPECT_EQ(items[2].value, MetaValue(true));
  EXPECT_EQ(items[3].value, MetaValue(std::string("bitnet")));
  EXPECT_EQ(items[4].key, "quantization_config.linear_class");
  EXPECT_EQ(items[5].key, "quantization_config.inner.deep");
  EXPECT_EQ(items[5].value, MetaValue(int64_t{-1}));
  EXPECT_EQ(items[6].value, MetaValue(uint64_t{18446744073709551615u}));
}

TEST(FlattenJson, ArraysOfOneKindOfScalarStayArrays) {
  const auto metadata = FlattenJson(
      R"({"s": ["a", "b"], "b": [true, false], "i": [1, -2], "f": [1, 2.5], "u": [1, 18446744073709551615],
          "wide": [-1, 18446744073709551615], "none": [], "mixed": [1, "x", null, {"k": 2}], "nested": [[1, 2], []]})",
      "config.json", "p.");
  ASSERT_TRUE(metadata.ok()) << metadata.status().message();
  const auto value = [&](std::string_view key) {
    return metadata->Find(key) == nullptr ? MetaValue(uint8_t{77}) : *metadata->Find(key);
  };
  EXPECT_EQ(value("p.s"), MetaValue(MetaArray(std::vector<std::string>{"a", "b"})));
  EXPECT_EQ(value("p.b"), MetaValue(MetaArray(BoolArray{{1, 0}})));
  EXPECT_EQ(value("p.i"), MetaValue(MetaArray(std::vector<int64_t>{1, -2})));
  EXPECT_EQ(value("p.f"), MetaValue(MetaArray(std::vector<double>{1, 2.5})));
  EXPECT_EQ(value("p.u"), MetaValue(MetaArray(std::vector<uint64_t>{1, 18446744073709551615u})));
  EXPECT_EQ(value("p.wide"), MetaValue(MetaArray(std::vector<double>{-1, 18446744073709551615.0})));
  EXPECT_FALSE(metadata->Has("p.none"));
  EXPECT_EQ(value("p.mixed.0"), MetaValue(int64_t{1}));
  EXPECT_EQ(value("p.mixed.1"), MetaValue(std::string("x")));
  EXPECT_FALSE(metadata->Has("p.mixed.2"));
  EXPECT_EQ(value("p.mixed.3.k"), MetaValue(int64_t{2}));
  EXPECT_EQ(value("p.nested.0"), MetaValue(MetaArray(std::vector<int64_t>{1, 2})));
  EXPECT_EQ(metadata->items().size(), 10u);
}

TEST(FlattenJson, IntegersBeyond64BitsBecomeDecimals) {
  const auto metadata = FlattenJson(
      R"({"model_max_length": 1000000000000000019884624838656, "text": "99999999999999999999999 \" 99999999999999999999999",
          "u": 18446744073709551615, "u1": 18446744073709551616, "i": -9223372036854775808, "i1": -9223372036854775809,
          "f": 0.99999999999999999999999, "e": 1e0000000000000000000000001, "list": [1,99999999999999999999999]})",
      "tokenizer_config.json");
  ASSERT_TRUE(metadata.ok()) << metadata.status().message();
  EXPECT_EQ(*metadata->Find("model_max_length"), MetaValue(1e30));
  EXPECT_EQ(metadata->GetString("text").value(), "99999999999999999999999 \" 99999999999999999999999");
  EXPECT_EQ(*metadata->Find("u"), MetaValue(uint64_t{18446744073709551615u}));
  EXPECT_EQ(*metadata->Find("u1"), MetaValue(18446744073709551616.0));
  EXPECT_EQ(*metadata->Find("i"), MetaValue(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(*metadata->Find("i1"), MetaValue(-9223372036854775809.0));
  EXPECT_EQ(*metadata->Find("f"), MetaValue(1.0));
  EXPECT_EQ(*metadata->Find("e"), MetaValue(10.0));
  EXPECT_EQ(*metadata->Find("list"), MetaValue(MetaArray(std::vector<double>{1, 1e23})));
}

TEST(FlattenJson, RepeatedKeysAreRefusedBeforeAndAfterFlattening) {
  ExpectError(FlattenJson(R"({"a": 1, "a": 1})", "c"), StatusCode::kMalformed, "c: key 'a': expected it once");
  ExpectError(FlattenJson(R"({"x": {"a": null, "a": 1}})", "c"), StatusCode::kMalformed, "key 'x.a': expected it once");
  ExpectError(FlattenJson(R"({"x.a": 1, "x": {"a": 1}})", "c"), StatusCode::kMalformed, "key 'x.a': expected it once");
}

TEST(FlattenJson, RefusesWhatIsNoObjectOrNoJson) {
  ExpectError(FlattenJson("[1]", "c"), StatusCode::kMalformed, "expected an object, found an array");
  for (const char* text : {"", "{", "{\"a\": }", "{\"a\": 1,}", "{\"a\": NaN}", "{} {}", "{\"a\": 01}", "{'a': 1}"}) {
    ExpectError(FlattenJson(text, "c"), StatusCode::kMalformed, "c: JSON");
  }
  ExpectError(FlattenJson(R"({"a": "\udc00"})", "c"), StatusCode::kMalformed, "surrogate");
}

TEST(FlattenJson, DepthKeysAndSizeAreLimited) {
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "{\"a\":";
    return text + "1" + std::string(depth, '}');
  };
  EXPECT_TRUE(FlattenJson(nested(kJsonMaxDepth), "c").ok());
  ExpectError(FlattenJson(nested(kJsonMaxDepth + 1), "c"), StatusCode::kMalformed, "at most 32 nested brackets");
  ExpectError(FlattenJson(nested(100'000), "c"), StatusCode::kMalformed, "at most 32 nested brackets");
  ExpectError(FlattenJson(std::string(kJsonMaxBytes + 1, ' '), "c"), StatusCode::kOutOfRange, "bytes of JSON");

  std::string many = "{";
  for (size_t i = 0; i <= kJsonMaxKeys; ++i) many += fmt::format("{}\"{}\":1", i == 0 ? "" : ",", i);
  ExpectError(FlattenJson(many + "}", "c"), StatusCode::kOutOfRange, "expected at most 65536 values");

  // One long key above a thousand short ones: small as a document, large when flattened.
  std::string wide = "{\"" + std::string(100'000, 'k') + "\":{";
  for (int i = 0; i < 1000; ++i) wide += fmt::format("{}\"{}\":1", i == 0 ? "" : ",", i);
  ExpectError(FlattenJson(wide + "}}", "c"), StatusCode::kOutOfRange, "bytes of flattened keys");
}

}  // namespace
}  // namespace sterna
