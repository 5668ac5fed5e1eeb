// The largest logits of a screened head are those of the full head: tokens, order and bits.
#include "backend/cpu/screened_head.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "backend/testing/plan_runner.h"
#include "backend/top_logits.h"

namespace sterna {
namespace {

using testing::HostIsas;
using testing::PlanRunner;
using testing::RandomRows;
using testing::Rows;

/// Hidden states times a head, the screen of which it needs to be possible.
PlanRunner MakeHead(const CpuBackendOptions& options, DType dtype, const Rows& head, const Rows& hidden) {
  PlanRunner runner(options);
  const SlotView x = runner.Input(hidden);
  const SlotView gathered = runner.plan().AddSlot(Slot::Kind::kFloat, x.width, Slot::Rows::kSelected);
  const SlotView logits = runner.plan().AddSlot(Slot::Kind::kFloat, static_cast<int64_t>(head.size()), Slot::Rows::kSelected);
  const WeightId weight = runner.Dense(dtype, head);
  const Result<WeightId> screen = runner.backend().AddScreen(weight);
  EXPECT_TRUE(screen.ok()) << screen.status().message();
  EXPECT_NE(*screen, kNoWeight);
  runner.Add(GatherOp{.in = x, .out = gathered});
  runner.Add(DenseLinearOp{.weight = weight, .in = gathered, .out = logits, .screen = *screen});
  runner.plan().output = logits.slot;
  return runner;
}

std::vector<StepToken> One(int64_t token) {
  return {{.token = static_cast<int32_t>(token), .sequence = 0, .position = token}};
}

/// Every hidden state, alone and several in one step, for every count.
void ExpectTopOfFull(PlanRunner& runner, int64_t states, const std::vector<int64_t>& counts) {
  const Rows full = runner.RunFirst(states);
  ASSERT_EQ(full.size(), static_cast<size_t>(states));
  for (const int64_t count : counts) {
    std::vector<std::vector<TokenLogit>> expected;
    for (const std::vector<float>& logits : full) {
      std::vector<TokenLogit> top(static_cast<size_t>(count));
      SelectTopLogits(logits, top);
      expected.push_back(top);
    }
    for (int64_t i = 0; i < states; ++i) {
      const auto top = runner.RunTop(One(i), count);
      ASSERT_EQ(top.size(), 1u);
      ASSERT_EQ(top.front(), expected[static_cast<size_t>(i)]) << "state " << i << ", first " << count;
    }
    for (const int64_t together : {int64_t{2}, ScreenedHead::kMaxTokens, ScreenedHead::kMaxTokens + 1}) {
      if (together > states) continue;
      const auto top = runner.RunTop(PlanRunner::FirstTokens(together), count);
      for (size_t i = 0; i < top.size(); ++i) ASSERT_EQ(top[i], expected[i]) << together << " together, state " << i;
    }
  }
}

/// Rows of one direction each with noise around it, as a vocabulary has them: few rows are near the best.
Rows StructuredRows(int64_t rows, int64_t cols, uint64_t seed) {
  Rows out = RandomRows(rows, cols, seed);
  const Rows directions = RandomRows(8, cols, seed + 1);
  for (size_t r = 0; r < out.size(); ++r) {
    for (size_t c = 0; c < out[r].size(); ++c) {
      out[r][c] = 0.02f * out[r][c] + 0.02f * static_cast<float>(r % 40) / 40.0f * directions[r % 8][c];
    }
  }
  return out;
}

TEST(ScreenedHead, EqualsTheFullHeadOnEveryInstructionSetAndNumberOfThreads) {
  const Rows head = StructuredRows(1501, 200, 1), hidden = RandomRows(6, 200, 2);
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    for (const Isa isa : HostIsas()) {
      for (const int threads : {1, 3}) {
        PlanRunner runner = MakeHead({.threads = threads, .isa = isa}, dtype, head, hidden);
        ExpectTopOfFull(runner, 6, {1, 2, 40, 300});
      }
    }
  }
}

TEST(ScreenedHead, ReadsFewRowsWhereFewAreNearTheBest) {
  constexpr int64_t kStates = 50, kVocab = 8000;
  PlanRunner runner =
      MakeHead({.threads = 1, .isa = HostIsa()}, DType::kF16, StructuredRows(kVocab, 256, 3), RandomRows(kStates, 256, 4));
  for (int64_t i = 0; i < kStates; ++i) runner.RunTop(One(i), 1);
  const ScreenCounts counts = runner.program()->screen_counts();
  EXPECT_EQ(counts.rows, kStates);
  EXPECT_EQ(counts.fallbacks, 0);
  EXPECT_LT(counts.rescored, kStates * kVocab / 20);
  EXPECT_GE(counts.rescored, kStates);
}

TEST(ScreenedHead, TiesAndNeighboursOfOneUlpAreDecidedAsByTheFullHead) {
  constexpr int64_t kVocab = 1200, kCols = 96;
  const Rows hidden = RandomRows(8, kCols, 5);
  Rows duplicates = StructuredRows(kVocab, kCols, 6), ulps = duplicates, shifted = duplicates;
  RngStream random{.key = 7};
  for (size_t r = 0; r < kVocab; ++r) {
    duplicates[r] = duplicates[r % 5];
    // All rows one row, but for the last bit of a few weights.
    ulps[r] = ulps[0];
    for (int i = 0; i < 3; ++i) {
      float& weight = ulps[r][random.NextUint32() % kCols];
      weight = std::bit_cast<float>(std::bit_cast<uint32_t>(weight) ^ (random.NextUint32() & 1u));
    }
    // A family of near-ties around the best row of each state, the others far away.
    if (r % 10 == 3) shifted[r] = hidden[r / 10 % 8];
    for (size_t c = 0; r % 10 == 3 && c < 2; ++c) shifted[r][random.NextUint32() % kCols] *= 1 + 0x1p-22f;
  }
  for (const Rows& head : {duplicates, ulps, shifted, Rows(kVocab, hidden[0]), Rows(kVocab, std::vector<float>(kCols, 0.0f))}) {
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      PlanRunner runner = MakeHead({.threads = 2, .isa = HostIsa()}, dtype, head, hidden);
      ExpectTopOfFull(runner, 8, {1, 39, 401});
    }
  }
}

