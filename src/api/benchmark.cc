#include "api/benchmark.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "api/energy.h"
#include "api/step_runner.h"
#include "api/system_memory.h"
#include "engine/session.h"

namespace sterna {
namespace {

/// What is measured; the rest of a BenchmarkResult follows from it and from the clock.
struct Measurement {
  BenchmarkWork work;
  int64_t prompt, generated, batch, depth, tokens_per_step;

  int64_t positions() const { return depth + prompt + (work == BenchmarkWork::kVerify ? tokens_per_step : generated); }
};

Status CheckRange(std::string_view option, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return Status::Ok();
  return InvalidArgument(fmt::format("benchmark, {}: expected {} to {}, found {}", option, low, high, value));
}

Status CheckOptions(const BenchmarkOptions& options) {
  constexpr int64_t kMaxTokens = int64_t{1} << 24;
  constexpr int64_t kMaxBatch = 1024;
  constexpr int64_t kMaxVerify = 64;
  constexpr int64_t kMaxRepetitions = 1000;
  for (const int64_t prompt : options.prompts) STERNA_RETURN_IF_ERROR(CheckRange("prompt tokens", prompt, 0, kMaxTokens));
  for (const int64_t depth : options.depths) STERNA_RETURN_IF_ERROR(CheckRange("depth", depth, 0, kMaxTokens));
  for (const int64_t batch : options.batches) STERNA_RETURN_IF_ERROR(CheckRange("batch", batch, 1, kMaxBatch));
  for (const int64_t tokens : options.verify) STERNA_RETURN_IF_ERROR(CheckRange("verify tokens", tokens, 1, kMaxVerify));
  STERNA_RETURN_IF_ERROR(CheckRange("generated tokens", options.generated, 0, kMaxTokens));
  STERNA_RETURN_IF_ERROR(CheckRange("top-k", options.top_k, 0, kMaxTopLogits));
  return CheckRange("repetitions", options.repetitions, 1, kMaxRepetitions);
}

Result<std::vector<Measurement>> ListMeasurements(const BenchmarkOptions& options, int64_t max_context) {
  std::vector<Measurement> list;
  const int64_t chunk = SessionOptions().max_chunk;
  for (const int64_t depth : options.depths) {
    for (const int64_t prompt : options.prompts) {
      if (prompt == 0) continue;
      list.push_back({BenchmarkWork::kPrefill, prompt, 0, 1, depth, std::min(prompt, chunk)});
    }
    for (const int64_t batch : options.batches) {
      if (options.generated == 0) continue;
      list.push_back({batch == 1 ? BenchmarkWork::kDecode : BenchmarkWork::kBatch, 0, options.generated, batch, depth, batch});
    }
    for (const int64_t tokens : options.verify) {
      // As many steps as generate about as many tokens as the other kinds; a single step would be too short to time.
      constexpr int64_t kVerifiedTokens = 64;
      const int64_t steps = std::max<int64_t>(1, (options.generated > 0 ? options.generated : kVerifiedTokens) / tokens);
      list.push_back({BenchmarkWork::kVerify, 0, steps * tokens, 1, depth, tokens});
    }
  }
  if (list.empty()) return InvalidArgument("benchmark: nothing to measure: no prompt, no generated tokens, no verify length");
  for (const Measurement& measurement : list) {
    if (measurement.positions() <= max_context) continue;
    return OutOfRange(fmt::format("benchmark, {} at depth {}: {} positions are needed, the context has {}",
                                  BenchmarkWorkName(measurement.work), measurement.depth, measurement.positions(), max_context));
  }
  return list;
}

/// One repetition, from the cache filled to the measurement's depth. The warm-up of a decode is cut short: the first steps load all
/// that a warm machine has loaded.
Status RunOnce(StepRunner& runner, const Measurement& measurement, bool is_warm_up) {
  constexpr int64_t kWarmUpSteps = 8;
  if (measurement.work == BenchmarkWork::kPrefill) return runner.Append(0, measurement.prompt, StepRunner::Select::kLast);
  const bool is_verify = measurement.work == BenchmarkWork::kVerify;
  int64_t steps = is_verify ? measurement.generated / measurement.tokens_per_step : measurement.generated;
  if (is_warm_up) steps = std::min(steps, kWarmUpSteps);
  for (int64_t step = 0; step < steps; ++step) {
    if (is_verify) {
      runner.Rewind(measurement.depth);
      STERNA_RETURN_IF_ERROR(runner.Append(0, measurement.tokens_per_step, StepRunner::Select::kAll));
    } else {
      STERNA_RETURN_IF_ERROR(runner.DecodeTogether());
    }
  }
  return Status::Ok();
}

Result<std::unique_ptr<StepRunner>> MakeRunner(const LoadedModel& loaded, const Measurement& measurement, int64_t top_k,
                                               std::function<Status()> before_step) {
  // A step also fills the cache to its depth, in chunks. A verified step must not be cut.
  const int64_t filled = std::min(measurement.depth, SessionOptions().max_chunk);
  const bool selects_one = measurement.work == BenchmarkWork::kPrefill;
  return StepRunner::Create(loaded.model, {.sequences = measurement.batch,
                                           .positions = measurement.positions(),
                                           .step_tokens = std::max(measurement.tokens_per_step, filled),
                                           .step_selected = selects_one ? 1 : measurement.tokens_per_step,
                                           .top_logits = std::min(top_k, loaded.model->config().vocab),
                                           .before_step = std::move(before_step)});
}

struct Repetitions {
  std::vector<double> tokens_per_second;
  StepCounts counts;             // of one repetition; all are alike
  std::optional<double> joules;  // of all repetitions
  int64_t kv_bytes = 0;
  ScreenCounts screen;  // warm-up included
};

/// `repetition` is set before each repetition, for progress.
Result<Repetitions> Repeat(StepRunner& runner, const Measurement& measurement, int64_t repetitions, EnergyMeter* meter,
                           int64_t* repetition) {
  Repetitions out;
  for (int64_t sequence = 0; sequence < measurement.batch; ++sequence) {
    STERNA_RETURN_IF_ERROR(runner.Append(static_cast<size_t>(sequence), measurement.depth, StepRunner::Select::kNone));
  }
  STERNA_RETURN_IF_ERROR(RunOnce(runner, measurement, /*is_warm_up=*/true));
  for (*repetition = 1; *repetition <= repetitions; ++*repetition) {
    runner.Rewind(measurement.depth);
    runner.ResetCounts();
    // Discards what was used between the repetitions.
    if (meter != nullptr) STERNA_RETURN_IF_ERROR(meter->JoulesSinceLast().status());
    const auto start = std::chrono::steady_clock::now();
    STERNA_RETURN_IF_ERROR(RunOnce(runner, measurement, /*is_warm_up=*/false));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (meter != nullptr) {
      STERNA_ASSIGN_OR_RETURN(const double joules, meter->JoulesSinceLast());
      out.joules = out.joules.value_or(0) + joules;
    }
    out.tokens_per_second.push_back(static_cast<double>(runner.counts().tokens) / std::max(seconds, 1e-9));
  }
  out.counts = runner.counts();
  out.kv_bytes = runner.kv_bytes();
  out.screen = runner.screen_counts();
  return out;
}

std::optional<BenchmarkHead> MakeHead(const Model& model, const ScreenCounts& counts) {
  if (counts.rows == 0) return std::nullopt;
  const auto rows = static_cast<double>(counts.rows), fallbacks = static_cast<double>(counts.fallbacks);
  const auto rescored = static_cast<double>(counts.rescored), vocab = static_cast<double>(model.config().vocab);
  // Screening always happens; a full pass comes on top.
  const double screen = static_cast<double>(model.screen_bytes()) / static_cast<double>(model.head_bytes());
  return BenchmarkHead{.bytes_fraction = screen + (rescored / vocab + fallbacks) / rows,
                       .rescored_rows = counts.rows == counts.fallbacks ? 0 : rescored / (rows - fallbacks),
                       .fallback_rate = fallbacks / rows};
}

BenchmarkResult MakeResult(const Model& model, const Measurement& measurement, const Repetitions& repetitions) {
  BenchmarkResult result;
  result.work = measurement.work;
  result.prompt = measurement.prompt;
  result.generated = measurement.generated;
  result.batch = measurement.batch;
  result.depth = measurement.depth;
  result.tokens_per_step = measurement.tokens_per_step;
  const StepCounts& counts = repetitions.counts;
  const int64_t head_macs = model.config().vocab * model.config().d_model;
  const int64_t kv_position_bytes = KvBlockBytes(model.kv_shape()) / kKvBlockPositions;
  const auto tokens = static_cast<double>(counts.tokens);
  result.head = MakeHead(model, repetitions.screen);
  const double head_share = result.head ? result.head->bytes_fraction : 1;
  const double weight_bytes =
      static_cast<double>(model.bytes_per_token()) - (1 - head_share) * static_cast<double>(model.head_bytes());
  const double bytes = static_cast<double>(counts.steps) * weight_bytes +
                       static_cast<double>(counts.kv_positions) * static_cast<double>(kv_position_bytes);
  const double macs = tokens * static_cast<double>(model.macs_per_token() - head_macs) +
                      static_cast<double>(counts.selected) * static_cast<double>(head_macs);
  result.tokens_per_second = SpreadOf(repetitions.tokens_per_second);
  result.bytes_per_token = bytes / tokens;
  result.macs_per_token = macs / tokens;
  result.gb_per_s = result.bytes_per_token * result.tokens_per_second.median * 1e-9;
  result.gmac_per_s = result.macs_per_token * result.tokens_per_second.median * 1e-9;
  if (repetitions.joules) {
    result.joules_per_token = *repetitions.joules / (tokens * static_cast<double>(repetitions.tokens_per_second.size()));
  }
  return result;
}

void CompareWithLimits(const MachineLimits& limits, BenchmarkResult* result) {
  const double of_read = result->gb_per_s / limits.read_gb_per_s;
  const double of_int8 = result->gmac_per_s / limits.int8_gmac_per_s;
  const bool is_multiplying =
      result->work == BenchmarkWork::kPrefill || (result->work != BenchmarkWork::kDecode && of_int8 > of_read);
  result->limit = is_multiplying ? BenchmarkLimit::kInt8 : BenchmarkLimit::kRead;
  result->fraction_of_limit = is_multiplying ? of_int8 : of_read;
}

void SummarizeEnergy(const Status& meter_status, BenchmarkReport* report) {
  if (!meter_status.ok()) {
    report->joules_note = meter_status.message();
    return;
  }
  for (const BenchmarkResult& result : report->results) {
    if (result.work != BenchmarkWork::kDecode) continue;
    report->joules_per_token = result.joules_per_token;
    report->joules_note = "the whole processor package during decode, other programs included";
    return;
  }
  report->joules_note = "no decode of one sequence was measured";
}

}  // namespace

std::string_view BenchmarkWorkName(BenchmarkWork work) {
  switch (work) {
    case BenchmarkWork::kPrefill:
      return "prefill";
    case BenchmarkWork::kDecode:
      return "decode";
    case BenchmarkWork::kVerify:
      return "verify";
    case BenchmarkWork::kBatch:
      return "batch";
  }
  return "unknown";
}

std::string_view BenchmarkLimitName(BenchmarkLimit limit) {
  return limit == BenchmarkLimit::kRead ? "read" : "int8";
}

Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {.median = median, .min = values.front(), .max = values.back()};
}

