#include "base/metadata.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace sterna {
namespace {

TEST(Metadata, KeepsInsertionOrderThroughReplacementAndRemoval) {
  Metadata m;
  m.Set("c", uint32_t{1});
  m.Set("a", uint32_t{2});
  m.Set("b", uint32_t{3});
  m.Set("c", std::string("new"));
  ASSERT_EQ(m.items().size(), 3u);
  EXPECT_EQ(m.items()[0].key, "c");
  EXPECT_EQ(*m.GetString("c"), "new");
  EXPECT_TRUE(m.Remove("c"));
  EXPECT_FALSE(m.Remove("c"));
  EXPECT_FALSE(m.Has("c"));
  EXPECT_EQ(*m.GetUint("a"), 2u);  // positions behind the removed one move up
  EXPECT_EQ(*m.GetUint("b"), 3u);
  m.Set("d", uint32_t{4});
  EXPECT_EQ(m.items()[2].key, "d");
}

TEST(Metadata, IntegersOfEveryWidthConvertWhereTheyFit) {
  Metadata m;
  m.Set("u8", uint8_t{255});
  m.Set("i8", int8_t{-1});
  m.Set("i16", int16_t{300});
  m.Set("i64", std::numeric_limits<int64_t>::min());
  m.Set("u64", std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(*m.GetUint("u8"), 255u);
  EXPECT_EQ(*m.GetInt("i8"), -1);
  EXPECT_EQ(*m.GetUint("i16"), 300u);
  EXPECT_EQ(*m.GetUint("u64"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(m.GetUint("i8").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(m.GetUint("i64").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(m.GetInt("u64").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(*m.GetFloat("i8"), -1.0);
}

TEST(Metadata, ErrorsNameKeyExpectedAndFoundType) {
  Metadata m;
  m.Set("general.name", std::string("x"));
  m.Set("flag", true);
  m.Set("list", MetaArray(std::vector<float>{1.0f}));
  EXPECT_EQ(m.GetUint("absent").status().message(), "metadata key 'absent' is missing");
  EXPECT_EQ(m.GetUint("absent").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(m.GetUint("general.name").status().message(),
            "metadata key 'general.name': expected an unsigned integer, found string");
  EXPECT_EQ(m.GetInt("flag").status().message(), "metadata key 'flag': expected an integer, found bool");
  EXPECT_EQ(m.GetString("list").status().message(), "metadata key 'list': expected string, found array of f32");
  EXPECT_EQ(m.GetFloat("flag").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(m.GetBool("general.name").status().code(), StatusCode::kMalformed);
}

TEST(Metadata, FallbacksAreForMissingKeysOnly) {
  Metadata m;
  m.Set("s", std::string("text"));
  EXPECT_EQ(*m.GetUintOr("absent", 7), 7u);
  EXPECT_EQ(*m.GetFloatOr("absent", 0.5), 0.5);
  EXPECT_EQ(*m.GetBoolOr("absent", true), true);
  EXPECT_EQ(*m.GetStringOr("absent", "none"), "none");
  EXPECT_EQ(*m.GetStringOr("s", "none"), "text");
  EXPECT_EQ(m.GetUintOr("s", 7).status().code(), StatusCode::kMalformed);
}

TEST(Metadata, ArraysConvertByElement) {
  Metadata m;
  m.Set("u8", MetaArray(std::vector<uint8_t>{1, 255}));
  m.Set("i64", MetaArray(std::vector<int64_t>{-5, 6}));
  m.Set("huge", MetaArray(std::vector<uint64_t>{1, uint64_t{1} << 63}));
  m.Set("f64", MetaArray(std::vector<double>{0.25}));
  m.Set("bool", MetaArray(BoolArray{{1, 0, 1}}));
  m.Set("strings", MetaArray(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*m.GetInts("u8"), (std::vector<int64_t>{1, 255}));
  EXPECT_EQ(*m.GetInts("i64"), (std::vector<int64_t>{-5, 6}));
  EXPECT_EQ(*m.GetFloats("i64"), (std::vector<float>{-5, 6}));
  EXPECT_EQ(*m.GetFloats("f64"), (std::vector<float>{0.25f}));
  EXPECT_EQ(m.GetInts("huge").status().message(), "metadata key 'huge': element 9223372036854775808 exceeds 2^63-1");
  EXPECT_EQ(m.GetInts("f64").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(m.GetInts("bool").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(m.GetFloats("strings").status().code(), StatusCode::kMalformed);
  EXPECT_EQ((*m.GetStrings("strings"))->at(1), "b");
  EXPECT_EQ(m.GetStrings("u8").status().code(), StatusCode::kMalformed);
}

TEST(Metadata, NamesTypesAndCountsElements) {
  EXPECT_EQ(MetaTypeName(uint8_t{1}), "u8");
  EXPECT_EQ(MetaTypeName(1.0), "f64");
  EXPECT_EQ(MetaTypeName(std::string()), "string");
  EXPECT_EQ(MetaTypeName(MetaArray(BoolArray{{1, 0}})), "array of bool");
  EXPECT_EQ(MetaTypeName(MetaArray(std::vector<int16_t>{})), "array of i16");
  EXPECT_EQ(MetaElementCount(true), 1u);
  EXPECT_EQ(MetaElementCount(MetaArray(BoolArray{{1, 0}})), 2u);
  EXPECT_EQ(MetaElementCount(MetaArray(std::vector<int16_t>{})), 0u);
}

}  // namespace
}  // namespace sterna