TEST(ScreenedHead, WideBoundsDoNotHideRowsWithNarrowOnes) {
  // 200 large rows at right angles to the state: upper bounds far above their logits of nearly 0, so they are computed first. The
  // best rows are small ones, with logits a little above 0; only the second round finds them. All others are far below.
  constexpr int64_t kVocab = 2000, kCols = 96, kWide = 200, kNarrow = 60;
  const Rows hidden = RandomRows(1, kCols, 16), noise = RandomRows(kWide, kCols, 17);
  const std::vector<float>& x = hidden.front();
  const auto dot = [&](const std::vector<float>& row) {
    double sum = 0;
    for (size_t c = 0; c < row.size(); ++c) sum += static_cast<double>(row[c]) * static_cast<double>(x[c]);
    return sum;
  };
  const double squares = dot(x);
  Rows head(kVocab, std::vector<float>(kCols));
  for (size_t r = 0; r < kVocab; ++r) {
    const bool is_wide = r % 10 == 4;
    const auto i = static_cast<double>(r / 10);
    const double logit = is_wide ? 0 : r % 10 == 7 && r / 10 < kNarrow ? 1e-4 * (1 + i) : -5;
    for (size_t c = 0; c < kCols; ++c) {
      head[r][c] = static_cast<float>(logit / squares * static_cast<double>(x[c]));
      if (is_wide) {
        const std::vector<float>& row = noise[r / 10];
        head[r][c] = static_cast<float>(30 * (static_cast<double>(row[c]) - dot(row) / squares * static_cast<double>(x[c])));
      }
    }
  }
  PlanRunner runner = MakeHead({.threads = 2, .isa = HostIsa()}, DType::kF32, head, hidden);
  ExpectTopOfFull(runner, 1, {1, 5, 40});
  EXPECT_EQ(runner.RunTop(One(0), 1).front().front().token, 10 * (kNarrow - 1) + 7);
  EXPECT_EQ(runner.program()->screen_counts().fallbacks, 0);
}

