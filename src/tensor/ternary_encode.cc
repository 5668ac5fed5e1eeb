// Ternary rows to the bytes of every ternary type, and to Hugging Face packed bytes.
#include <fmt/format.h>

#include <algorithm>

#include "tensor/codecs_internal.h"
#include "tensor/ternary_codecs_internal.h"
#include "tensor/ternary_rows.h"
#include "tensor/tl_codecs_internal.h"

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

/// `scale` as f16; OutOfRange where a row that is not all zeros would lose it.
Result<uint16_t> HalfScale(DType dtype, int64_t row, std::span<const int8_t> values, float scale) {
  const uint16_t half = FloatToF16(scale);
  if (AnyNonZero(values) && (half == 0 || half == 0x7c00u)) {
    return OutOfRange(fmt::format("row {}: scale {} becomes {} in the f16 of {}", row, scale, F16ToFloat(half), Name(dtype)));
  }
  return half;
}

Status CheckBinary(DType dtype, int64_t row, size_t col, std::span<const int8_t> part) {
  const auto zero = std::ranges::find(part, int8_t{0});
  if (zero == part.end() || !AnyNonZero(part)) return Status::Ok();
  return Unsupported(fmt::format("{} holds -s and +s only: row {}, column {} is 0", Name(dtype), row,
                                 col + static_cast<size_t>(zero - part.begin())));
}

Status EncodeBlocks(DType dtype, const TernaryBlockCodec& codec, const TernaryRows& matrix, std::span<std::byte> out) {
  CommonScale common;
  std::vector<int8_t> values(static_cast<size_t>(matrix.cols()));
  std::byte* block = out.data();
  for (int64_t row = 0; row < matrix.rows(); ++row) {
    float scale;
    STERNA_RETURN_IF_ERROR(matrix.Read(row, values, &scale));
    uint16_t half = 0;
    if (codec.scale == TernaryScale::kBlock || codec.scale == TernaryScale::kRowF16) {
      STERNA_ASSIGN_OR_RETURN(half, HalfScale(dtype, row, values, scale));
    }
    if (codec.scale == TernaryScale::kRowF16) StoreAs(half, block);
    if (codec.scale == TernaryScale::kRowF32) StoreAs(scale, block);
    if (codec.scale == TernaryScale::kTensor) STERNA_RETURN_IF_ERROR(common.Add(row, values, scale, Name(dtype)));
    block += Info(dtype).row_head_bytes;
    const auto elements = static_cast<size_t>(codec.elements);
    for (size_t col = 0; col < values.size(); col += elements, block += codec.bytes) {
      const std::span<const int8_t> part = std::span(values).subspan(col, elements);
      if (codec.is_binary) STERNA_RETURN_IF_ERROR(CheckBinary(dtype, row, col, part));
      codec.pack(part.data(), block);
      if (codec.scale == TernaryScale::kBlock) StoreAs(AnyNonZero(part) ? half : uint16_t{0}, block + codec.scale_offset);
    }
  }
  std::fill(block, out.data() + out.size(), std::byte{0});
  if (codec.scale == TernaryScale::kTensor) StoreAs(common.scale(), block);
  return Status::Ok();
}

/// The types whose rows have no bytes of their own: codes are ORed into zeros.
Status EncodeInterleaved(DType dtype, const TernaryRows& matrix, const TlTiling& tiling, std::span<std::byte> out) {
  std::ranges::fill(out, std::byte{0});
  CommonScale common;
  const TlMatrix tl{dtype, matrix.rows(), matrix.cols(), tiling};
  std::vector<int8_t> values(static_cast<size_t>(matrix.cols()));
  for (int64_t row = 0; row < matrix.rows(); ++row) {
    float scale;
    STERNA_RETURN_IF_ERROR(matrix.Read(row, values, &scale));
    std::byte* group = out.data() + row / 4 * 4 * RowBytes(dtype, matrix.cols());
    if (dtype == DType::kIQ2_BN_R4) {
      StoreAs(scale, group + 4 * (row % 4));
      PackIQ2_BN_R4(values.data(), matrix.cols(), row % 4, group + 16);
      continue;
    }
    STERNA_RETURN_IF_ERROR(common.Add(row, values, scale, Name(dtype)));
    if (dtype == DType::kI2_SRows4) {
      PackI2_SRows4(values.data(), matrix.cols(), row % 4, group);
    } else {
      PackTlRow(tl, values.data(), row, out.data());
    }
  }
  if (dtype != DType::kIQ2_BN_R4) StoreAs(common.scale(), out.data() + out.size() - Info(dtype).tensor_tail_bytes);
  return Status::Ok();
}

}  // namespace

Status EncodeTernary(DType dtype, const TernaryRows& matrix, std::span<std::byte> out, std::optional<TlTiling> tiling) {
  if (!Info(dtype).is_ternary) return Unsupported(fmt::format("{} is no ternary type", Name(dtype)));
  const int64_t shape[] = {matrix.rows(), matrix.cols()};
  STERNA_ASSIGN_OR_RETURN(const int64_t expected, TensorBytes(dtype, shape));
  if (out.size() != static_cast<size_t>(expected)) {
    return InvalidArgument(
        fmt::format("{} {} takes {} bytes, the caller's array {}", Name(dtype), ToString(shape), expected, out.size()));
  }
  if (const TernaryBlockCodec* codec = FindTernaryBlockCodec(dtype)) return EncodeBlocks(dtype, *codec, matrix, out);
  TlTiling tl_tiling;
  if (dtype == DType::kTL1 || dtype == DType::kTL2) {
    STERNA_ASSIGN_OR_RETURN(tl_tiling, TlTilingOf(dtype, matrix.rows(), matrix.cols(), tiling));
  }
  return EncodeInterleaved(dtype, matrix, tl_tiling, out);
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
