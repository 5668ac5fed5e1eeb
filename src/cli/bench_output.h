// A benchmark's report as text: for people, for documents, for spreadsheets, for programs.
#ifndef STERNA_CLI_BENCH_OUTPUT_H_
#define STERNA_CLI_BENCH_OUTPUT_H_

#include <string>

#include "api/benchmark.h"

namespace sterna {

/// Aligned columns, then machine, limits, memory and energy; ends with a line feed, as all of these do.
std::string BenchmarkTable(const BenchmarkReport& report);
/// The same columns as a Markdown table, then one line each on the machine and the limits.
std::string BenchmarkMarkdown(const BenchmarkReport& report);
/// One line a result, with a header; every line repeats machine and limits.
std::string BenchmarkCsv(const BenchmarkReport& report);
/// One object: machine, limits, results, memory, load_seconds, joules_per_token, joules_note. Fields may be added, never renamed.
std::string BenchmarkJson(const BenchmarkReport& report);

}  // namespace sterna

#endif  // STERNA_CLI_BENCH_OUTPUT_H_
