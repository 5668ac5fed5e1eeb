// Every weight type in every architecture, as the table in docs/models.md claims it: written or converted from a golden model,
// loaded, its outputs compared, converted back.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/file.h"
#include "convert/convert.h"
#include "matrix/type_files.h"
#include "matrix/weights.h"
#include "tensor/encodings.h"

namespace sterna::matrix {
namespace {

// Factors rounded to f16 or bf16 move activations, some of them over a rounding tie of their int8 step; measured: at most 0.017.
constexpr double kMaxRmsErrorOfRoundedFactorsInStd = 0.035;

/// Largest distance of a dense type's outputs from those of the golden model, as root mean square in standard deviations: about
/// twice what the type's rounding gives here. A wrong matrix gives about 1.4.
double MaxRmsErrorOf(DType dtype) {
  const std::map<DType, double> bounds = {{DType::kF32, 1e-5},   {DType::kF64, 1e-5},  {DType::kBF16, 1e-5}, {DType::kF16, 1e-5},
                                          {DType::kQ8_0, 0.045}, {DType::kQ6_K, 0.13}, {DType::kQ5_K, 0.28}, {DType::kQ5_0, 0.34},
                                          {DType::kQ5_1, 0.32},  {DType::kQ4_0, 0.65}, {DType::kQ4_1, 0.65}, {DType::kQ4_K, 0.5},
                                          {DType::kIQ4_NL, 0.6}, {DType::kMXFP4, 0.8}, {DType::kNVFP4, 0.8}, {DType::kQ3_K, 1.0},
                                          {DType::kQ2_K, 1.1}};
  const auto found = bounds.find(dtype);
  return found == bounds.end() ? 0 : found->second;
}

/// The cells of the table: docs/models.md, from the line that starts with "| type | bitnet |" to the first one that is no row.
std::map<std::string, std::map<std::string, std::string>> ReadTable() {
  const auto trimmed = [](std::string text) {
    text.erase(0, text.find_first_not_of(' '));
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  const auto cells_of = [&](const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream stream(line.substr(1));
    for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(trimmed(cell));
    return cells;
  };
  const auto text = ReadWholeFile(STERNA_DOCS "/models.md", size_t{1} << 20);
  EXPECT_TRUE(text.ok()) << text.status().message();
  std::istringstream lines(text.ok() ? *text : std::string());
  std::vector<std::string> columns;
  std::map<std::string, std::map<std::string, std::string>> table;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| type | bitnet |")) {
      columns = cells_of(line);
    } else if (!columns.empty()) {
      if (!line.starts_with("|")) break;
      const std::vector<std::string> cells = cells_of(line);
      EXPECT_EQ(cells.size(), columns.size()) << line;
      if (cells.size() != columns.size() || cells[0].starts_with("-")) continue;
      for (size_t i = 1; i < cells.size(); ++i) table[cells[0]][columns[i]] = cells[i];
    }
  }
  return table;
}

const std::map<std::string, std::map<std::string, std::string>>& Table() {
  static const auto table = ReadTable();
  return table;
}

/// What a cell that is a refusal must say.
const std::map<std::string, std::vector<std::string>>& Refusals() {
  static const std::map<std::string, std::vector<std::string>> refusals = {
      {"width", {"256", "128"}},                  // rows of 128 weights and blocks of 256
      {"master", {"F64"}},                        // ternary masters are F32, F16 or BF16
      {"other", {"tensor", "blk.", "expected"}},  // the id means something else in this architecture
  };
  return refusals;
}

class Cell : public testing::TestWithParam<std::tuple<size_t, size_t>> {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("sterna-matrix-{}", getpid());
    std::filesystem::create_directories(*folder_);
  }
  static void TearDownTestSuite() {
    std::filesystem::remove_all(*folder_);
    folder_.reset();
    expected_.clear();
  }

  const Family& family() const { return Families()[std::get<0>(GetParam())]; }
  const FileType& type() const { return FileTypes()[std::get<1>(GetParam())]; }
  bool is_ternary() const { return Info(type().dtype).is_ternary; }
  std::shared_ptr<const WeightSource> Golden() const { return OpenGolden(family(), is_ternary()); }

  /// Outputs of the golden model with its weights changed, computed once.
  const std::vector<float>& Expected(Change change, Isa isa) const {
    const auto key = std::tuple(std::get<0>(GetParam()), is_ternary(), change, isa);
    auto found = expected_.find(key);
    if (found == expected_.end()) found = expected_.emplace(key, OutputsOf(Golden(), change, isa)).first;
    return found->second;
  }

  static std::vector<float> OutputsOf(const std::shared_ptr<const WeightSource>& source, Change change, Isa isa) {
    const auto model = BuildChanged(source, change, isa);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return model.ok() ? Outputs(*model) : std::vector<float>();
  }

