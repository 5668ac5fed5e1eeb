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

// Layouts of one block; little-endian, byte offsets in order. The block types are those of ggml (ggml-common.h).
//   Q8_0   32 weights, 34 bytes: f16 d; i8 q[32].                               w[j] = d * q[j]
//   Q4_0   32 weights, 18 bytes: f16 d; 16 bytes: low nibble q[j], high q[j+16]. w[j] = d * (q[j] - 8)
//   Q4_1   32 weights, 20 bytes: f16 d; f16 m; nibbles as in Q4_0.              w[j] = d * q[j] + m    (d * q is exact)
//   Q5_0   32 weights, 22 bytes: f16 d; u32 of fifth bits, bit j; nibbles as in Q4_0.          w[j] = d * (q[j] - 16)
//   Q5_1   32 weights, 24 bytes: f16 d; f16 m; fifth bits and nibbles.          w[j] = d * q[j] + m
//   Q2_K   256 weights, 84 bytes: 16 bytes scale | minimum << 4; qs[64] as in TQ2_0; f16 d; f16 dmin. Groups of 16:
//            w = (d * scale) * q - (dmin * minimum), rounded after each operation
//   Q3_K   256 weights, 110 bytes: high[32], bit j / 32 of byte j % 32; qs[64] as in TQ2_0; scales[12], six bits; f16 d.
//            Groups of 16: w = (d * (scale - 32)) * (q - 4)
//   Q4_K   256 weights, 144 bytes: f16 d; f16 dmin; 12 bytes of six-bit scales and minimums; qs[128]: of each 64 weights the first
//            32 in low nibbles. Groups of 32: w = (d * scale) * q - (dmin * minimum)
//   Q5_K   256 weights, 176 bytes: Q4_K with fifth bits high[32], bit j / 32 of byte j % 32, in front of the nibbles
//   Q6_K   256 weights, 210 bytes: ql[128]; qh[64]; i8 s[16]; f16 d. For each half h of 128 weights and each j < 128 of it:
//            q = nibble (j < 64: low, else high) of ql[64h + j % 64] + 16 * (bits 2(j/32), +1 of qh[32h + j % 32])
//            w = (d * s[8h + j / 16]) * (q - 32), rounded after each product
//   IQ4_NL 32 weights, 18 bytes: f16 d; nibbles as in Q4_0 that choose from a table of 16.        w = d * table[q]
//   MXFP4  32 weights, 17 bytes: e8m0 exponent; nibbles as in Q4_0: e2m1.       w = 2^(exponent - 127) * e2m1
//   NVFP4  64 weights, 36 bytes: four unsigned e4m3 scales; 32 bytes: of each 16 weights the first 8 in low nibbles: e2m1
// Ternary, f16 scale in each block; w = d * (code - 1):
//   TQ1_0  256 weights, 54 bytes: qs[48]; qh[4]; f16 d. A byte b holds base-3 digits, the first one most significant, scaled by
//   256/243:
//            digit n = (((b * 3^n) mod 256) * 3) >> 8.  qs[m], m < 32: weights m + 32n, n < 5; qs[32 + m], m < 16: weights
//            160 + m + 16n, n < 5; qh[m]: weights 240 + m + 4n, n < 4.            defined for every byte
//   PTQ1_0 128 weights, 28 bytes (Prism): the same in qs[16], weights m + 16n; qs[8], 80 + m + 8n; qh[2], 120 + m + 2n; f16 d
//   TQ2_0  256 weights, 66 bytes: qs[64]; f16 d. Weight 128h + 32l + m is bits 2l, 2l+1 of qs[32h + m]
//   Q2_0   64 weights, 18 bytes: f16 d; weight j is bits 2(j%4), +1 of byte j/4; code 3 is +2.   PQ2_0: 128 weights, 34 bytes
//   Q1_0   128 weights, 18 bytes: f16 d; bit j%8 of byte j/8: 1 is +d, 0 is -d.           Q1_0_G32: 32 weights, 6 bytes
// Ternary, a scale in front of each row (ik_llama.cpp); w = scale * (code - 1):
//   IQ1_BN 64 weights, 13 bytes; f16 scale. Byte 3i + k, k < 3: weights 16i + 5k + j with digit weight 3^j; byte 12: weights 16i +
//   15
//            with digit weight 3^i; scaled by 256/243 as in TQ1_0
//   IQ2_BN 64 weights, 16 bytes; f32 scale. Weight 16l + m is bits 2l, 2l+1 of byte m
//   IQ2_BN_R4: four f32 scales, then for 64 columns 64 bytes: byte 4k + i + 16l holds columns 16l + i + {0, 4, 8, 12} of row k
// Ternary, one f32 scale behind all rows, then 28 bytes that mean nothing (bitnet.cpp); w = scale * (code - 1); code 3, which no
// writer produces, counts as 0 here:
//   I2_S   128 weights, 32 bytes: weight 32l + m is bits 6-2l, 7-2l of byte m.     I2_S_ARM: 64 weights, 16 bytes, 16l + m
//   I2_S_SEQ: weight i is bits 6-2(i%4) of byte i/4.    I2_S_4ROW: rows 4g + k of one column are bits 6-2k of byte g * cols +
//   column TL1, TL2: pairs (3a + b + 4) and triples (9a + 3b + c) in the order of a TlTiling (tl_codecs.cc)

