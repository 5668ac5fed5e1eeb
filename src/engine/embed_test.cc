#include "engine/embed.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/testing/tiny_model.h"

namespace sterna {
namespace {

using testing::NewSession;
using testing::SomeTokens;

/// The hidden rows of every token.
std::vector<std::vector<float>> Rows(Session& session, std::span<const int32_t> tokens) {
  std::vector<std::vector<float>> rows;
  session.Rewind(0);
  const Status status = session.EvaluateAll(tokens, [&](size_t, std::span<const float> row) {
    rows.emplace_back(row.begin(), row.end());
    return Status::Ok();
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return rows;
}

TEST(Embed, PoolsTheRowsItsNameSays) {
  const auto session = NewSession(testing::TinyModel(ModelOutput::kHidden), {.max_chunk = 4, .max_selected = 3});
  const std::vector<int32_t> tokens = SomeTokens(11);
  const auto rows = Rows(*session, tokens);
  ASSERT_EQ(rows.size(), 11u);
  EXPECT_EQ(Embed(*session, tokens, Pooling::kLast, false).value(), rows.back());
  EXPECT_EQ(Embed(*session, tokens, Pooling::kFirst, false).value(), rows.front());
  const std::vector<float> mean = Embed(*session, tokens, Pooling::kMean, false).value();
  for (size_t i = 0; i < mean.size(); ++i) {
    double sum = 0;
    for (const auto& row : rows) sum += static_cast<double>(row[i]);
    EXPECT_FLOAT_EQ(mean[i], static_cast<float>(sum / 11));
  }
}

TEST(Embed, NormalizedVectorsHaveLengthOneAndTheSameDirection) {
  const auto session = NewSession(testing::TinyModel(ModelOutput::kHidden));
  const std::vector<int32_t> tokens = SomeTokens(5);
  const std::vector<float> raw = Embed(*session, tokens, Pooling::kLast, false).value();
  const std::vector<float> unit = Embed(*session, tokens, Pooling::kLast, true).value();
  double squares = 0, dot = 0, raw_squares = 0;
  for (size_t i = 0; i < unit.size(); ++i) {
    const double u = static_cast<double>(unit[i]), r = static_cast<double>(raw[i]);
    squares += u * u;
    dot += u * r;
    raw_squares += r * r;
  }
  EXPECT_NEAR(squares, 1, 1e-6);
  EXPECT_NEAR(dot, std::sqrt(raw_squares), 1e-6 * std::sqrt(raw_squares));
}

TEST(Embed, ATextDoesNotSeeTheOneBefore) {
  const auto session = NewSession(testing::TinyModel(ModelOutput::kHidden));
  const std::vector<float> alone = Embed(*session, SomeTokens(6), Pooling::kMean, true).value();
  ASSERT_TRUE(Embed(*session, SomeTokens(9, 20), Pooling::kMean, true).ok());
  EXPECT_EQ(Embed(*session, SomeTokens(6), Pooling::kMean, true).value(), alone);
}

TEST(Embed, RefusesWhatGivesNoEmbedding) {
  const auto session = NewSession(testing::TinyModel(ModelOutput::kHidden));
  EXPECT_EQ(Embed(*session, SomeTokens(3), Pooling::kNone, true).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Embed(*session, {}, Pooling::kLast, true).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Embed(*session, SomeTokens(testing::kTinyContext + 1), Pooling::kMean, true).status().code(), StatusCode::kOutOfRange);
  const auto generator = NewSession(testing::TinyModel());
  EXPECT_EQ(Embed(*generator, SomeTokens(3), Pooling::kLast, true).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sterna
