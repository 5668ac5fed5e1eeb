#include "cli/bench_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/memory_output.h"

namespace sterna {
namespace {

/// "prefill 512", "decode 128 at depth 2048", "batch 8 x 64", "verify 4".
std::string Label(const BenchmarkResult& result) {
  std::string label(BenchmarkWorkName(result.work));
  switch (result.work) {
    case BenchmarkWork::kPrefill:
      label += fmt::format(" {}", result.prompt);
      break;
    case BenchmarkWork::kDecode:
      label += fmt::format(" {}", result.generated);
      break;
    case BenchmarkWork::kVerify:
      label += fmt::format(" {}", result.tokens_per_step);
      break;
    case BenchmarkWork::kBatch:
      label += fmt::format(" {} x {}", result.batch, result.generated);
      break;
  }
  if (result.depth > 0) label += fmt::format(" at depth {}", result.depth);
  return label;
}

constexpr size_t kColumns = 5;
using Row = std::array<std::string, kColumns>;

/// Header first.
std::vector<Row> Rows(const BenchmarkReport& report) {
  std::vector<Row> rows = {{"work", "tokens/s (min - max)", "GB/s", "GMAC/s", "of limit"}};
  for (const BenchmarkResult& result : report.results) {
    const Spread& rate = result.tokens_per_second;
    rows.push_back({Label(result), fmt::format("{:.2f} ({:.2f} - {:.2f})", rate.median, rate.min, rate.max),
                    fmt::format("{:.2f}", result.gb_per_s), fmt::format("{:.1f}", result.gmac_per_s),
                    fmt::format("{:.0f} % {}", result.fraction_of_limit * 100, BenchmarkLimitName(result.limit))});
  }
  return rows;
}

std::string Megabytes(int64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) * 1e-6);
}

std::string MachineLine(const BenchmarkReport& report) {
  return fmt::format("{}, {}, {} threads", report.cpu, IsaName(report.isa), report.threads);
}

std::string LimitsLine(const BenchmarkReport& report) {
  return fmt::format("read {:.2f} GB/s, int8 {:.1f} GMAC/s, measured in this run", report.limits.read_gb_per_s,
                     report.limits.int8_gmac_per_s);
}

/// "F16, all rows" or "F16, screened: 312.4 exact rows, 42.1 % of its bytes, 0.0 % in full (decode 128); …".
std::string HeadLine(const BenchmarkReport& report) {
  if (report.head_type.empty()) return "none";
  std::string text = report.head_type;
  if (!report.is_head_screened) return text + ", all rows";
  std::string_view separator = ", screened: ";
  for (const BenchmarkResult& result : report.results) {
    if (!result.head) continue;
    text += fmt::format("{}{:.1f} exact rows, {:.1f} % of its bytes, {:.1f} % in full ({})", separator, result.head->rescored_rows,
                        result.head->bytes_fraction * 100, result.head->fallback_rate * 100, Label(result));
    separator = "; ";
  }
  return text;
}

std::string EnergyLine(const BenchmarkReport& report) {
  return report.joules_per_token ? fmt::format("{:.3f} J/token ({})", *report.joules_per_token, report.joules_note)
                                 : fmt::format("not measured: {}", report.joules_note);
}

/// Quotes of a CSV field are doubled; every text field is quoted.
std::string CsvText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

nlohmann::ordered_json OptionalNumber(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json HeadJson(const std::optional<BenchmarkHead>& head) {
  if (!head) return nullptr;
  return {{"bytes_fraction", head->bytes_fraction}, {"rescored_rows", head->rescored_rows}, {"fallback_rate", head->fallback_rate}};
}

nlohmann::ordered_json ResultJson(const BenchmarkResult& result) {
  return {
      {"work", BenchmarkWorkName(result.work)},
      {"prompt", result.prompt},
      {"generated", result.generated},
      {"batch", result.batch},
      {"depth", result.depth},
      {"tokens_per_step", result.tokens_per_step},
      {"tokens_per_second",
       {{"median", result.tokens_per_second.median}, {"min", result.tokens_per_second.min}, {"max", result.tokens_per_second.max}}},
      {"bytes_per_token", result.bytes_per_token},
      {"macs_per_token", result.macs_per_token},
      {"gb_per_s", result.gb_per_s},
      {"gmac_per_s", result.gmac_per_s},
      {"fraction_of_limit", result.fraction_of_limit},
      {"limit", BenchmarkLimitName(result.limit)},
      {"joules_per_token", OptionalNumber(result.joules_per_token)},
      {"screened_head", HeadJson(result.head)}};
}

}  // namespace

