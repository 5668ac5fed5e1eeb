// Speed of a model on this machine, beside what the machine allows.
#ifndef STERNA_API_BENCHMARK_H_
#define STERNA_API_BENCHMARK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/loaded_model.h"
#include "api/machine_limits.h"
#include "api/memory_report.h"
#include "base/status.h"

namespace sterna {

/// One measurement is made for each depth with each prompt, each batch, and each verify length.
struct BenchmarkOptions {
  std::vector<int64_t> prompts = {512};  ///< tokens of a prompt; 0: no prefill is measured
  int64_t generated = 128;               ///< tokens each sequence generates; 0: no decode is measured
  std::vector<int64_t> batches = {1};    ///< sequences that decode together
  std::vector<int64_t> depths = {0};     ///< tokens in the cache before the measured work begins
  std::vector<int64_t> verify;           ///< tokens of one step whose logits are all wanted, as speculative decoding asks for
  int64_t top_k = 40;                    ///< logits that a decoded token needs, as with run's sampler; 0: all of them
  int64_t repetitions = 5;               ///< after a warm-up that does not count
};

enum class BenchmarkWork : uint8_t {
  kPrefill,  ///< a prompt is read, in the chunks of engine/session.h
  kDecode,   ///< one sequence, token by token
  kVerify,   ///< a few tokens in one step, with the logits of each
  kBatch,    ///< several sequences decode together, one token each per step
};
/// "prefill", "decode", "verify", "batch".
std::string_view BenchmarkWorkName(BenchmarkWork work);

enum class BenchmarkLimit : uint8_t { kRead, kInt8 };
/// "read", "int8".
std::string_view BenchmarkLimitName(BenchmarkLimit limit);

struct Spread {
  double median = 0, min = 0, max = 0;
};
/// Of at least one value. The median of an even number is the mean of the two in the middle.
Spread SpreadOf(std::vector<double> values);

/// What a screened head did in one measurement, the warm-up included.
struct BenchmarkHead {
  double bytes_fraction = 0;  ///< of the head's bytes: read per row of logits, exact rows included
  double rescored_rows = 0;   ///< vocabulary rows computed exactly per row of logits, fallbacks left out
  double fallback_rate = 0;   ///< rows of logits computed in full
};

/// One measurement. Rates belong to the median repetition.
struct BenchmarkResult {
  BenchmarkWork work = BenchmarkWork::kDecode;
  int64_t prompt = 0;     ///< tokens read per repetition (prefill)
  int64_t generated = 0;  ///< tokens per sequence and repetition (decode, verify, batch)
  int64_t batch = 1;
  int64_t depth = 0;
  int64_t tokens_per_step = 1;  ///< at most, over all sequences
  Spread tokens_per_second;     ///< of all sequences together
  /// What the steps must at least read, per token: all weights of a decoded token (Model::bytes_per_token, the head included) once
  /// a step (of a screened head what was read), and the cached keys and values of each sequence once a step.
  double bytes_per_token = 0;
  /// Multiply-accumulates of the weight matrices per token; the head counts only where logits were wanted, attention never.
  double macs_per_token = 0;
  double gb_per_s = 0;
  double gmac_per_s = 0;
  /// The limit this work is compared with: decode with reading, prefill with multiplying, the others with the one that is nearer.
  BenchmarkLimit limit = BenchmarkLimit::kRead;
  double fraction_of_limit = 0;
  std::optional<double> joules_per_token;
  std::optional<BenchmarkHead> head;  ///< where the head was screened
};

struct BenchmarkReport {
  std::string model;
  std::string cpu;
  Isa isa = Isa::kRef;
  int threads = 1;
  MachineLimits limits;  ///< measured behind the results, so that the memory they take does not count in peak_bytes
  std::vector<BenchmarkResult> results;
  std::string head_type;  ///< "F16"; empty where the model has no logits
  bool is_head_screened = false;
  int64_t file_bytes = 0;
  int64_t kv_bytes = 0;    ///< most that one measurement's cache took
  int64_t peak_bytes = 0;  ///< PeakResidentBytes
  MemoryReport memory;     ///< behind the last measurement, with its cache still there
  double load_seconds = 0;
  std::optional<double> joules_per_token;  ///< of the first decode measured
  std::string joules_note;                 ///< why there is no figure, or what it counts
};

struct BenchmarkProgress {
  size_t measurement = 0, measurements = 0;  ///< counted from 0
  int64_t repetition = 0, repetitions = 0;   ///< 0 is the warm-up, the last is `repetitions`
  std::string_view work;
  int64_t depth = 0;
};

/// Runs all measurements with pseudo-random tokens. `progress` is called before every step and returns whether to go on. Errors:
/// InvalidArgument (an option, by name), OutOfRange (more positions than the context has), ResourceExhausted, Cancelled.
Result<BenchmarkReport> RunBenchmark(const LoadedModel& loaded, const BenchmarkOptions& options,
                                     const std::function<bool(const BenchmarkProgress&)>& progress);

}  // namespace sterna

#endif  // STERNA_API_BENCHMARK_H_
