#include "inspect/weight_scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <deque>
#include <limits>

#include "inspect/report.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

/// Tensors in memory.
class MemorySource final : public WeightSource {
 public:
  explicit MemorySource(std::string_view format) : format_(format) {}

  void Add(std::string name, DType dtype, Shape shape, std::vector<std::byte> bytes) {
    bytes_.push_back(std::move(bytes));
    entries_.push_back({.name = std::move(name), .dtype = dtype, .shape = std::move(shape), .data = bytes_.back()});
  }
  void Add(const std::string& name, DType dtype, int64_t rows, int64_t cols, const std::vector<float>& values) {
    auto bytes = Quantize(dtype, values, rows, cols);
    ASSERT_TRUE(bytes.ok()) << bytes.status().message();
    Add(name, dtype, {rows, cols}, *std::move(bytes));
  }
  void AddTernary(const std::string& name, DType dtype, const TernaryRows& matrix) {
    const Shape shape = {matrix.rows(), matrix.cols()};
    std::vector<std::byte> bytes(static_cast<size_t>(*TensorBytes(dtype, shape)));
    ASSERT_TRUE(EncodeTernary(dtype, matrix, bytes).ok()) << Name(dtype);
    Add(name, dtype, shape, std::move(bytes));
  }

  std::string_view format() const override { return format_; }
  const std::string& path() const override { return path_; }
  const Metadata& metadata() const override { return metadata_; }
  std::span<const TensorEntry> entries() const override { return entries_; }
  const TensorEntry* Find(std::string_view name) const override {
    for (const TensorEntry& entry : entries_) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }
  Status StillUnchanged() const override { return Status::Ok(); }

 private:
  std::string_view format_;
  std::string path_ = "memory";
  Metadata metadata_;
  std::deque<std::vector<std::byte>> bytes_;
  std::vector<TensorEntry> entries_;
};

constexpr int64_t kRows = 8, kCols = 256;

/// Row r has r times ten +1, twenty -1 where r > 0, and zeros: row 0 is dead.
std::vector<int8_t> Codes() {
  std::vector<int8_t> codes(kRows * kCols);
  for (int64_t row = 1; row < kRows; ++row) {
    for (int64_t i = 0; i < 10 * row; ++i) codes[static_cast<size_t>(row * kCols + 3 * i)] = 1;
    for (int64_t i = 0; i < 20; ++i) codes[static_cast<size_t>(row * kCols + 3 * i + 1)] = -1;
  }
  return codes;
}

void ExpectCodes(const TernaryStatistics& statistics, std::string_view what) {
  EXPECT_EQ(statistics.positive, 280) << what;
  EXPECT_EQ(statistics.negative, 140) << what;
  EXPECT_EQ(statistics.zero, kRows * kCols - 420) << what;
  EXPECT_EQ(statistics.rows, kRows) << what;
  EXPECT_EQ(statistics.dead_rows, 1) << what;
}

TEST(WeightScan, EveryTernaryTypeGivesTheSharesOfItsCodes) {
  const std::vector<int8_t> codes = Codes();
  const float scale = 0.25f;
  const auto matrix = TernaryRows::OpenValues(codes, {&scale, 1}, kRows, kCols);
  ASSERT_TRUE(matrix.ok());
  MemorySource source("GGUF");
  for (const DType dtype : {DType::kTQ1_0, DType::kTQ2_0, DType::kI2_S, DType::kI2_SArm, DType::kI2_SRows4, DType::kI2_SSequential,
                            DType::kIQ1_BN, DType::kIQ2_BN, DType::kIQ2_BN_R4, DType::kQ2_0, DType::kPQ2_0, DType::kPTQ1_0}) {
    source.AddTernary(std::string(Name(dtype)), dtype, *matrix);
  }
  std::vector<float> values;
  for (const int8_t code : codes) values.push_back(scale * static_cast<float>(code));
  source.Add("F16", DType::kF16, kRows, kCols, values);
  const auto scan = ScanWeights(source, nullptr, {});
  ASSERT_TRUE(scan.ok()) << scan.status().message();
  const auto entries = source.entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(scan->tensors[i].problem, "") << entries[i].name;
    ASSERT_TRUE(scan->tensors[i].ternary.has_value()) << entries[i].name;
    ExpectCodes(*scan->tensors[i].ternary, entries[i].name);
    ASSERT_TRUE(scan->tensors[i].ternary->scales.has_value());
    EXPECT_EQ(scan->tensors[i].ternary->scales->min, scale) << entries[i].name;
    EXPECT_EQ(scan->tensors[i].ternary->scales->max, scale) << entries[i].name;
  }
  EXPECT_EQ(scan->ternary_tensors, 13);
  EXPECT_EQ(scan->ternary.positive, 13 * 280);
  EXPECT_EQ(scan->ternary.dead_rows, 13);
  EXPECT_EQ(scan->ternary.scales->median, scale);
}

