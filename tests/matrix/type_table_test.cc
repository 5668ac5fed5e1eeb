// The table of weight types in docs/formats.md against what the code reads, writes and keeps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "convert/type_choice.h"
#include "formats/gguf_types.h"
#include "matrix/type_files.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna::matrix {
namespace {

constexpr int64_t kRows = 4096, kCols = 4096;  // of a matrix that every type can hold; TL1 and TL2 know its tiling

/// Whether rows of -s, 0, +s (of -s, +s in a binary type) come back to the bit.
Result<bool> Keeps(DType dtype, float s) {
  const bool is_binary = dtype == DType::kQ1_0 || dtype == DType::kQ1_0G32, is_ternary = Info(dtype).is_ternary;
  const bool needs_known_shape = dtype == DType::kTL1 || dtype == DType::kTL2;
  const int64_t rows = needs_known_shape ? kRows : 8, cols = needs_known_shape ? kCols : 512;
  std::vector<int8_t> codes(static_cast<size_t>(rows * cols));
  std::vector<float> values(codes.size()), found(codes.size());
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto code = static_cast<int8_t>(static_cast<int>(i * 7 / 3 % 3) - 1);
    codes[i] = is_binary && code == 0 ? int8_t{1} : code;
    values[i] = static_cast<float>(codes[i]) * s;
  }
  STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(dtype, {{rows, cols}}));
  std::vector<std::byte> encoded(static_cast<size_t>(bytes));
  if (is_ternary) {
    STERNA_ASSIGN_OR_RETURN(const TernaryRows matrix, TernaryRows::OpenValues(codes, {&s, 1}, rows, cols));
    STERNA_RETURN_IF_ERROR(EncodeTernary(dtype, matrix, encoded));
  } else {
    STERNA_RETURN_IF_ERROR(QuantizeInto(dtype, values, rows, cols, encoded));
  }
  STERNA_RETURN_IF_ERROR(Dequantize(dtype, encoded, rows, cols, found));
  return found == values;
}

/// What becomes of ternary weights: 0.25 is exact in every float type, 0.3f in F32 alone.
std::string TernaryWeights(DType dtype) {
  const auto with_short = Keeps(dtype, 0.25f), with_long = Keeps(dtype, 0.3f);
  if (!with_short.ok()) return "-";
  const bool is_binary = dtype == DType::kQ1_0 || dtype == DType::kQ1_0G32;
  const std::string kept = *with_long    ? "exact"
                           : *with_short ? (dtype == DType::kBF16 ? "exact, scales to bf16" : "exact, scales to f16")
                                         : "rounded";
  return is_binary ? kept + ", no 0" : kept;
}

/// The beginning of a row: "| I2_S | 36 | 2.00 | read, written | exact |".
std::string ExpectedRow(const FileType& type) {
  const DType dtype = type.dtype;
  std::string id = "36";
  if (const auto written = GgufIdOf(dtype)) id = fmt::format("{}", *written);
  for (uint32_t other = 0; other < 512; ++other) {
    const auto meanings = DTypesOfGgufId(other);
    const bool is_meant = meanings.ok() && std::ranges::find(*meanings, dtype) != meanings->end();
    if (is_meant && GgufIdOf(dtype) != other) id += fmt::format(", {}", other);
  }
  const double bits = 8.0 * static_cast<double>(TensorBytes(dtype, {{kRows, kCols}}).value()) / (kRows * kCols);
  const bool is_written = WritableTypeFromName(Name(dtype)).ok();
  return fmt::format("| {} | {} | {:.2f} | {} | {} |", Name(dtype), id, bits, is_written ? "read, written" : "read",
                     TernaryWeights(dtype));
}

TEST(TypeTable, SaysWhatTheCodeDoes) {
  const auto text = ReadWholeFile(STERNA_DOCS "/formats.md", size_t{1} << 20);
  ASSERT_TRUE(text.ok());
  for (const FileType& type : FileTypes()) {
    EXPECT_NE(text->find("\n" + ExpectedRow(type)), std::string::npos) << "docs/formats.md lacks\n" << ExpectedRow(type);
  }
}

}  // namespace
}  // namespace sterna::matrix
