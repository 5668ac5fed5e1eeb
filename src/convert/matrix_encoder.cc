#include "convert/matrix_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

constexpr size_t kCopiedBytes = size_t{16} << 20;

/// The one factor that types with a single scale keep; rows of zeros agree with any.
class CommonScale {
 public:
  Status Add(int64_t row, std::span<const int8_t> values, float scale, std::string_view format) {
    if (scale == scale_ || std::ranges::all_of(values, [](int8_t v) { return v == 0; })) return Status::Ok();
    if (row_ >= 0) {
      return Unsupported(
          fmt::format("{} holds one scale for the tensor, but row {} has {} and row {} has {}", format, row_, scale_, row, scale));
    }
    row_ = row;
    scale_ = scale;
    return Status::Ok();
  }
  bool is_known() const { return row_ >= 0; }
  float scale() const { return row_ < 0 ? 1.0f : scale_; }

 private:
  int64_t row_ = -1;
  float scale_ = -1;  // no factor is negative
};

/// Rows per step: about kEncodedElements, a multiple of `group`.
int64_t RowsPerStep(int64_t cols, int64_t group) {
  return std::max<int64_t>(1, kEncodedElements / cols / group) * group;
}

bool HasTilesAcrossRows(DType dtype) {
  return dtype == DType::kTL1 || dtype == DType::kTL2;
}

Status EncodeTernaryMatrix(const TernaryMatrixSource& matrix, DType dtype, const RowOrder& order, const PieceSink& sink) {
  const int64_t cols = matrix.cols;
  const DTypeInfo& info = Info(dtype);
  const int64_t step =
      HasTilesAcrossRows(dtype) ? matrix.rows : std::min(matrix.rows, RowsPerStep(cols, std::max<int64_t>(4, info.row_group)));
  std::vector<int8_t> values(static_cast<size_t>(step * cols));
  std::vector<float> scales(static_cast<size_t>(step));
  std::vector<std::byte> encoded;
  CommonScale common;
  for (int64_t begin = 0; begin < matrix.rows; begin += step) {
    const int64_t rows = std::min(step, matrix.rows - begin);
    for (int64_t i = 0; i < rows; ++i) {
      const std::span<int8_t> row = std::span(values).subspan(static_cast<size_t>(i * cols), static_cast<size_t>(cols));
      float& scale = scales[static_cast<size_t>(i)];
      STERNA_RETURN_IF_ERROR(matrix.read_row(order.ModelRow(begin + i), row.data(), &scale));
      if (info.tensor_tail_bytes > 0) STERNA_RETURN_IF_ERROR(common.Add(begin + i, row, scale, Name(dtype)));
    }
    const auto count = static_cast<size_t>(rows);
    STERNA_ASSIGN_OR_RETURN(const TernaryRows part,
                            TernaryRows::OpenValues(std::span(values).first(count * static_cast<size_t>(cols)),
                                                    std::span(scales).first(count), rows, cols));
    const int64_t shape[] = {rows, cols};
    STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(dtype, shape));
    encoded.resize(static_cast<size_t>(bytes));
    STERNA_RETURN_IF_ERROR(EncodeTernary(dtype, part, encoded).WithContext(fmt::format("rows from {}", begin)));
    const auto tail = static_cast<size_t>(info.tensor_tail_bytes);
    STERNA_RETURN_IF_ERROR(sink(std::span(encoded).first(encoded.size() - tail)));
    if (begin + rows < matrix.rows || tail == 0) continue;
    // The scale comes first in the tail; the last rows alone may all be zeros.
    const float scale = common.scale();
    std::memcpy(encoded.data() + encoded.size() - tail, &scale, sizeof scale);
    STERNA_RETURN_IF_ERROR(sink(std::span(encoded).last(tail)));
  }
  return Status::Ok();
}

Status CopyDenseMatrix(const DenseMatrixSource& matrix, const RowOrder& order, const PieceSink& sink) {
  if (order.interleaved_head_dim == 0) {
    for (size_t begin = 0; begin < matrix.bytes.size(); begin += kCopiedBytes) {
      STERNA_RETURN_IF_ERROR(sink(matrix.bytes.subspan(begin, std::min(kCopiedBytes, matrix.bytes.size() - begin))));
    }
    return Status::Ok();
  }
  const auto row_bytes = static_cast<size_t>(RowBytes(matrix.dtype, matrix.cols));
  for (int64_t row = 0; row < matrix.rows; ++row) {
    STERNA_RETURN_IF_ERROR(sink(matrix.bytes.subspan(static_cast<size_t>(order.ModelRow(row)) * row_bytes, row_bytes)));
  }
  return Status::Ok();
}

