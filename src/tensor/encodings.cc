#include "tensor/encodings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "tensor/codecs_internal.h"
#include "tensor/ternary_codecs_internal.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

// ---- Rows to f32.

void DecodeRowF32(const std::byte* row, int64_t cols, float, float* out) noexcept {
  if (cols > 0) std::memcpy(out, row, static_cast<size_t>(cols) * sizeof(float));
}
void DecodeRowF16(const std::byte* row, int64_t cols, float, float* out) noexcept {
  for (int64_t c = 0; c < cols; ++c) out[c] = LoadF16(row + 2 * c);
}
void DecodeRowBf16(const std::byte* row, int64_t cols, float, float* out) noexcept {
  for (int64_t c = 0; c < cols; ++c) out[c] = Bf16ToFloat(LoadAs<uint16_t>(row + 2 * c));
}
void DecodeRowF64(const std::byte* row, int64_t cols, float, float* out) noexcept {
  for (int64_t c = 0; c < cols; ++c) out[c] = static_cast<float>(LoadAs<double>(row + 8 * c));
}

template <int64_t kElements, int64_t kBytes, void (*kDecode)(const std::byte*, float*) noexcept>
void DecodeRowOfBlocks(const std::byte* row, int64_t cols, float, float* out) noexcept {
  for (int64_t block = 0; block < cols / kElements; ++block) kDecode(row + kBytes * block, out + kElements * block);
}