Result<BenchmarkReport> RunBenchmark(const LoadedModel& loaded, const BenchmarkOptions& options,
                                     const std::function<bool(const BenchmarkProgress&)>& progress) {
  const Model& model = *loaded.model;
  STERNA_RETURN_IF_ERROR(CheckOptions(options));
  STERNA_ASSIGN_OR_RETURN(const std::vector<Measurement> list, ListMeasurements(options, model.max_context()));
  Result<EnergyMeter> meter = EnergyMeter::Open();

  BenchmarkReport report;
  report.model = loaded.path;
  report.cpu = HostCpuName();
  report.isa = loaded.isa;
  report.threads = model.backend().threads();
  report.head_type = model.head_bytes() > 0 ? Name(model.head_type()) : "";
  report.is_head_screened = model.screen_bytes() > 0;
  report.file_bytes = loaded.file_bytes;
  report.load_seconds = loaded.load_seconds;
  BenchmarkProgress state{
      .measurement = 0, .measurements = list.size(), .repetition = 0, .repetitions = options.repetitions, .work = {}, .depth = 0};
  const auto before_step = [&] { return !progress || progress(state) ? Status::Ok() : Cancelled("the benchmark was interrupted"); };
  for (const Measurement& measurement : list) {
    state.repetition = 0;
    state.work = BenchmarkWorkName(measurement.work);
    state.depth = measurement.depth;
    STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<StepRunner> runner, MakeRunner(loaded, measurement, options.top_k, before_step));
    STERNA_ASSIGN_OR_RETURN(const Repetitions repetitions,
                            Repeat(*runner, measurement, options.repetitions, meter.ok() ? &*meter : nullptr, &state.repetition));
    report.results.push_back(MakeResult(model, measurement, repetitions));
    report.kv_bytes = std::max(report.kv_bytes, repetitions.kv_bytes);
    if (state.measurement + 1 == list.size()) report.memory = ReadMemoryReport(runner->kv_use());
    state.measurement += 1;
  }
  report.peak_bytes = PeakResidentBytes();
  STERNA_ASSIGN_OR_RETURN(report.limits, MeasureMachineLimits(loaded.threads, report.isa));
  for (BenchmarkResult& result : report.results) CompareWithLimits(report.limits, &result);
  SummarizeEnergy(meter.status(), &report);
  return report;
}

}  // namespace sterna
