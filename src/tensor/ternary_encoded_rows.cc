// Rows of the ternary types that files hold: opening checks sizes and scales, reading checks codes.
#include <algorithm>
#include <cstring>

#include "tensor/codecs_internal.h"
#include "tensor/encodings.h"
#include "tensor/ternary_checks_internal.h"
#include "tensor/ternary_codecs_internal.h"
#include "tensor/ternary_rows.h"
#include "tensor/tl_codecs_internal.h"

namespace sterna {
namespace {

Status WrongScale(std::string_view where, DType dtype, float scale) {
  return Malformed(fmt::format("{}{} scale is {}: expected a finite number, not negative", where, Name(dtype), scale));
}

/// The f32 behind all rows.
float TailScale(DType dtype, const std::byte* data, int64_t rows, int64_t cols) {
  const int64_t shape[] = {rows, cols};
  return LoadAs<float>(data + *TensorBytes(dtype, shape) - Info(dtype).tensor_tail_bytes);
}

/// Four interleaved rows: their scales, then their codes.
constexpr int64_t kGroupRows = 4, kGroupScaleBytes = 16;

}  // namespace

Status TernaryRows::CheckScales(DType dtype, const std::byte* data, int64_t rows, int64_t cols) {
  const TernaryBlockCodec* codec = FindTernaryBlockCodec(dtype);
  if (Info(dtype).tensor_tail_bytes > 0) {
    const float scale = TailScale(dtype, data, rows, cols);
    return IsTernaryFactor(scale) ? Status::Ok() : WrongScale("", dtype, scale);
  }
  if (dtype == DType::kIQ2_BN_R4) {
    for (int64_t row = 0; row < rows; ++row) {
      const float scale = LoadAs<float>(data + row / kGroupRows * kGroupRows * RowBytes(dtype, cols) + 4 * (row % kGroupRows));
      if (!IsTernaryFactor(scale)) return WrongScale(fmt::format("row {}: ", row), dtype, scale);
    }
    return Status::Ok();
  }
  if (codec->scale != TernaryScale::kBlock) {
    for (int64_t row = 0; row < rows; ++row) {
      const std::byte* head = data + row * RowBytes(dtype, cols);
      const float scale = codec->scale == TernaryScale::kRowF16 ? LoadF16(head) : LoadAs<float>(head);
      if (!IsTernaryFactor(scale)) return WrongScale(fmt::format("row {}: ", row), dtype, scale);
    }
    return Status::Ok();
  }
  const int64_t blocks_per_row = cols / codec->elements;
  for (int64_t block = 0; block < rows * blocks_per_row; ++block) {
    const float d = LoadF16(data + block * codec->bytes + codec->scale_offset);
    if (!IsTernaryFactor(d)) {
      return Malformed(fmt::format("row {}, column {}: {} block scale is {}: expected a finite number, not negative",
                                   block / blocks_per_row, block % blocks_per_row * codec->elements, Name(dtype), d));
    }
  }
  return Status::Ok();
}

Result<TernaryRows> TernaryRows::OpenEncoded(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols,
                                             std::optional<TlTiling> tiling) {
  if (!Info(dtype).is_ternary) return Unsupported(fmt::format("{} is no ternary type", Name(dtype)));
  STERNA_RETURN_IF_ERROR(CheckTernaryBytes(dtype, data.size(), rows, cols));
  STERNA_RETURN_IF_ERROR(CheckScales(dtype, data.data(), rows, cols));
  const float scale = Info(dtype).tensor_tail_bytes > 0 ? TailScale(dtype, data.data(), rows, cols) : 0;
  TernaryRows matrix(Source::kBlocks, dtype, data.data(), rows, cols, scale);
  matrix.codec_ = FindTernaryBlockCodec(dtype);
  if (dtype == DType::kI2_SRows4) matrix.source_ = Source::kRows4;
  if (dtype == DType::kIQ2_BN_R4) matrix.source_ = Source::kIQ2_BN_R4;
  if (dtype == DType::kTL1 || dtype == DType::kTL2) {
    matrix.source_ = Source::kTl;
    STERNA_ASSIGN_OR_RETURN(matrix.tiling_, TlTilingOf(dtype, rows, cols, tiling));
  }
  return matrix;
}

bool TernaryRows::HasOneScalePerRow() const {
  if (source_ != Source::kBlocks || codec_->scale != TernaryScale::kBlock) return true;
  const int64_t blocks = cols_ / codec_->elements;
  std::vector<int8_t> values(static_cast<size_t>(cols_));
  for (int64_t row = 0; row < rows_; ++row) {
    const std::byte* first = data_ + row * RowBytes(dtype_, cols_);
    bool is_plain = true;
    for (int64_t block = 0; block < blocks; ++block) {
      const std::byte* at = first + block * codec_->bytes;
      is_plain = is_plain && LoadAs<uint16_t>(at + codec_->scale_offset) == LoadAs<uint16_t>(first + codec_->scale_offset);
      for (int64_t i = 2; codec_->three_is_two && i < codec_->bytes; ++i) {
        const int byte = static_cast<int>(at[i]);
        is_plain = is_plain && (byte & byte >> 1 & 0x55) == 0;
      }
    }
    float scale;
    if (!is_plain && ReadBlocks(row, values, &scale).code() == StatusCode::kUnsupported) return false;
  }
  return true;
}

Status TernaryRows::ReadBlocks(int64_t row, std::span<int8_t> values, float* scale) const {
  const std::byte* first = data_ + row * RowBytes(dtype_, cols_);
  const std::byte* block = first + Info(dtype_).row_head_bytes;
  if (codec_->scale == TernaryScale::kBlock) *scale = 0;
  if (codec_->scale == TernaryScale::kRowF16) *scale = LoadF16(first);
  if (codec_->scale == TernaryScale::kRowF32) *scale = LoadAs<float>(first);
  const auto elements = static_cast<size_t>(codec_->elements);
  for (size_t col = 0; col < values.size(); col += elements, block += codec_->bytes) {
    const std::span<int8_t> part = values.subspan(col, elements);
    codec_->unpack(block, part.data());
    const float d = codec_->scale == TernaryScale::kBlock ? LoadF16(block + codec_->scale_offset) : *scale;
    if (const void* const three = std::memchr(part.data(), 2, part.size()); three != nullptr) {
      const auto at = static_cast<int64_t>(col) + (static_cast<const int8_t*>(three) - part.data());
      if (!codec_->three_is_two) return InvalidCode("3", row, at);
      if (d != 0) return Unsupported(fmt::format("row {}, column {}: weight +2 of {} is not ternary", row, at, Name(dtype_)));
    }
    if (codec_->scale != TernaryScale::kBlock) continue;
    if (d == 0) {
      std::ranges::fill(part, int8_t{0});
    } else if (d != *scale && std::ranges::any_of(part, [](int8_t v) { return v != 0; })) {
      if (*scale != 0) {
        return Unsupported(
            fmt::format("row {} has block scales {} and {} (column {}): expected one scale a row", row, *scale, d, col));
      }
      *scale = d;
    }
  }
  return Status::Ok();
}

Status TernaryRows::ReadInterleaved(int64_t row, std::span<int8_t> values, float* scale) const {
  const std::byte* group = data_ + row / kGroupRows * kGroupRows * RowBytes(dtype_, cols_);
  if (source_ == Source::kRows4) {
    group = data_ + row / kGroupRows * cols_;
    UnpackI2_SRows4(group, cols_, row % kGroupRows, values.data());
  } else {
    *scale = LoadAs<float>(group + 4 * (row % kGroupRows));
    UnpackIQ2_BN_R4(group + kGroupScaleBytes, cols_, row % kGroupRows, values.data());
  }
  const auto three = std::ranges::find(values, int8_t{2});
  return three == values.end() ? Status::Ok() : InvalidCode("3", row, three - values.begin());
}

Status TernaryRows::ReadTl(int64_t row, std::span<int8_t> values) const {
  const auto bad = UnpackTlRow({dtype_, rows_, cols_, tiling_}, data_, row, values.data());
  if (!bad) return Status::Ok();
  return Malformed(
      fmt::format("row {}, column {}: a code of {} that stands for no ternary values (perhaps the tiling is another one: tiles of "
                  "{} rows, steps of {}, and {} columns were assumed)",
                  row, *bad, Name(dtype_), tiling_.tile_rows, tiling_.inner_rows, tiling_.tile_cols));
}

}  // namespace sterna
