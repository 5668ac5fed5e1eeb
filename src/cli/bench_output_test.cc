#include "cli/bench_output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sterna {
namespace {

BenchmarkReport TinyReport() {
  auto loaded = MakeShapedModel("tiny", "Q6_K", {.threads = 1, .isa = "", .max_context = 0});
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  auto report = RunBenchmark(
      *loaded, {.prompts = {16}, .generated = 4, .batches = {1, 2}, .depths = {0, 8}, .verify = {3}, .repetitions = 1}, nullptr);
  EXPECT_TRUE(report.ok()) << report.status().message();
  return *std::move(report);
}

// The names that users and scripts rely on (docs/cli.md): a field may be added, none renamed.
TEST(BenchmarkJson, HasEveryPromisedField) {
  const auto json = nlohmann::json::parse(BenchmarkJson(TinyReport()), nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(json.is_object());
  const auto is_number = [&](const char* pointer) {
    return json.value(nlohmann::json::json_pointer(pointer), nlohmann::json()).is_number();
  };
  EXPECT_TRUE(json["machine"]["cpu"].is_string());
  EXPECT_TRUE(json["machine"]["isa"].is_string());
  for (const char* pointer : {"/machine/threads", "/limits/read_gb_per_s", "/limits/int8_gmac_per_s", "/memory/file_bytes",
                              "/memory/kv_bytes", "/memory/peak_bytes", "/load_seconds"}) {
    EXPECT_TRUE(is_number(pointer)) << pointer;
  }
  ASSERT_EQ(json["results"].size(), 8u);
  for (const auto& result : json["results"]) {
    EXPECT_TRUE(result["work"].is_string());
    for (const char* field :
         {"prompt", "generated", "batch", "depth", "bytes_per_token", "gb_per_s", "gmac_per_s", "fraction_of_limit"}) {
      ASSERT_TRUE(result.contains(field)) << field;
      EXPECT_TRUE(result[field].is_number()) << field;
    }
    for (const char* field : {"median", "min", "max"}) EXPECT_TRUE(result["tokens_per_second"][field].is_number()) << field;
  }
  EXPECT_EQ(json["results"][0]["work"], "prefill");
  EXPECT_EQ(json["results"][1]["work"], "decode");
  EXPECT_EQ(json["results"][2]["work"], "batch");
  EXPECT_EQ(json["results"][3]["work"], "verify");
  ASSERT_TRUE(json.contains("joules_per_token"));
  EXPECT_TRUE(json["joules_per_token"].is_number() || json["joules_per_token"].is_null());
  EXPECT_TRUE(json["joules_note"].is_string());
}

/// A report of fixed figures.
BenchmarkReport FixedReport() {
  BenchmarkReport report;
  report.model = "a \"quoted\" model";
  report.cpu = "cpu";
  report.isa = Isa::kAvx2;
  report.threads = 2;
  report.limits = {.read_gb_per_s = 20, .int8_gmac_per_s = 500, .read_buffer_bytes = 1 << 28};
  BenchmarkResult decode;
  decode.work = BenchmarkWork::kDecode;
  decode.generated = 128;
  decode.depth = 2048;
  decode.tokens_per_second = {.median = 12.5, .min = 12, .max = 13};
  decode.bytes_per_token = 8e8;
  decode.gb_per_s = 10;
  decode.gmac_per_s = 30;
  decode.fraction_of_limit = 0.5;
  report.results = {decode};
  report.joules_note = "no counter";
  return report;
}

TEST(BenchmarkTable, ShowsRateSpreadAndShareOfTheLimit) {
  const std::string text = BenchmarkTable(FixedReport());
  for (const std::string_view piece : {"decode 128 at depth 2048", "12.50 (12.00 - 13.00)", "10.00", "30.0", "50 % read",
                                       "read 20.00 GB/s", "avx2", "2 threads", "not measured: no counter"}) {
    EXPECT_NE(text.find(piece), std::string::npos) << piece << " in\n" << text;
  }
}

TEST(BenchmarkMarkdown, HasOneRowAResult) {
  const std::string text = BenchmarkMarkdown(FixedReport());
  EXPECT_NE(text.find("| work | tokens/s (min - max) | GB/s | GMAC/s | of limit |\n| --- |"), std::string::npos);
  EXPECT_NE(text.find("| decode 128 at depth 2048 | 12.50 (12.00 - 13.00) | 10.00 | 30.0 | 50 % read |\n"), std::string::npos);
}

TEST(BenchmarkCsv, HasAsManyFieldsAsItsHeader) {
  const std::string text = BenchmarkCsv(FixedReport());
  const size_t end = text.find('\n');
  EXPECT_EQ(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), ','),
            std::count(text.begin() + static_cast<std::ptrdiff_t>(end), text.end(), ','));
  EXPECT_NE(text.find("\"a \"\"quoted\"\" model\",\"cpu\",avx2,2,decode,0,128,1,2048,1,12.5,12,13,"), std::string::npos) << text;
}

TEST(BenchmarkTable, SaysHowTheHeadWasRead) {
  BenchmarkReport report = FixedReport();
  report.head_type = "F16";
  EXPECT_NE(BenchmarkTable(report).find("head     F16, all rows\n"), std::string::npos);
  report.is_head_screened = true;
  report.results.front().head = BenchmarkHead{.bytes_fraction = 0.4375, .rescored_rows = 312.5, .fallback_rate = 0.01};
  EXPECT_NE(BenchmarkTable(report).find(
                "head     F16, screened: 312.5 exact rows, 43.8 % of its bytes, 1.0 % in full (decode 128 at depth 2048)\n"),
            std::string::npos)
      << BenchmarkTable(report);
  const auto json = nlohmann::json::parse(BenchmarkJson(report), nullptr, /*allow_exceptions=*/false);
  EXPECT_EQ(json["results"][0]["screened_head"]["rescored_rows"], 312.5);
  EXPECT_EQ(json["head_type"], "F16");
}

}  // namespace
}  // namespace sterna
