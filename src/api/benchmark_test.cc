#include "api/benchmark.h"

#include <gtest/gtest.h>

#include <set>

#include "api/step_runner.h"

namespace sterna {
namespace {

// One thread: on a busy machine a second one costs milliseconds a step.
LoadedModel TinyModel() {
  auto loaded = MakeShapedModel("tiny", "Q8_0", {.threads = 1, .isa = "", .max_context = 0});
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return *std::move(loaded);
}

TEST(Spread, IsMedianSmallestAndLargest) {
  const Spread odd = SpreadOf({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.min, 1);
  EXPECT_EQ(odd.max, 3);
  EXPECT_EQ(SpreadOf({4, 1, 2, 3}).median, 2.5);
  EXPECT_EQ(SpreadOf({7}).median, 7);
}

TEST(Benchmark, MeasuresEveryKindOfWork) {
  const LoadedModel loaded = TinyModel();
  const BenchmarkOptions options{
      .prompts = {0, 20}, .generated = 6, .batches = {1, 3}, .depths = {0, 40}, .verify = {4}, .repetitions = 2};
  const auto report = RunBenchmark(loaded, options, nullptr);
  ASSERT_TRUE(report.ok()) << report.status().message();
  ASSERT_EQ(report->results.size(), 8u);
  std::set<BenchmarkWork> works;
  for (const BenchmarkResult& result : report->results) {
    SCOPED_TRACE(BenchmarkWorkName(result.work));
    works.insert(result.work);
    const Spread& rate = result.tokens_per_second;
    EXPECT_GT(rate.min, 0);
    EXPECT_LE(rate.min, rate.median);
    EXPECT_LE(rate.median, rate.max);
    EXPECT_GT(result.bytes_per_token, 0);
    EXPECT_GT(result.gb_per_s, 0);
    EXPECT_GT(result.gmac_per_s, 0);
    EXPECT_GT(result.fraction_of_limit, 0);
    EXPECT_EQ(result.batch, result.work == BenchmarkWork::kBatch ? 3 : 1);
  }
  EXPECT_EQ(works.size(), 4u);
  EXPECT_GT(report->limits.read_gb_per_s, 0);
  EXPECT_GT(report->limits.int8_gmac_per_s, 0);
  EXPECT_GT(report->kv_bytes, 0);
  EXPECT_GT(report->peak_bytes, report->kv_bytes);
  EXPECT_EQ(report->threads, 1);
  EXPECT_FALSE(report->joules_note.empty());
}

// Worked out by hand for the shape tiny: 4 layers, 2 KV heads of 64, so that one cached position is 4 * 2 * 2 * 64 * 4 = 4096
// bytes.
TEST(Benchmark, CountsBytesAndProductsOfItsSteps) {
  const LoadedModel loaded = TinyModel();
  const Model& model = *loaded.model;
  const auto weights = static_cast<double>(model.bytes_per_token());
  const auto head = static_cast<double>(512 * 256);
  const auto all = static_cast<double>(model.macs_per_token());
  constexpr double kPosition = 4096;
  const BenchmarkOptions options{
      .prompts = {8}, .generated = 2, .batches = {1, 3}, .depths = {10}, .verify = {2}, .repetitions = 1};
  const auto report = RunBenchmark(loaded, options, nullptr);
  ASSERT_TRUE(report.ok()) << report.status().message();
  ASSERT_EQ(report->results.size(), 4u);
  const BenchmarkResult& prefill = report->results[0];  // one step of 8 tokens, logits of one
  EXPECT_DOUBLE_EQ(prefill.bytes_per_token, (weights + 18 * kPosition) / 8);
  EXPECT_DOUBLE_EQ(prefill.macs_per_token, (8 * (all - head) + head) / 8);
  const BenchmarkResult& decode = report->results[1];  // two steps, at 11 and 12 positions
  EXPECT_DOUBLE_EQ(decode.bytes_per_token, weights + 11.5 * kPosition);
  EXPECT_DOUBLE_EQ(decode.macs_per_token, all);
  EXPECT_EQ(decode.limit, BenchmarkLimit::kRead);
  const BenchmarkResult& batch = report->results[2];  // the same for three sequences, which share the weights
  EXPECT_EQ(batch.work, BenchmarkWork::kBatch);
  EXPECT_DOUBLE_EQ(batch.bytes_per_token, weights / 3 + 11.5 * kPosition);
  const BenchmarkResult& verify = report->results[3];  // one step of two tokens, with the logits of both
  EXPECT_DOUBLE_EQ(verify.bytes_per_token, (weights + 12 * kPosition) / 2);
  EXPECT_DOUBLE_EQ(verify.macs_per_token, all);
}

TEST(Benchmark, RefusesWhatCannotBeMeasured) {
  const LoadedModel loaded = TinyModel();
  const auto code = [&](const BenchmarkOptions& options) { return RunBenchmark(loaded, options, nullptr).status().code(); };
  BenchmarkOptions nothing;
  nothing.prompts = {0};
  nothing.generated = 0;
  EXPECT_EQ(code(nothing), StatusCode::kInvalidArgument);
  BenchmarkOptions too_deep;
  too_deep.depths = {512};
  EXPECT_EQ(code(too_deep), StatusCode::kOutOfRange);
  BenchmarkOptions negative;
  negative.prompts = {-1};
  EXPECT_EQ(code(negative), StatusCode::kInvalidArgument);
  BenchmarkOptions no_sequence;
  no_sequence.batches = {0};
  EXPECT_EQ(code(no_sequence), StatusCode::kInvalidArgument);
  BenchmarkOptions never;
  never.repetitions = 0;
  EXPECT_EQ(code(never), StatusCode::kInvalidArgument);
}

TEST(Benchmark, StopsAtTheStepWhereProgressSaysSo) {
  const LoadedModel loaded = TinyModel();
  int steps = 0;
  const auto report =
      RunBenchmark(loaded, {.prompts = {}, .generated = 100, .batches = {1}, .depths = {0}, .verify = {}, .repetitions = 5},
                   [&](const BenchmarkProgress&) { return ++steps < 20; });
  EXPECT_EQ(report.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(steps, 20);
}

TEST(Benchmark, ReportsProgressInOrder) {
  const LoadedModel loaded = TinyModel();
  std::vector<std::pair<size_t, int64_t>> seen;
  const auto report =
      RunBenchmark(loaded, {.prompts = {4}, .generated = 1, .batches = {1}, .depths = {0}, .verify = {}, .repetitions = 2},
                   [&](const BenchmarkProgress& progress) {
                     EXPECT_EQ(progress.measurements, 2u);
                     seen.emplace_back(progress.measurement, progress.repetition);
                     return true;
                   });
  ASSERT_TRUE(report.ok());
  const std::vector<std::pair<size_t, int64_t>> expected = {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}};
  EXPECT_EQ(seen, expected);
}

TEST(StepRunner, CountsWhatEachStepReads) {
  const LoadedModel loaded = TinyModel();
  auto runner = StepRunner::Create(
      loaded.model, {.sequences = 2, .positions = 100, .step_tokens = 16, .step_selected = 4, .before_step = nullptr});
  ASSERT_TRUE(runner.ok()) << runner.status().message();
  ASSERT_TRUE((*runner)->Append(0, 40, StepRunner::Select::kLast).ok());  // 16 + 16 + 8
  EXPECT_EQ((*runner)->counts().steps, 3);
  EXPECT_EQ((*runner)->counts().tokens, 40);
  EXPECT_EQ((*runner)->counts().selected, 1);
  EXPECT_EQ((*runner)->counts().kv_positions, 16 + 32 + 40);
}

TEST(Benchmark, AScreenedHeadCountsTheBytesItReads) {
  for (const ScreenHead screen_head : {ScreenHead::kOff, ScreenHead::kOn}) {
    const auto loaded = MakeShapedModel("tiny", "F16", {.threads = 1, .isa = "", .max_context = 0, .screen_head = screen_head});
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    const auto report = RunBenchmark(*loaded, {.prompts = {}, .generated = 3, .verify = {}, .top_k = 1, .repetitions = 1}, nullptr);
    ASSERT_TRUE(report.ok()) << report.status().message();
    const BenchmarkResult& decode = report->results.front();
    EXPECT_EQ(report->head_type, "F16");
    EXPECT_EQ(report->is_head_screened, screen_head == ScreenHead::kOn);
    ASSERT_EQ(decode.head.has_value(), screen_head == ScreenHead::kOn);
    const auto weights = static_cast<double>(loaded->model->bytes_per_token());
    const auto head_bytes = static_cast<double>(loaded->model->head_bytes());
    const double read = decode.head ? decode.head->bytes_fraction : 1;
    const double kv_bytes = 4096 * (1 + 2 + 3) / 3.0;
    EXPECT_NEAR(decode.bytes_per_token, weights - (1 - read) * head_bytes + kv_bytes, 1e-6 * weights);
    EXPECT_GE(read, 0.4);
  }
}

}  // namespace
}  // namespace sterna