/// Writes the `cols` weights of one row as f32. row: RowBytes(dtype, cols) bytes, any alignment, nothing is read past them; cols: a
/// multiple of the type's block; tensor_scale: TensorScale of the tensor. Cannot fail. Equal to the Python package gguf's
/// `dequantize` to the bit.
using RowDecoder = void (*)(const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept;

/// Every type of weights has one, except those whose rows have no bytes of their own: I2_S_4ROW, IQ2_BN_R4, TL1, TL2. For these and
/// for integers: nullptr.
RowDecoder FindRowDecoder(DType dtype) noexcept;

/// The factor that lies behind the rows of an I2_S tensor of any layout; 1 for every other type. data: the whole tensor, as
/// TensorBytes counts it.
float TensorScale(DType dtype, const std::byte* data, int64_t rows, int64_t cols) noexcept;

/// FindRowDecoder(dtype) applied; dtype must have one.
void DequantizeRow(DType dtype, const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept;

/// The whole tensor [rows, cols] into out[rows * cols]; interleaved ternary types too (TL1 and TL2 by KnownTlTiling). Errors:
/// Unsupported for a type without weights; Malformed where the shape does not suit the type or data has another length than the
/// shape asks for; InvalidArgument where `out` has.
Status Dequantize(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols, std::span<float> out);

/// Encodes values [rows, cols] into `out`, TensorBytes(dtype, {rows, cols}) bytes. F32, F16, BF16 (round to nearest even); Q8_0,
/// Q4_0, Q4_1, Q5_0, Q5_1, Q2_K to Q6_K, TQ1_0, TQ2_0, Q2_0 by the reference algorithms of ggml (quantize_row_*_ref), IQ4_NL as its
/// quantize_iq4_nl without importance matrix, which llama-quantize calls; PQ2_0 and PTQ1_0 as their kin. The other ternary types
/// take values that are exactly 0 or +-s, with one s for a row or tensor as the type has it (s: the first non-zero magnitude; 1
/// where all of a tensor are 0). Rows are independent in all types but those with one scale, so a large tensor may be encoded in
/// several calls. Errors: Unsupported (type; values that are not ternary, naming row, column and value); Malformed for a NaN or
/// infinity in a block type; OutOfRange where a finite value or a block's scale would become infinite; Malformed / InvalidArgument
/// for sizes.
Status QuantizeInto(DType dtype, std::span<const float> values, int64_t rows, int64_t cols, std::span<std::byte> out);

/// QuantizeInto with bytes of its own.
Result<std::vector<std::byte>> Quantize(DType dtype, std::span<const float> values, int64_t rows, int64_t cols);

}  // namespace sterna

#endif  // STERNA_TENSOR_ENCODINGS_H_