TEST(WeightScan, ScalesOfRowsAndOfBlocksSpread) {
  const std::vector<int8_t> codes = Codes();
  std::vector<float> scales;
  for (int row = 0; row < kRows; ++row) scales.push_back(0.125f * static_cast<float>(row + 1));
  const auto matrix = TernaryRows::OpenValues(codes, scales, kRows, kCols);
  MemorySource source("GGUF");
  source.AddTernary("rows", DType::kIQ2_BN, *matrix);
  // Two blocks of a row with scales of their own: no factor per row.
  std::vector<float> values(2 * kCols);
  for (size_t i = 0; i < values.size(); ++i) values[i] = (i % 2 == 0 ? 1.0f : -1.0f) * (i < kCols ? 0.5f : 2.0f);
  source.Add("blocks", DType::kTQ2_0, 1, 2 * kCols, values);
  const auto scan = ScanWeights(source, nullptr, {});
  ASSERT_TRUE(scan.ok());
  ExpectCodes(*scan->tensors[0].ternary, "rows");
  // Row 0 is dead: its scale is nobody's.
  EXPECT_EQ(scan->tensors[0].ternary->scales->min, 0.25f);
  EXPECT_EQ(scan->tensors[0].ternary->scales->median, 0.625f);
  EXPECT_EQ(scan->tensors[0].ternary->scales->max, 1.0f);
  ASSERT_TRUE(scan->tensors[1].ternary.has_value()) << scan->tensors[1].problem;
  EXPECT_EQ(scan->tensors[1].ternary->positive, kCols);
  EXPECT_EQ(scan->tensors[1].ternary->negative, kCols);
  EXPECT_EQ(scan->tensors[1].ternary->scales->min, 0.5f);
  EXPECT_EQ(scan->tensors[1].ternary->scales->max, 2.0f);
}

TEST(WeightScan, NumbersThatAreNoneAreCounted) {
  MemorySource source("safetensors");
  std::vector<float> values(kRows * kCols, 0.5f);
  values[3] = std::numeric_limits<float>::quiet_NaN();
  values[700] = std::numeric_limits<float>::infinity();
  values[701] = -values[700];
  values[5] = -3;
  values[6] = 7;
  source.Add("wild", DType::kF32, kRows, kCols, values);
  // A NaN for a scale of TQ2_0: the whole tensor cannot be trusted.
  source.Add("fine", DType::kTQ2_0, 1, kCols, std::vector<float>(kCols, 1.0f));
  std::vector<std::byte> bytes(source.entries()[1].data.begin(), source.entries()[1].data.end());
  bytes[64] = bytes[65] = std::byte{0x7e};
  source.Add("broken", DType::kTQ2_0, {1, kCols}, bytes);
  const auto scan = ScanWeights(source, nullptr, {});
  ASSERT_TRUE(scan.ok());
  EXPECT_EQ(scan->tensors[0].nan, 1);
  EXPECT_EQ(scan->tensors[0].infinite, 2);
  EXPECT_EQ(scan->tensors[0].min, -3);
  EXPECT_EQ(scan->tensors[0].max, 7);
  EXPECT_FALSE(scan->tensors[0].ternary.has_value());
  EXPECT_EQ(scan->tensors[1].nan, 0);
  EXPECT_EQ(scan->tensors[2].nan, kCols);
  EXPECT_NE(scan->tensors[2].problem, "");
  EXPECT_EQ(scan->nan, 1 + kCols);
  EXPECT_EQ(scan->problems, 1);
}