/// A row of ternary blocks. Code 3, which only Q2_0 means (+2), counts as 0 where one scale serves more than a block: bitnet.cpp
/// gives its I2_S that reading.
template <DType kType>
void DecodeTernaryRow(const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept {
  const TernaryBlockCodec& codec = *FindTernaryBlockCodec(kType);
  int8_t values[kMaxTernaryBlock];
  float scale = tensor_scale;
  if (codec.scale == TernaryScale::kRowF16) scale = LoadF16(row);
  if (codec.scale == TernaryScale::kRowF32) scale = LoadAs<float>(row);
  const std::byte* block = row + Info(kType).row_head_bytes;
  for (int64_t col = 0; col < cols; col += codec.elements, block += codec.bytes) {
    codec.unpack(block, values);
    if (codec.scale == TernaryScale::kBlock) scale = LoadF16(block + codec.scale_offset);
    for (int64_t j = 0; j < codec.elements; ++j) {
      const bool is_nothing = values[j] == 2 && codec.scale != TernaryScale::kBlock;
      out[col + j] = scale * static_cast<float>(is_nothing ? 0 : values[j]);
    }
  }
}

// ---- f32 to rows. Values were checked to be finite where the type holds blocks.

template <DType kType>
bool EncodeTernaryBlock(const float* values, std::byte* block) noexcept {
  const TernaryBlockCodec& codec = *FindTernaryBlockCodec(kType);
  float d = 0;
  for (int64_t j = 0; j < codec.elements; ++j) d = std::max(d, std::fabs(values[j]));
  // Where d is so small that its inverse overflows, f16 holds 0 and the codes do not matter.
  const float inverse = SafeInverse(d);
  int8_t codes[kMaxTernaryBlock];
  for (int64_t j = 0; j < codec.elements; ++j) {
    const float scaled = values[j] * inverse;  // at most 1 + 2^-23 in magnitude; rounded half away from zero
    codes[j] = static_cast<int8_t>((scaled >= 0.5f) - (scaled <= -0.5f));
  }
  codec.pack(codes, block);
  return StoreF16(d, block + codec.scale_offset);
}

bool EncodeF16(const float* value, std::byte* out) noexcept {
  const uint16_t half = FloatToF16(*value);
  StoreAs(half, out);
  return (half & 0x7fffu) != 0x7c00u || std::isinf(*value);
}
bool EncodeBf16(const float* value, std::byte* out) noexcept {
  const uint16_t bits = FloatToBf16(*value);
  StoreAs(bits, out);
  return (bits & 0x7fffu) != 0x7f80u || std::isinf(*value);
}
bool EncodeF32(const float* value, std::byte* out) noexcept {
  StoreAs(*value, out);
  return true;
}

using BlockEncoder = bool (*)(const float*, std::byte*) noexcept;

BlockEncoder FindBlockEncoder(DType dtype) noexcept {
  switch (dtype) {
    case DType::kF32:
      return EncodeF32;
    case DType::kF16:
      return EncodeF16;
    case DType::kBF16:
      return EncodeBf16;
    case DType::kQ8_0:
      return EncodeQ8_0;
    case DType::kQ4_0:
      return EncodeQ4_0;
    case DType::kQ4_1:
      return EncodeQ4_1;
    case DType::kQ5_0:
      return EncodeQ5_0;
    case DType::kQ5_1:
      return EncodeQ5_1;
    case DType::kQ2_K:
      return EncodeQ2_K;
    case DType::kQ3_K:
      return EncodeQ3_K;
    case DType::kQ4_K:
      return EncodeQ4_K;
    case DType::kQ5_K:
      return EncodeQ5_K;
    case DType::kQ6_K:
      return EncodeQ6_K;
    case DType::kIQ4_NL:
      return EncodeIQ4_NL;
    case DType::kTQ1_0:
      return EncodeTernaryBlock<DType::kTQ1_0>;
    case DType::kTQ2_0:
      return EncodeTernaryBlock<DType::kTQ2_0>;
    case DType::kQ2_0:
      return EncodeTernaryBlock<DType::kQ2_0>;
    case DType::kPQ2_0:
      return EncodeTernaryBlock<DType::kPQ2_0>;
    case DType::kPTQ1_0:
      return EncodeTernaryBlock<DType::kPTQ1_0>;
    default:
      return nullptr;
  }
}

Status EncodeBlocks(DType dtype, BlockEncoder encode, std::span<const float> values, int64_t cols, std::span<std::byte> out) {
  const auto elements = static_cast<size_t>(Info(dtype).block_elements);
  const auto bytes = static_cast<size_t>(Info(dtype).block_bytes);
  const auto row_and_column = [cols](size_t index) {
    return fmt::format("row {}, column {}", static_cast<int64_t>(index) / cols, static_cast<int64_t>(index) % cols);
  };
  for (size_t first = 0, target = 0; first < values.size(); first += elements, target += bytes) {
    if (elements > 1) {
      for (size_t i = first; i < first + elements; ++i) {
        if (!std::isfinite(values[i])) {
          return Malformed(fmt::format("{}: {} cannot be written as {}: blocks hold finite values only", row_and_column(i),
                                       values[i], Name(dtype)));
        }
      }
    }
    if (!encode(values.data() + first, out.data() + target)) {
      return OutOfRange(
          elements > 1
              ? fmt::format("the block at {} needs a scale that {} cannot hold (at most 65504)", row_and_column(first), Name(dtype))
              : fmt::format("{}: {} is too large for {}", row_and_column(first), values[first], Name(dtype)));
    }
  }
  return Status::Ok();
}

/// Values that are ternary already, into the types that keep one factor per row or tensor.
Status EncodeExact(DType dtype, std::span<const float> values, int64_t rows, int64_t cols, std::span<std::byte> out) {
  if (values.empty()) {
    std::ranges::fill(out, std::byte{0});
    return Status::Ok();
  }
  STERNA_ASSIGN_OR_RETURN(const TernaryRows exact, TernaryRows::OpenExact(DType::kF32, std::as_bytes(values), rows, cols));
  return EncodeTernary(dtype, exact, out).WithContext(Name(dtype));
}

/// The ternary types whose rows have no bytes of their own.
Status DequantizeInterleaved(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols, std::span<float> out) {
  STERNA_ASSIGN_OR_RETURN(const TernaryRows matrix, TernaryRows::OpenEncoded(dtype, data, rows, cols));
  std::vector<int8_t> values(static_cast<size_t>(cols));
  for (int64_t row = 0; row < rows; ++row) {
    float scale;
    STERNA_RETURN_IF_ERROR(matrix.Read(row, values, &scale));
    for (int64_t c = 0; c < cols; ++c)
      out[static_cast<size_t>(row * cols + c)] = scale * static_cast<float>(values[static_cast<size_t>(c)]);
  }
  return Status::Ok();
}

// What Dequantize and QuantizeInto demand of their arguments.
Status CheckSizes(DType dtype, int64_t rows, int64_t cols, size_t bytes, size_t floats) {
  const int64_t shape[] = {rows, cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t expected, TensorBytes(dtype, shape));
  if (bytes != static_cast<size_t>(expected)) {
    return Malformed(fmt::format("{} {} takes {} bytes, found {}", Name(dtype), ToString(shape), expected, bytes));
  }
  if (floats != static_cast<size_t>(rows * cols)) {
    return InvalidArgument(fmt::format("{} holds {} values, the caller's array {}", ToString(shape), rows * cols, floats));
  }
  return Status::Ok();
}

}  // namespace