std::string BenchmarkTable(const BenchmarkReport& report) {
  const std::vector<Row> rows = Rows(report);
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    text += fmt::format("{:<{}}", row[0], widths[0]);
    for (size_t i = 1; i < kColumns; ++i) text += fmt::format("  {:>{}}", row[i], widths[i]);
    text += '\n';
  }
  text += fmt::format("\nmodel    {}, loaded in {:.2f} s\n", report.model, report.load_seconds);
  text += fmt::format("machine  {}\n", MachineLine(report));
  text += fmt::format("limits   {}\n", LimitsLine(report));
  text += fmt::format("head     {}\n", HeadLine(report));
  text += fmt::format("memory   weights {}, cache {}, peak {}\n", Megabytes(report.file_bytes), Megabytes(report.kv_bytes),
                      Megabytes(report.peak_bytes));
  text += fmt::format("energy   {}\n", EnergyLine(report));
  return text;
}

std::string BenchmarkMarkdown(const BenchmarkReport& report) {
  const std::vector<Row> rows = Rows(report);
  std::string text = fmt::format("| {} |\n| --- | ---: | ---: | ---: | ---: |\n", fmt::join(rows.front(), " | "));
  for (size_t i = 1; i < rows.size(); ++i) text += fmt::format("| {} |\n", fmt::join(rows[i], " | "));
  text += fmt::format("\n{}: {}; {}; peak memory {}.\n", report.model, MachineLine(report), LimitsLine(report),
                      Megabytes(report.peak_bytes));
  return text;
}

std::string BenchmarkCsv(const BenchmarkReport& report) {
  std::string text =
      "model,cpu,isa,threads,work,prompt,generated,batch,depth,tokens_per_step,tokens_per_second_median,tokens_per_second_min,"
      "tokens_per_second_max,bytes_per_token,gb_per_s,gmac_per_s,fraction_of_limit,limit,read_gb_per_s,int8_gmac_per_s,peak_"
      "bytes\n";
  for (const BenchmarkResult& result : report.results) {
    const Spread& rate = result.tokens_per_second;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},", CsvText(report.model), CsvText(report.cpu), IsaName(report.isa),
                        report.threads, BenchmarkWorkName(result.work), result.prompt, result.generated, result.batch, result.depth,
                        result.tokens_per_step);
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", rate.median, rate.min, rate.max, result.bytes_per_token,
                        result.gb_per_s, result.gmac_per_s, result.fraction_of_limit, BenchmarkLimitName(result.limit),
                        report.limits.read_gb_per_s, report.limits.int8_gmac_per_s, report.peak_bytes);
  }
  return text;
}

std::string BenchmarkJson(const BenchmarkReport& report) {
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (const BenchmarkResult& result : report.results) results.push_back(ResultJson(result));
  nlohmann::ordered_json memory = {
      {"file_bytes", report.file_bytes}, {"kv_bytes", report.kv_bytes}, {"peak_bytes", report.peak_bytes}};
  memory.update(MemoryJson(report.memory));
  const nlohmann::ordered_json out = {{"model", report.model},
                                      {"machine", {{"cpu", report.cpu}, {"isa", IsaName(report.isa)}, {"threads", report.threads}}},
                                      {"head_type", report.head_type},
                                      {"limits",
                                       {{"read_gb_per_s", report.limits.read_gb_per_s},
                                        {"int8_gmac_per_s", report.limits.int8_gmac_per_s},
                                        {"read_buffer_bytes", report.limits.read_buffer_bytes}}},
                                      {"results", std::move(results)},
                                      {"memory", std::move(memory)},
                                      {"load_seconds", report.load_seconds},
                                      {"joules_per_token", OptionalNumber(report.joules_per_token)},
                                      {"joules_note", report.joules_note}};
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace sterna