TEST(ScreenedHead, FallsBackWhereRowsCannotBeToldApart) {
  PlanRunner runner =
      MakeHead({.threads = 2, .isa = HostIsa()}, DType::kF16, Rows(1000, RandomRows(1, 64, 8).front()), RandomRows(2, 64, 9));
  ExpectTopOfFull(runner, 2, {1, 40});
  const ScreenCounts counts = runner.program()->screen_counts();
  EXPECT_GT(counts.rows, 0);
  EXPECT_EQ(counts.fallbacks, counts.rows);
  EXPECT_EQ(counts.rescored, 0);
}

TEST(ScreenedHead, InputsThatHaveNoBoundGiveWhatTheFullHeadGives) {
  const float infinity = std::numeric_limits<float>::infinity();
  Rows hidden = RandomRows(4, 64, 10);
  hidden[0][3] = std::numeric_limits<float>::quiet_NaN();
  hidden[1][3] = infinity;
  hidden[2][3] = 1e30f;
  for (float& value : hidden[3]) value = 0;
  PlanRunner runner = MakeHead({.threads = 1, .isa = HostIsa()}, DType::kF32, RandomRows(500, 64, 11), hidden);
  const Rows full = runner.RunFirst(4);
  for (int64_t i = 0; i < 4; ++i) {
    std::vector<TokenLogit> expected(5);
    SelectTopLogits(full[static_cast<size_t>(i)], expected);
    const auto top = runner.RunTop(One(i), 5);
    for (size_t j = 0; j < 5; ++j) {
      EXPECT_EQ(top.front()[j].token, expected[j].token) << i;
      EXPECT_EQ(std::bit_cast<uint32_t>(top.front()[j].logit), std::bit_cast<uint32_t>(expected[j].logit)) << i;
    }
  }
}

TEST(ScreenedHead, MatricesThatCannotBeScreenedAreNot) {
  PlanRunner runner;
  Rows huge = RandomRows(40, 64, 12);
  huge[39][63] = 0x1p51f;
  for (const WeightId weight : {runner.Dense(DType::kF32, huge), runner.Dense(DType::kQ8_0, RandomRows(40, 64, 13))}) {
    const Result<WeightId> screen = runner.backend().AddScreen(weight);
    ASSERT_TRUE(screen.ok());
    EXPECT_EQ(*screen, kNoWeight);
  }
  EXPECT_EQ(runner.backend().AddScreen(runner.Vector({1, 2})).status().code(), StatusCode::kInternal);
  EXPECT_EQ(runner.backend().AddScreen(99).status().code(), StatusCode::kInternal);
}

TEST(ScreenedHead, CountsOutsideOfTheVocabularyAreRefused) {
  for (const int64_t states : {1, 6}) {  // screened, and in full
    PlanRunner runner = MakeHead({.threads = 1, .isa = HostIsa()}, DType::kF32, RandomRows(30, 64, 14), RandomRows(states, 64, 15));
    runner.RunFirst(1);
    const std::vector<StepToken> tokens = PlanRunner::FirstTokens(states);
    std::vector<int32_t> selected(tokens.size());
    std::iota(selected.begin(), selected.end(), 0);
    for (const int64_t count : {0, -1, 31}) {
      const auto top = runner.program()->RunTop({.tokens = tokens, .sequences = {}, .selected = selected}, count);
      EXPECT_EQ(top.status().code(), StatusCode::kInternal) << count;
    }
    EXPECT_EQ(runner.RunTop(tokens, 30).size(), tokens.size());
  }
}

}  // namespace
}  // namespace sterna