  /// The same outputs from the file made from `source` again, in a type that loses nothing of it.
  static void ExpectTheSameConvertedBack(const std::shared_ptr<const WeightSource>& source, std::optional<DType> projection,
                                         const std::vector<float>& outputs) {
    ConvertOptions options;
    options.overwrite = true;
    options.types.projection = projection;
    const std::string path = (*folder_ / "back.gguf").string();
    const auto report = ConvertToGguf(source, options, path);
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_EQ(report->max_scale_error, 0);
    const auto back = OpenWeights(path);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_TRUE(OutputsOf(*back, Change::kNone, Isa::kRef) == outputs);
  }

  static std::optional<std::filesystem::path> folder_;
  static std::map<std::tuple<size_t, bool, Change, Isa>, std::vector<float>> expected_;
};
std::optional<std::filesystem::path> Cell::folder_;
std::map<std::tuple<size_t, bool, Change, Isa>, std::vector<float>> Cell::expected_;

TEST_P(Cell, IsWhatTheDocumentationSays) {
  ASSERT_TRUE(Table().contains(type().name)) << "docs/models.md has no row for " << type().name;
  ASSERT_TRUE(Table().at(type().name).contains(family().name)) << "docs/models.md has no column for " << family().name;
  const std::string claim = Table().at(type().name).at(family().name);
  const std::string path = (*folder_ / "model.gguf").string();
  const Status written = WriteFile(type(), Golden(), path);
  Result<std::shared_ptr<const WeightSource>> file = written.ok() ? OpenFile(type(), path) : written;
  auto model = file.ok() ? BuildChanged(*file, Change::kNone, Isa::kRef) : file.status();
  if (Refusals().contains(claim)) {
    ASSERT_FALSE(model.ok());
    for (const std::string& part : Refusals().at(claim))
      EXPECT_NE(model.status().message().find(part), std::string::npos) << part << " in " << model.status().message();
    return;
  }
  ASSERT_TRUE(model.ok()) << model.status().message();
  const std::vector<float> outputs = Outputs(*model);
  const Isa best = HostIsa();
  const std::vector<float> best_outputs = OutputsOf(*file, Change::kNone, best);
  const std::map<std::string, Change> exact = {
      {"exact", Change::kNone}, {"f16", Change::kF16Scales}, {"bf16", Change::kBf16Scales}, {"signs", Change::kSigns}};
  double rms = 0;
  if (const auto change = exact.find(claim); change != exact.end()) {
    // Integer products are exact on every instruction set: the bits of the golden model itself.
    EXPECT_TRUE(outputs == Expected(change->second, Isa::kRef));
    EXPECT_TRUE(best_outputs == Expected(change->second, best));
    rms = RmsErrorInStd(outputs, Expected(Change::kNone, Isa::kRef));
    if (claim == "f16" || claim == "bf16") {
      EXPECT_GT(rms, 0) << "exact";
      EXPECT_LE(rms, kMaxRmsErrorOfRoundedFactorsInStd);
    }
  } else if (claim == "decoded") {
    EXPECT_TRUE(outputs == OutputsOf(*file, Change::kDecoded, Isa::kRef));
    EXPECT_TRUE(best_outputs == OutputsOf(*file, Change::kDecoded, best));
    rms = RmsErrorInStd(outputs, Expected(Change::kDecoded, Isa::kRef));
    EXPECT_LE(rms, MaxRmsErrorOf(type().dtype));
  } else if (claim == "rotated") {
    // Exact: sums of 64 equal factors, then a division by 8.
    EXPECT_TRUE(outputs == Expected(Change::kUnrotated, Isa::kRef));
    EXPECT_TRUE(best_outputs == Expected(Change::kUnrotated, best));
    EXPECT_GT(RmsErrorInStd(outputs, Expected(Change::kF16Scales, Isa::kRef)), 0.5) << "the rotation changes nothing";
    return;  // dense f32 in memory: nothing ternary is left to convert back
  } else {
    FAIL() << "docs/models.md: no cell means '" << claim << "'";
  }
  RecordProperty("rms_error_in_std", fmt::format("{:.2e}", rms));
  ExpectTheSameConvertedBack(*file, claim == "decoded" ? std::nullopt : std::optional(DType::kI2_S), outputs);
}

std::string TestName(const testing::TestParamInfo<std::tuple<size_t, size_t>>& info) {
  std::string name = Families()[std::get<0>(info.param)].name + "_" + FileTypes()[std::get<1>(info.param)].name;
  std::string clean;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) clean += c;
    if (c == '_' || c == ' ') clean += '_';
  }
  return clean;
}

INSTANTIATE_TEST_SUITE_P(, Cell,
                         testing::Combine(testing::Range(size_t{0}, Families().size()),
                                          testing::Range(size_t{0}, FileTypes().size())),
                         TestName);

TEST(TypeMatrix, HasARowForEveryTypeOfWeightsAndNoOther) {
  for (int i = 0; i < kDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    const bool is_integer = dtype >= DType::kU8 && dtype <= DType::kBool;
    EXPECT_EQ(std::ranges::any_of(FileTypes(), [dtype](const FileType& type) { return type.dtype == dtype; }), !is_integer)
        << Name(dtype);
  }
  EXPECT_EQ(Table().size(), FileTypes().size());
}

}  // namespace
}  // namespace sterna::matrix