Status EncodeFloats(const LinearSource& matrix, DType dtype, const RowOrder& order, const PieceSink& sink) {
  FloatRows floats(matrix);
  const int64_t rows = floats.rows(), cols = floats.cols();
  const int64_t step = std::min(rows, RowsPerStep(cols, 4));
  std::vector<float> values(static_cast<size_t>(step * cols));
  std::vector<std::byte> encoded;
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t count = std::min(step, rows - begin);
    for (int64_t i = 0; i < count; ++i) STERNA_RETURN_IF_ERROR(floats.Read(order.ModelRow(begin + i), values.data() + i * cols));
    const int64_t shape[] = {count, cols};
    STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(dtype, shape));
    encoded.resize(static_cast<size_t>(bytes));
    const auto part = std::span<const float>(values).first(static_cast<size_t>(count * cols));
    STERNA_RETURN_IF_ERROR(QuantizeInto(dtype, part, count, cols, encoded).WithContext(fmt::format("rows from {}", begin)));
    STERNA_RETURN_IF_ERROR(sink(encoded));
  }
  return Status::Ok();
}

}  // namespace

FloatRows::FloatRows(const LinearSource& matrix) : matrix_(matrix) {
  if (const auto* dense = std::get_if<DenseMatrixSource>(&matrix)) {
    rows_ = dense->rows;
    cols_ = dense->cols;
    tensor_scale_ = TensorScale(dense->dtype, dense->bytes.data(), rows_, cols_);
    return;
  }
  const auto& ternary = std::get<TernaryMatrixSource>(matrix);
  rows_ = ternary.rows;
  cols_ = ternary.cols;
  values_.resize(static_cast<size_t>(cols_));
}

Status FloatRows::Read(int64_t row, float* out) {
  if (const auto* dense = std::get_if<DenseMatrixSource>(&matrix_)) {
    DequantizeRow(dense->dtype, dense->bytes.data() + row * RowBytes(dense->dtype, cols_), cols_, tensor_scale_, out);
    return Status::Ok();
  }
  float scale = 0;
  STERNA_RETURN_IF_ERROR(std::get<TernaryMatrixSource>(matrix_).read_row(row, values_.data(), &scale));
  std::ranges::transform(values_, out, [scale](int8_t value) { return scale * static_cast<float>(value); });
  return Status::Ok();
}

Status EncodeMatrix(const LinearSource& matrix, DType dtype, const RowOrder& order, const PieceSink& sink) {
  const auto* ternary = std::get_if<TernaryMatrixSource>(&matrix);
  if (ternary != nullptr && Info(dtype).is_ternary) return EncodeTernaryMatrix(*ternary, dtype, order, sink);
  const auto* dense = std::get_if<DenseMatrixSource>(&matrix);
  if (dense != nullptr && dense->dtype == dtype) return CopyDenseMatrix(*dense, order, sink);
  return EncodeFloats(matrix, dtype, order, sink);
}

Result<float> FirstScale(const TernaryMatrixSource& matrix) {
  std::vector<int8_t> values(static_cast<size_t>(matrix.cols));
  CommonScale common;
  for (int64_t row = 0; row < matrix.rows && !common.is_known(); ++row) {
    float scale = 0;
    STERNA_RETURN_IF_ERROR(matrix.read_row(row, values.data(), &scale));
    STERNA_RETURN_IF_ERROR(common.Add(row, values, scale, "a weight_scale"));
  }
  return common.scale();
}

Status EncodePackedMatrix(const TernaryMatrixSource& matrix, const PieceSink& sink) {
  const int64_t packed_rows = (matrix.rows + 3) / 4, cols = matrix.cols;
  const int64_t step = std::min(packed_rows, RowsPerStep(cols, 1));
  std::vector<int8_t> values(static_cast<size_t>(cols));
  std::vector<std::byte> packed(static_cast<size_t>(step * cols));
  CommonScale common;
  for (int64_t begin = 0; begin < packed_rows; begin += step) {
    const int64_t count = std::min(step, packed_rows - begin);
    std::ranges::fill(packed, std::byte{0});
    for (int64_t quarter = 0; quarter < 4; ++quarter) {
      for (int64_t i = 0; i < count; ++i) {
        const int64_t row = quarter * packed_rows + begin + i;
        if (row >= matrix.rows) continue;
        float scale = 0;
        STERNA_RETURN_IF_ERROR(matrix.read_row(row, values.data(), &scale));
        STERNA_RETURN_IF_ERROR(common.Add(row, values, scale, "a weight_scale"));
        std::byte* out = packed.data() + i * cols;
        for (size_t c = 0; c < values.size(); ++c) out[c] |= static_cast<std::byte>((values[c] + 1) << (2 * quarter));
      }
    }
    STERNA_RETURN_IF_ERROR(sink(std::span(packed).first(static_cast<size_t>(count * cols))));
  }
  return Status::Ok();
}

Status EncodeUnpackedMatrix(const TernaryMatrixSource& matrix, DType dtype, const PieceSink& sink) {
  // The same rows with every scale 1; the common one is kept beside them.
  auto common = std::make_shared<CommonScale>();
  TernaryMatrixSource codes = matrix;
  codes.read_row = [inner = matrix.read_row, common, cols = matrix.cols](int64_t row, int8_t* values, float* scale) -> Status {
    STERNA_RETURN_IF_ERROR(inner(row, values, scale));
    STERNA_RETURN_IF_ERROR(common->Add(row, {values, static_cast<size_t>(cols)}, *scale, "a weight_scale"));
    *scale = 1;
    return Status::Ok();
  };
  return EncodeFloats(LinearSource(std::move(codes)), dtype, {}, sink);
}

}  // namespace sterna
