#include "backend/top_logits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace sterna {
namespace {

std::vector<TokenLogit> Top(const std::vector<float>& logits, size_t count) {
  std::vector<TokenLogit> top(count);
  SelectTopLogits(logits, top);
  return top;
}

TEST(TopLogits, AreThoseOfASort) {
  RngStream random{.key = 3};
  for (const uint32_t values : {2u, 9u, 100000u}) {  // few different values: many ties
    std::vector<float> logits(300);
    for (float& logit : logits) logit = static_cast<float>(random.NextUint32() % values) - 4.0f;
    std::vector<TokenLogit> sorted;
    for (size_t i = 0; i < logits.size(); ++i) sorted.push_back({static_cast<int32_t>(i), logits[i]});
    std::stable_sort(sorted.begin(), sorted.end(), [](const TokenLogit& a, const TokenLogit& b) { return a.logit > b.logit; });
    for (const size_t count : {size_t{1}, size_t{2}, size_t{40}, size_t{299}, size_t{300}}) {
      EXPECT_EQ(Top(logits, count), std::vector<TokenLogit>(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count)));
    }
  }
}

TEST(TopLogits, WhatIsNoNumberComesFirst) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Top({1, infinity, 3, nan}, 1).front().token, 1);
  EXPECT_EQ(Top({1, nan, 3, infinity}, 2).front().token, 1);
  EXPECT_EQ(Top({5, 6, 7, nan}, 2).front().token, 3);
  EXPECT_EQ(Top({nan, 6, 7, 8}, 1).front().token, 0);
  EXPECT_EQ(Top({-infinity, -infinity}, 1), (std::vector<TokenLogit>{{0, -infinity}}));
}

}  // namespace
}  // namespace sterna
