#include "base/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <utility>

namespace sterna {
namespace {

using Words = std::array<uint32_t, 4>;

// Known answers of the Random123 library (tests/kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RngStream, LaysKeyStreamAndCounterOutAsDocumented) {
  RngStream s{.key = 0x299f31d0a4093822, .stream = 0x0370734413198a2e, .counter = 0x85a308d3243f6a88};
  RngStream same = s;
  EXPECT_EQ(s.NextUint32(), 0xd16cfe09u);
  EXPECT_EQ(same.NextUint64(), 0x94fdccebd16cfe09u);
  EXPECT_EQ(s.counter, 0x85a308d3243f6a89u);
}

TEST(RngStream, ANumberDependsOnKeyStreamAndCounterOnly) {
  RngStream mixed{.key = 7, .stream = 3, .counter = 0};
  mixed.NextUint32();
  mixed.NextNormal();
  mixed.NextUniform();
  RngStream jumped{.key = 7, .stream = 3, .counter = 3};
  EXPECT_EQ(mixed.NextUint64(), jumped.NextUint64());
}

TEST(RngStream, EveryPartOfTheStateChangesTheNumbers) {
  std::set<uint64_t> seen;
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t one = uint64_t{1} << bit;
    for (RngStream s : {RngStream{one, 0, 0}, RngStream{0, one, 0}, RngStream{0, 0, one}}) seen.insert(s.NextUint64());
  }
  EXPECT_EQ(seen.size(), 3u * 64);
}

TEST(RngStream, UniformStaysBelowOneAndHasTheRightMoments) {
  RngStream s{.key = 1, .stream = 2};
  constexpr int kSamples = 200000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kSamples; ++i) {
    const double u = s.NextUniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ASSERT_EQ(u, std::floor(u * 0x1p53) * 0x1p-53);
    sum += u;
    squares += u * u;
  }
  // Five standard deviations of the mean: 5 * 0.2887 / sqrt(n), 5 * 0.2981 / sqrt(n).
  EXPECT_NEAR(sum / kSamples, 1.0 / 2, 0.0033);
  EXPECT_NEAR(squares / kSamples, 1.0 / 3, 0.0034);
}

TEST(RngStream, NormalHasTheRightMomentsAndTails) {
  RngStream s{.key = 5, .stream = 6};
  constexpr int kSamples = 200000;
  double sum = 0, squares = 0, fourth = 0;
  int beyond_two = 0;
  for (int i = 0; i < kSamples; ++i) {
    const double x = s.NextNormal();
    ASSERT_LT(std::abs(x), 8.6);
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    if (std::abs(x) > 2) ++beyond_two;
  }
  // Five standard deviations: of x 1, of x^2 sqrt(2), of x^4 sqrt(96), of the indicator sqrt(0.0455 * 0.9545).
  EXPECT_NEAR(sum / kSamples, 0.0, 0.0112);
  EXPECT_NEAR(squares / kSamples, 1.0, 0.0159);
  EXPECT_NEAR(fourth / kSamples, 3.0, 0.11);
  EXPECT_NEAR(static_cast<double>(beyond_two) / kSamples, 0.0455, 0.0024);
}

}  // namespace
}  // namespace sterna
