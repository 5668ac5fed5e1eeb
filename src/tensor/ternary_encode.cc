// Ternary rows to TQ1_0, TQ2_0, I2_S and Hugging Face packed bytes.
#include <fmt/format.h>

#include <algorithm>

#include "tensor/codecs_internal.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

bool AnyNonZero(std::span<const int8_t> values) {
  return std::ranges::any_of(values, [](int8_t v) { return v != 0; });
}

// The one factor a whole tensor has: that of its first row with a non-zero value; rows of zeros agree with any.
class CommonScale {
 public:
  Status Add(int64_t row, std::span<const int8_t> values, float scale, std::string_view format) {
    if (!AnyNonZero(values) || scale == scale_) return Status::Ok();
    if (row_ >= 0) {
      return Unsupported(
          fmt::format("{} holds one scale for the tensor, but row {} has {} and row {} has {}", format, row_, scale_, row, scale));
    }
    row_ = row;
    scale_ = scale;
    return Status::Ok();
  }
  float scale() const { return row_ < 0 ? 1.0f : scale_; }

 private:
  int64_t row_ = -1;
  float scale_ = -1;  // no factor is negative
};

Status EncodeTQ(DType dtype, const TernaryRows& matrix, std::span<std::byte> out) {
  const bool is_tq1 = dtype == DType::kTQ1_0;
  const int64_t scale_offset = is_tq1 ? kTQ1_0ScaleOffset : kTQ2_0ScaleOffset;
  std::vector<int8_t> values(static_cast<size_t>(matrix.cols()));
  std::byte* block = out.data();
  for (int64_t row = 0; row < matrix.rows(); ++row) {
    float scale;
    STERNA_RETURN_IF_ERROR(matrix.Read(row, values, &scale));
    const uint16_t half = FloatToF16(scale);
    if (AnyNonZero(values) && (half == 0 || half == 0x7c00u)) {
      return OutOfRange(fmt::format("row {}: scale {} becomes {} in the f16 of {}", row, scale, F16ToFloat(half), Name(dtype)));
    }
    for (size_t col = 0; col < values.size(); col += kTernaryBlock, block += Info(dtype).block_bytes) {
      const std::span<const int8_t> part = std::span(values).subspan(col, kTernaryBlock);
      (is_tq1 ? PackTQ1_0 : PackTQ2_0)(part.data(), block);
      StoreAs(AnyNonZero(part) ? half : uint16_t{0}, block + scale_offset);
    }
  }
  return Status::Ok();
}

Status EncodeI2_S(const TernaryRows& matrix, std::span<std::byte> out) {
  CommonScale common;
  std::vector<int8_t> values(static_cast<size_t>(matrix.cols()));
  std::byte* block = out.data();
  for (int64_t row = 0; row < matrix.rows(); ++row) {
    float scale;
    STERNA_RETURN_IF_ERROR(matrix.Read(row, values, &scale));
    STERNA_RETURN_IF_ERROR(common.Add(row, values, scale, "I2_S"));
    for (size_t col = 0; col < values.size(); col += kI2_SBlock, block += 32) PackI2_S(values.data() + col, block);
  }
  std::fill(block, out.data() + out.size(), std::byte{0});
  StoreAs(common.scale(), block);
  return Status::Ok();
}

}  // namespace

Status EncodeTernary(DType dtype, const TernaryRows& matrix, std::span<std::byte> out) {
  if (!Info(dtype).is_ternary) return Unsupported(fmt::format("{} is no ternary type (TQ1_0, TQ2_0, I2_S)", Name(dtype)));
  const int64_t shape[] = {matrix.rows(), matrix.cols()};
  STERNA_ASSIGN_OR_RETURN(const int64_t expected, TensorBytes(dtype, shape));
  if (out.size() != static_cast<size_t>(expected)) {
    return InvalidArgument(
        fmt::format("{} {} takes {} bytes, the caller's array {}", Name(dtype), ToString(shape), expected, out.size()));
  }
  return dtype == DType::kI2_S ? EncodeI2_S(matrix, out) : EncodeTQ(dtype, matrix, out);
}

Status EncodePacked(const TernaryRows& matrix, std::span<std::byte> out, float* multiply_scale) {
  const int64_t packed_rows = matrix.rows() / 4 + (matrix.rows() % 4 != 0);
  if (out.size() != static_cast<size_t>(packed_rows * matrix.cols())) {
    return InvalidArgument(fmt::format("packed weights [{}, {}] take {} bytes, the caller's array {}", matrix.rows(), matrix.cols(),
                                       packed_rows * matrix.cols(), out.size()));
  }
  std::ranges::fill(out, std::byte{0});
  CommonScale common;
  std::vector<int8_t> values(static_cast<size_t>(matrix.cols()));
  for (int64_t row = 0; row < matrix.rows(); ++row) {
    float scale;
    STERNA_RETURN_IF_ERROR(matrix.Read(row, values, &scale));
    STERNA_RETURN_IF_ERROR(common.Add(row, values, scale, "packed U8"));
    const int64_t shift = row / packed_rows * 2;
    std::byte* packed = out.data() + row % packed_rows * matrix.cols();
    for (size_t c = 0; c < values.size(); ++c) packed[c] |= static_cast<std::byte>((values[c] + 1) << shift);
  }
  *multiply_scale = common.scale();
  return Status::Ok();
}

}  // namespace sterna