RowDecoder FindRowDecoder(DType dtype) noexcept {
  switch (dtype) {
    case DType::kF32:
      return DecodeRowF32;
    case DType::kF16:
      return DecodeRowF16;
    case DType::kBF16:
      return DecodeRowBf16;
    case DType::kF64:
      return DecodeRowF64;
    case DType::kQ8_0:
      return DecodeRowOfBlocks<32, 34, DecodeQ8_0>;
    case DType::kQ4_0:
      return DecodeRowOfBlocks<32, 18, DecodeQ4_0>;
    case DType::kQ4_1:
      return DecodeRowOfBlocks<32, 20, DecodeQ4_1>;
    case DType::kQ5_0:
      return DecodeRowOfBlocks<32, 22, DecodeQ5_0>;
    case DType::kQ5_1:
      return DecodeRowOfBlocks<32, 24, DecodeQ5_1>;
    case DType::kQ2_K:
      return DecodeRowOfBlocks<256, 84, DecodeQ2_K>;
    case DType::kQ3_K:
      return DecodeRowOfBlocks<256, 110, DecodeQ3_K>;
    case DType::kQ4_K:
      return DecodeRowOfBlocks<256, 144, DecodeQ4_K>;
    case DType::kQ5_K:
      return DecodeRowOfBlocks<256, 176, DecodeQ5_K>;
    case DType::kQ6_K:
      return DecodeRowOfBlocks<256, 210, DecodeQ6_K>;
    case DType::kIQ4_NL:
      return DecodeRowOfBlocks<32, 18, DecodeIQ4_NL>;
    case DType::kMXFP4:
      return DecodeRowOfBlocks<32, 17, DecodeMXFP4>;
    case DType::kNVFP4:
      return DecodeRowOfBlocks<64, 36, DecodeNVFP4>;
    case DType::kTQ1_0:
      return DecodeTernaryRow<DType::kTQ1_0>;
    case DType::kTQ2_0:
      return DecodeTernaryRow<DType::kTQ2_0>;
    case DType::kI2_S:
      return DecodeTernaryRow<DType::kI2_S>;
    case DType::kI2_SArm:
      return DecodeTernaryRow<DType::kI2_SArm>;
    case DType::kI2_SSequential:
      return DecodeTernaryRow<DType::kI2_SSequential>;
    case DType::kIQ1_BN:
      return DecodeTernaryRow<DType::kIQ1_BN>;
    case DType::kIQ2_BN:
      return DecodeTernaryRow<DType::kIQ2_BN>;
    case DType::kQ2_0:
      return DecodeTernaryRow<DType::kQ2_0>;
    case DType::kPQ2_0:
      return DecodeTernaryRow<DType::kPQ2_0>;
    case DType::kPTQ1_0:
      return DecodeTernaryRow<DType::kPTQ1_0>;
    case DType::kQ1_0:
      return DecodeTernaryRow<DType::kQ1_0>;
    case DType::kQ1_0G32:
      return DecodeTernaryRow<DType::kQ1_0G32>;
    default:
      return nullptr;
  }
}

float TensorScale(DType dtype, const std::byte* data, int64_t rows, int64_t cols) noexcept {
  return Info(dtype).tensor_tail_bytes > 0 && dtype != DType::kTL2 ? LoadAs<float>(data + rows * RowBytes(dtype, cols)) : 1.0f;
}

void DequantizeRow(DType dtype, const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept {
  const RowDecoder decode = FindRowDecoder(dtype);
  assert(decode != nullptr);
  decode(row, cols, tensor_scale, out);
}

Status Dequantize(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols, std::span<float> out) {
  const RowDecoder decode = FindRowDecoder(dtype);
  if (decode == nullptr && !Info(dtype).is_ternary) {
    return Unsupported(fmt::format("{} holds no weights that can be read as f32", Name(dtype)));
  }
  STERNA_RETURN_IF_ERROR(CheckSizes(dtype, rows, cols, data.size(), out.size()));
  if (out.empty()) return Status::Ok();  // not a loop over 2^62 rows of nothing
  if (decode == nullptr) return DequantizeInterleaved(dtype, data, rows, cols, out);
  const float scale = TensorScale(dtype, data.data(), rows, cols);
  const int64_t row_bytes = RowBytes(dtype, cols);
  for (int64_t r = 0; r < rows; ++r) decode(data.data() + r * row_bytes, cols, scale, out.data() + r * cols);
  return Status::Ok();
}

Status QuantizeInto(DType dtype, std::span<const float> values, int64_t rows, int64_t cols, std::span<std::byte> out) {
  const BlockEncoder encode = FindBlockEncoder(dtype);
  if (encode == nullptr && !Info(dtype).is_ternary) return Unsupported(fmt::format("values cannot be written as {}", Name(dtype)));
  STERNA_RETURN_IF_ERROR(CheckSizes(dtype, rows, cols, out.size(), values.size()));
  return encode == nullptr ? EncodeExact(dtype, values, rows, cols, out) : EncodeBlocks(dtype, encode, values, cols, out);
}

Result<std::vector<std::byte>> Quantize(DType dtype, std::span<const float> values, int64_t rows, int64_t cols) {
  const int64_t shape[] = {rows, cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(dtype, shape));
  // Checked before the allocation: a shape that does not belong to `values` must not decide how much memory is taken.
  STERNA_RETURN_IF_ERROR(CheckSizes(dtype, rows, cols, static_cast<size_t>(bytes), values.size()));
  std::vector<std::byte> out(static_cast<size_t>(bytes));
  STERNA_RETURN_IF_ERROR(QuantizeInto(dtype, values, rows, cols, out));
  return out;
}

}  // namespace sterna
