#include "tensor/encodings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "tensor/codecs_internal.h"

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

template <int64_t kBytes, int64_t kScaleOffset, void (*kUnpack)(const std::byte*, int8_t*) noexcept>
void DecodeRowOfTernaryBlocks(const std::byte* row, int64_t cols, float, float* out) noexcept {
  int8_t values[kTernaryBlock];
  for (int64_t block = 0; block < cols / kTernaryBlock; ++block) {
    kUnpack(row + kBytes * block, values);
    const float d = LoadF16(row + kBytes * block + kScaleOffset);
    for (int64_t j = 0; j < kTernaryBlock; ++j) out[kTernaryBlock * block + j] = d * static_cast<float>(values[j]);
  }
}

void DecodeRowI2_S(const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept {
  int8_t values[kI2_SBlock];
  for (int64_t block = 0; block < cols / kI2_SBlock; ++block) {
    UnpackI2_S(row + 32 * block, values);
    for (int64_t j = 0; j < kI2_SBlock; ++j) {
      out[kI2_SBlock * block + j] = tensor_scale * static_cast<float>(values[j] == 2 ? 0 : values[j]);
    }
  }
}

// ---- f32 to rows. Values were checked to be finite where the type holds blocks.

bool EncodeBlockTernary(const float* values, void (*pack)(const int8_t*, std::byte*) noexcept, int64_t scale_offset,
                        std::byte* block) noexcept {
  float d = 0;
  for (int64_t j = 0; j < kTernaryBlock; ++j) d = std::max(d, std::fabs(values[j]));
  const uint16_t half = FloatToF16(d);
  // Where d is so small that its inverse overflows, f16 holds 0 and the codes do not matter.
  const float inverse = d > 0 && std::isfinite(1.0f / d) ? 1.0f / d : 0.0f;
  int8_t codes[kTernaryBlock];
  for (int64_t j = 0; j < kTernaryBlock; ++j) {
    const float scaled = values[j] * inverse;  // at most 1 + 2^-23 in magnitude; rounded half away from zero
    codes[j] = static_cast<int8_t>((scaled >= 0.5f) - (scaled <= -0.5f));
  }
  pack(codes, block);
  StoreAs(half, block + scale_offset);
  return (half & 0x7c00u) != 0x7c00u;
}
bool EncodeTQ1_0(const float* values, std::byte* block) noexcept {
  return EncodeBlockTernary(values, PackTQ1_0, kTQ1_0ScaleOffset, block);
}
bool EncodeTQ2_0(const float* values, std::byte* block) noexcept {
  return EncodeBlockTernary(values, PackTQ2_0, kTQ2_0ScaleOffset, block);
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
    case DType::kQ6_K:
      return EncodeQ6_K;
    case DType::kTQ1_0:
      return EncodeTQ1_0;
    case DType::kTQ2_0:
      return EncodeTQ2_0;
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

Status EncodeI2_S(std::span<const float> values, int64_t rows, int64_t cols, std::span<std::byte> out) {
  const auto first = std::ranges::find_if(values, [](float w) { return w != 0; });
  const float scale = first == values.end() ? 1.0f : std::fabs(*first);
  if (!std::isfinite(scale)) return Malformed(fmt::format("I2_S: the first non-zero value is {}", scale));
  int8_t codes[kI2_SBlock];
  for (size_t block = 0; block < values.size() / kI2_SBlock; ++block) {
    for (size_t j = 0; j < kI2_SBlock; ++j) {
      const float w = values[kI2_SBlock * block + j];
      if (w != 0 && std::fabs(w) != scale) {
        const auto index = static_cast<int64_t>(kI2_SBlock * block + j);
        return Unsupported(fmt::format("I2_S holds -s, 0 and +s with one s for the tensor: row {}, column {} is {}, but s is {}",
                                       index / cols, index % cols, w, scale));
      }
      codes[j] = static_cast<int8_t>((w > 0) - (w < 0));
    }
    PackI2_S(codes, out.data() + 32 * block);
  }
  const auto tail = static_cast<size_t>(rows * RowBytes(DType::kI2_S, cols));
  std::ranges::fill(out.subspan(tail), std::byte{0});
  StoreAs(scale, out.data() + tail);
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
    case DType::kQ6_K:
      return DecodeRowOfBlocks<256, 210, DecodeQ6_K>;
    case DType::kTQ1_0:
      return DecodeRowOfTernaryBlocks<54, kTQ1_0ScaleOffset, UnpackTQ1_0>;
    case DType::kTQ2_0:
      return DecodeRowOfTernaryBlocks<66, kTQ2_0ScaleOffset, UnpackTQ2_0>;
    case DType::kI2_S:
      return DecodeRowI2_S;
    default:
      return nullptr;
  }
}

float TensorScale(DType dtype, const std::byte* data, int64_t rows, int64_t cols) noexcept {
  return dtype == DType::kI2_S ? LoadAs<float>(data + rows * RowBytes(dtype, cols)) : 1.0f;
}

void DequantizeRow(DType dtype, const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept {
  const RowDecoder decode = FindRowDecoder(dtype);
  assert(decode != nullptr);
  decode(row, cols, tensor_scale, out);
}

Status Dequantize(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols, std::span<float> out) {
  const RowDecoder decode = FindRowDecoder(dtype);
  if (decode == nullptr) return Unsupported(fmt::format("{} holds no weights that can be read as f32", Name(dtype)));
  STERNA_RETURN_IF_ERROR(CheckSizes(dtype, rows, cols, data.size(), out.size()));
  if (out.empty()) return Status::Ok();  // not a loop over 2^62 rows of nothing
  const float scale = TensorScale(dtype, data.data(), rows, cols);
  const int64_t row_bytes = RowBytes(dtype, cols);
  for (int64_t r = 0; r < rows; ++r) decode(data.data() + r * row_bytes, cols, scale, out.data() + r * cols);
  return Status::Ok();
}

Status QuantizeInto(DType dtype, std::span<const float> values, int64_t rows, int64_t cols, std::span<std::byte> out) {
  const BlockEncoder encode = FindBlockEncoder(dtype);
  if (encode == nullptr && dtype != DType::kI2_S) return Unsupported(fmt::format("values cannot be written as {}", Name(dtype)));
  STERNA_RETURN_IF_ERROR(CheckSizes(dtype, rows, cols, out.size(), values.size()));
  return dtype == DType::kI2_S ? EncodeI2_S(values, rows, cols, out) : EncodeBlocks(dtype, encode, values, cols, out);
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
