#include "tensor/ternary_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "tensor/codecs_internal.h"
#include "tensor/ternary_checks_internal.h"

namespace sterna {
namespace {

constexpr float kMinMean = 1e-5f;

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

float LoadFloat(DType dtype, const std::byte* data, int64_t index) {
  switch (dtype) {
    case DType::kF32:
      return LoadAs<float>(data + 4 * index);
    case DType::kF16:
      return LoadF16(data + 2 * index);
    default:
      return Bf16ToFloat(LoadAs<uint16_t>(data + 2 * index));
  }
}

Status NotFinite(int64_t row, int64_t col, float value) {
  return Malformed(fmt::format("row {}, column {}: weight is {}", row, col, value));
}

}  // namespace

Result<TernaryRows> TernaryRows::OpenPacked(std::span<const std::byte> data, int64_t rows, int64_t cols, float weight_scale,
                                            WeightScaleRule rule) {
  STERNA_RETURN_IF_ERROR(CheckTernaryShape(rows, cols));
  const int64_t packed_rows = rows / 4 + (rows % 4 != 0);
  const int64_t shape[] = {packed_rows, cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t expected, TensorBytes(DType::kU8, shape));
  if (data.size() != static_cast<size_t>(expected)) {
    return Malformed(fmt::format("{} rows of {} packed weights take U8 {} = {} bytes, found {}", rows, cols, ToString(shape),
                                 expected, data.size()));
  }
  const float factor = rule == WeightScaleRule::kMultiply ? weight_scale : 1.0f / weight_scale;
  if (!IsTernaryFactor(weight_scale) || weight_scale == 0 || !IsTernaryFactor(factor) || factor == 0) {
    return Malformed(fmt::format("weight_scale is {}: expected a finite number above 0{}", weight_scale,
                                 rule == WeightScaleRule::kDivide ? " with a finite inverse" : ""));
  }
  return TernaryRows(Source::kPacked, DType::kU8, data.data(), rows, cols, factor);
}

Result<TernaryRows> TernaryRows::OpenMaster(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols) {
  if (!IsFloat(dtype)) return Unsupported(fmt::format("master weights are F32, F16 or BF16, not {}", Name(dtype)));
  STERNA_RETURN_IF_ERROR(CheckTernaryBytes(dtype, data.size(), rows, cols));
  double sum = 0;
  const int64_t count = rows * cols;
  for (int64_t i = 0; i < count; ++i) {
    const float w = LoadFloat(dtype, data.data(), i);
    if (!std::isfinite(w)) return NotFinite(i / cols, i % cols, w);
    sum += std::fabs(w);
  }
  const float t = 1.0f / std::max(static_cast<float>(sum / static_cast<double>(count)), kMinMean);
  if (!std::isfinite(1.0f / t))
    return OutOfRange(fmt::format("mean magnitude {} has no f32 scale", sum / static_cast<double>(count)));
  return TernaryRows(Source::kMaster, dtype, data.data(), rows, cols, t);
}

Result<TernaryRows> TernaryRows::OpenExact(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols) {
  if (!IsFloat(dtype))
    return Unsupported(fmt::format("weights that are ternary already are F32, F16 or BF16, not {}", Name(dtype)));
  STERNA_RETURN_IF_ERROR(CheckTernaryBytes(dtype, data.size(), rows, cols));
  return TernaryRows(Source::kExact, dtype, data.data(), rows, cols, 0);
}

Result<TernaryRows> TernaryRows::OpenValues(std::span<const int8_t> values, std::span<const float> row_scales, int64_t rows,
                                            int64_t cols) {
  STERNA_RETURN_IF_ERROR(CheckTernaryShape(rows, cols));
  const int64_t shape[] = {rows, cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t count, ElementCount(shape));
  if (values.size() != static_cast<size_t>(count)) {
    return InvalidArgument(fmt::format("{} holds {} values, found {}", ToString(shape), count, values.size()));
  }
  if (row_scales.size() != 1 && row_scales.size() != static_cast<size_t>(rows)) {
    return InvalidArgument(fmt::format("expected 1 or {} row scales, found {}", rows, row_scales.size()));
  }
  for (size_t r = 0; r < row_scales.size(); ++r) {
    if (!IsTernaryFactor(row_scales[r])) return InvalidArgument(fmt::format("row {}: scale is {}", r, row_scales[r]));
  }
  TernaryRows matrix(Source::kValues, DType::kI8, reinterpret_cast<const std::byte*>(values.data()), rows, cols, row_scales[0]);
  if (row_scales.size() != 1) matrix.row_scales_ = row_scales;
  return matrix;
}

Status TernaryRows::Read(int64_t row, std::span<int8_t> values, float* scale) const {
  if (row < 0 || row >= rows_) return OutOfRange(fmt::format("row {} of {}", row, rows_));
  if (values.size() != static_cast<size_t>(cols_)) {
    return InvalidArgument(fmt::format("a row holds {} values, the caller's array {}", cols_, values.size()));
  }
  *scale = scale_;
  switch (source_) {
    case Source::kBlocks:
      STERNA_RETURN_IF_ERROR(ReadBlocks(row, values, scale));
      break;
    case Source::kRows4:
    case Source::kIQ2_BN_R4:
      STERNA_RETURN_IF_ERROR(ReadInterleaved(row, values, scale));
      break;
    case Source::kTl:
      STERNA_RETURN_IF_ERROR(ReadTl(row, values));
      break;
    case Source::kPacked:
      STERNA_RETURN_IF_ERROR(ReadPacked(row, values));
      break;
    case Source::kMaster:
      STERNA_RETURN_IF_ERROR(ReadMaster(row, values));
      *scale = 1.0f / scale_;
      break;
    case Source::kExact:
      STERNA_RETURN_IF_ERROR(ReadExact(row, values, scale));
      break;
    case Source::kValues:
      STERNA_RETURN_IF_ERROR(ReadValues(row, values));
      if (!row_scales_.empty()) *scale = row_scales_[static_cast<size_t>(row)];
      break;
  }
  if (*scale == 0) {
    const auto nonzero = std::ranges::find_if(values, [](int8_t v) { return v != 0; });
    if (nonzero != values.end()) {
      return Malformed(fmt::format("row {}, column {}: a non-zero weight, but the scale is 0", row, nonzero - values.begin()));
    }
  }
  return Status::Ok();
}

Status TernaryRows::ReadPacked(int64_t row, std::span<int8_t> values) const {
  const int64_t packed_rows = rows_ / 4 + (rows_ % 4 != 0);
  const int64_t shift = row / packed_rows * 2;
  const std::byte* packed = data_ + row % packed_rows * cols_;
  for (size_t c = 0; c < values.size(); ++c) {
    const int code = static_cast<int>(packed[c]) >> shift & 3;
    if (code == 3) return InvalidCode("3", row, static_cast<int64_t>(c));
    values[c] = static_cast<int8_t>(code - 1);
  }
  return Status::Ok();
}

Status TernaryRows::ReadMaster(int64_t row, std::span<int8_t> values) const {
  for (int64_t c = 0; c < cols_; ++c) {
    const float scaled = LoadFloat(dtype_, data_, row * cols_ + c) * scale_;
    // clamp(round_half_even(scaled), -1, 1): a half rounds to 0, the even neighbour.
    values[static_cast<size_t>(c)] = static_cast<int8_t>((scaled > 0.5f) - (scaled < -0.5f));
  }
  return Status::Ok();
}

Status TernaryRows::ReadExact(int64_t row, std::span<int8_t> values, float* scale) const {
  *scale = 0;
  for (int64_t c = 0; c < cols_; ++c) {
    const float w = LoadFloat(dtype_, data_, row * cols_ + c);
    if (!std::isfinite(w)) return NotFinite(row, c, w);
    if (w != 0 && *scale == 0) *scale = std::fabs(w);
    if (w != 0 && std::fabs(w) != *scale) {
      return Unsupported(
          fmt::format("row {}, column {}: weight {} is neither 0 nor +-{}: the row is not ternary", row, c, w, *scale));
    }
    values[static_cast<size_t>(c)] = static_cast<int8_t>((w > 0) - (w < 0));
  }
  return Status::Ok();
}

Status TernaryRows::ReadValues(int64_t row, std::span<int8_t> values) const {
  const auto* from = reinterpret_cast<const int8_t*>(data_) + row * cols_;
  std::copy_n(from, cols_, values.begin());
  const auto bad = std::ranges::find_if(values, [](int8_t v) { return v < -1 || v > 1; });
  if (bad == values.end()) return Status::Ok();
  return InvalidArgument(fmt::format("row {}, column {}: {} is not ternary", row, bad - values.begin(), *bad));
}

}  // namespace sterna