TEST(WeightScan, MastersCountAsALoadMakesThem) {
  ModelConfig config;
  config.layers = 1;
  config.float_projection = FloatProjection::kTernaryMaster;
  std::vector<float> values(kRows * kCols);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.01f * (static_cast<float>(i % 5) - 2);
  MemorySource source("safetensors");
  source.Add("model.layers.0.mlp.up_proj.weight", DType::kBF16, kRows, kCols, values);
  source.Add("model.embed_tokens.weight", DType::kBF16, kRows, kCols, values);
  const auto scan = ScanWeights(source, &config, {});
  ASSERT_TRUE(scan.ok());
  ASSERT_TRUE(scan->tensors[0].ternary.has_value());
  // Mean |w| is 0.012 (2, 1, 0, 1, 2 hundredths): all but the zeros round to a sign.
  EXPECT_TRUE(scan->tensors[0].ternary->is_master);
  EXPECT_NEAR(static_cast<double>(scan->tensors[0].ternary->zero), 0.2 * kRows * kCols, 2);
  EXPECT_FALSE(scan->tensors[1].ternary.has_value());
  EXPECT_FALSE(ScanWeights(source, nullptr, {})->tensors[0].ternary.has_value());
}

TEST(WeightScan, ProgressRisesToTheEndAndCanEndIt) {
  MemorySource source("GGUF");
  for (const char* name : {"a", "b", "c"}) source.Add(name, DType::kF32, 1, kCols, std::vector<float>(kCols, 1.5f));
  std::vector<int64_t> seen;
  ASSERT_TRUE(ScanWeights(source, nullptr, [&](int64_t done, int64_t total, std::string_view) {
                EXPECT_EQ(total, 3 * 4 * kCols);
                seen.push_back(done);
                return true;
              }).ok());
  EXPECT_EQ(seen, (std::vector<int64_t>{4 * kCols, 8 * kCols, 12 * kCols}));
  const auto ended = ScanWeights(source, nullptr, [](int64_t, int64_t, std::string_view) { return false; });
  EXPECT_EQ(ended.status().code(), StatusCode::kCancelled);
}

TEST(Inspect, BitsPerWeightCountScalesAndTellPartsApart) {
  const auto report = Inspect(STERNA_FIXTURES "/models/bitnet-packed", {.scan_weights = true});
  ASSERT_TRUE(report.ok()) << report.status().message();
  int64_t bytes = 0, weights = 0;
  for (const PartSummary& part : report->parts) {
    bytes += part.group.bytes;
    weights += part.group.elements;
    if (part.part == TensorPart::kProjection) {
      // Two bits a weight, and a scale beside each matrix.
      EXPECT_GT(part.group.bits_per_weight(), 2);
      EXPECT_LT(part.group.bits_per_weight(), 2.01);
    }
  }
  EXPECT_EQ(report->parts.size(), 3u);
  EXPECT_EQ(bytes, report->bytes);
  EXPECT_EQ(weights, report->parameters);
  ASSERT_TRUE(report->scan.has_value());
  EXPECT_EQ(report->scan->tensors.size(), report->tensors.size());
  EXPECT_EQ(report->scan->ternary_tensors, 7 * report->config->layers);
  EXPECT_EQ(report->scan->problems, 0);
}

TEST(Inspect, TheSameModelHasTheSameSharesInEveryTernaryFile) {
  const auto packed = Inspect(STERNA_FIXTURES "/gguf/bitnet-b1.58", {.scan_weights = true});
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  ASSERT_GT(packed->scan->ternary_tensors, 0);
  for (const std::string file : {"b158.bitnet_cpp.I2_S.gguf", "b158.ik_llama.IQ1_BN.gguf", "b158.ik_llama.IQ2_BN_R4.gguf"}) {
    const auto report = Inspect(STERNA_FIXTURES "/gguf/" + file, {.scan_weights = true});
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_EQ(report->scan->ternary.zero, packed->scan->ternary.zero) << file;
    // GGUF of these files does not permute rows, so that all else is equal too.
    EXPECT_EQ(report->scan->ternary.positive, packed->scan->ternary.positive) << file;
    EXPECT_EQ(report->scan->ternary.negative, packed->scan->ternary.negative) << file;
  }
}

}  // namespace
}  // namespace sterna
