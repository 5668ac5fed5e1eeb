// The truth about weight encodings: bytes of a tensor to f32 values, and f32 values to bytes. Ternary codes: ternary_rows.h.
#ifndef STERNA_TENSOR_ENCODINGS_H_
#define STERNA_TENSOR_ENCODINGS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "tensor/dtype.h"

namespace sterna {

// Layouts of one block; little-endian, byte offsets in order. The block types are those of ggml (ggml-common.h), I2_S is
// bitnet.cpp's.
//   Q8_0   32 weights, 34 bytes: f16 d; i8 q[32].                               w[j] = d * q[j]
//   Q4_0   32 weights, 18 bytes: f16 d; 16 bytes: low nibble q[j], high q[j+16]. w[j] = d * (q[j] - 8)
//   Q4_1   32 weights, 20 bytes: f16 d; f16 m; nibbles as in Q4_0.              w[j] = d * q[j] + m    (d * q is exact)
//   Q6_K   256 weights, 210 bytes: ql[128]; qh[64]; i8 s[16]; f16 d. For each half h of 128 weights and each j < 128 of it:
//            q = nibble (j < 64: low, else high) of ql[64h + j % 64] + 16 * (bits 2(j/32), +1 of qh[32h + j % 32])
//            w = (d * s[8h + j / 16]) * (q - 32), rounded after each product
//   TQ1_0  256 weights, 54 bytes: qs[48]; qh[4]; f16 d. A byte b holds base-3 digits, the first one most significant, scaled by
//   256/243:
//            digit n = (((b * 3^n) mod 256) * 3) >> 8.  qs[m], m < 32: weights m + 32n, n < 5; qs[32 + m], m < 16: weights
//            160 + m + 16n, n < 5; qh[m]: weights 240 + m + 4n, n < 4.            w = d * (digit - 1), defined for every byte
//   TQ2_0  256 weights, 66 bytes: qs[64]; f16 d. Weight 128h + 32l + m is bits 2l, 2l+1 of qs[32h + m].   w = d * (code - 1)
//   I2_S   128 weights, 32 bytes: weight 32l + m is bits 6-2l, 7-2l of byte m. Behind the last row: f32 scale, then 28 bytes
//            that mean nothing.   w = scale * (code - 1); code 3, which no writer produces, counts as 0 here

/// Writes the `cols` weights of one row as f32. row: RowBytes(dtype, cols) bytes, any alignment, nothing is read past them; cols: a
/// multiple of the type's block; tensor_scale: TensorScale of the tensor. Cannot fail. Equal to the Python package gguf's
/// `dequantize` to the bit.
using RowDecoder = void (*)(const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept;

/// F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q6_K, TQ1_0, TQ2_0 and I2_S have one; for the other types: nullptr.
RowDecoder FindRowDecoder(DType dtype) noexcept;

/// The factor that lies behind the rows of an I2_S tensor; 1 for every other type. data: the whole tensor, as TensorBytes counts
/// it.
float TensorScale(DType dtype, const std::byte* data, int64_t rows, int64_t cols) noexcept;

/// FindRowDecoder(dtype) applied; dtype must have one.
void DequantizeRow(DType dtype, const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept;

/// The whole tensor [rows, cols] into out[rows * cols]. Errors: Unsupported for a type without decoder; Malformed where the shape
/// does not suit the type or data has another length than the shape asks for; InvalidArgument where `out` has.
Status Dequantize(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols, std::span<float> out);

/// Encodes values [rows, cols] into `out`, TensorBytes(dtype, {rows, cols}) bytes. Types: F32, F16, BF16 (round to nearest even),
/// Q8_0, Q4_0, Q4_1, Q6_K, TQ1_0, TQ2_0 by the reference algorithms of ggml (quantize_row_*_ref), whose bytes gguf-py writes too;
/// I2_S for values that are exactly 0 or +-s with one s for the tensor (s: the first non-zero magnitude; 1 where all are 0). Rows
/// are independent in all types but I2_S, so a large tensor may be encoded in several calls. Errors: Unsupported (type; I2_S of
/// values that are not ternary, naming row, column and value); Malformed for a NaN or infinity in a block type; OutOfRange where a
/// finite value or a block's scale would become infinite; Malformed / InvalidArgument for sizes.
Status QuantizeInto(DType dtype, std::span<const float> values, int64_t rows, int64_t cols, std::span<std::byte> out);

/// QuantizeInto with bytes of its own.
Result<std::vector<std::byte>> Quantize(DType dtype, std::span<const float> values, int64_t rows, int64_t cols);

}  // namespace sterna

#endif  // STERNA_TENSOR_ENCODINGS_H_
