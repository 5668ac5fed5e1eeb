// Ternary matrices of any encoding, one row at a time: values in {-1, 0, +1} and one f32 factor a row. And back to bytes.
#ifndef STERNA_TENSOR_TERNARY_ROWS_H_
#define STERNA_TENSOR_TERNARY_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"
#include "tensor/dtype.h"
#include "tensor/tl_tiling.h"

namespace sterna {

struct TernaryBlockCodec;

/// What a Hugging Face `weight_scale` means: w = code * scale (linear_class "autobitlinear"), or w = code / scale ("bitlinear", and
/// where the configuration names no class).
enum class WeightScaleRule : uint8_t { kMultiply, kDivide };

/// A view of a ternary matrix [rows, cols] that decodes row by row, so that a large model is loaded without a second copy of it.
/// It keeps a view of the bytes it was opened on: they must outlive it. Thread-safe: const after opening.
///
/// Opening checks sizes (an empty matrix is Malformed) and scales of the whole tensor; reading checks the codes of its row. Errors
/// name row and column.
class TernaryRows {
 public:
  /// Bytes of any type with DTypeInfo::is_ternary, as encodings.h lays them out. Where a type scales blocks, all blocks of a row
  /// must have one scale: blocks without a non-zero value excepted, and blocks of scale 0 hold zeros whatever their codes.
  /// `tiling`: of TL1 and TL2; without one, that of KnownTlTiling. Errors: Malformed (sizes; scales that are NaN, infinite or
  /// negative; an I2_S scale that is missing, or 0 with non-zero codes; codes no writer produces: 3 in two bits, pairs above 8 and
  /// triples above 13 or -0); Unsupported (other types; TL without a tiling; and, by Read, rows of several scales and Q2_0's code
  /// 3, which is +2); InvalidArgument for a tiling the shape cannot have. Every byte of TQ1_0, PTQ1_0 and IQ1_BN is a valid code.
  static Result<TernaryRows> OpenEncoded(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols,
                                         std::optional<TlTiling> tiling = std::nullopt);

  /// Hugging Face packed U8 (transformers integrations/bitnet.py `pack_weights`): [R, cols] bytes with R = ceil(rows / 4); bits 2i,
  /// 2i+1 of byte [r, c] hold the code, weight + 1, of row i * R + r, column c; codes of rows past the last are ignored. The factor
  /// of every row is `weight_scale` (kMultiply) or 1 / weight_scale in f32 (kDivide). Errors: Malformed (size; a scale or factor
  /// that is NaN, infinite, negative or 0; code 3).
  static Result<TernaryRows> OpenPacked(std::span<const std::byte> data, int64_t rows, int64_t cols, float weight_scale,
                                        WeightScaleRule rule);

  /// Master weights in F32, F16 or BF16, quantized on the way as in transformers integrations/bitnet.py `WeightQuant`, in f32:
  ///   t = 1 / max(mean |W|, 1e-5);  value = clamp(round_half_even(w * t), -1, 1);  factor of every row = 1 / t.
  /// The mean is over the whole tensor, summed in f64 and rounded to f32 (torch's own sum depends on its threads). Errors:
  /// Malformed (size; a NaN or infinity), Unsupported (type).
  static Result<TernaryRows> OpenMaster(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols);

  /// F32, F16 or BF16 weights that are ternary already: every row holds only -s, 0 and +s; s, its first non-zero magnitude, is the
  /// row's factor. Read answers Unsupported, naming row, column, value and s, for a row that is not so.
  static Result<TernaryRows> OpenExact(DType dtype, std::span<const std::byte> data, int64_t rows, int64_t cols);

  /// Values already decoded: [rows * cols] in {-1, 0, 1}, and one factor a row or one for all. Errors: InvalidArgument (sizes, a
  /// factor that is NaN, infinite or negative); a value outside is reported by Read.
  static Result<TernaryRows> OpenValues(std::span<const int8_t> values, std::span<const float> row_scales, int64_t rows,
                                        int64_t cols);

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }

  /// Whether Read succeeds as far as scales and Q2_0's code 3 decide: false where some row has several scales or a weight of +2, so
  /// that the matrix is not ternary times a factor per row. Reads all scales, and codes only where scales differ.
  bool HasOneScalePerRow() const;

  /// Writes row `row` (0 <= row < rows) to values[0 .. cols-1] and its factor to *scale: finite, >= 0, and 0 only where all values
  /// are 0. `values` must hold cols entries.
  Status Read(int64_t row, std::span<int8_t> values, float* scale) const;

 private:
  enum class Source : uint8_t { kBlocks, kRows4, kIQ2_BN_R4, kTl, kPacked, kMaster, kExact, kValues };

  TernaryRows(Source source, DType dtype, const std::byte* data, int64_t rows, int64_t cols, float scale)
      : source_(source), dtype_(dtype), data_(data), rows_(rows), cols_(cols), scale_(scale) {}

  static Status CheckScales(DType dtype, const std::byte* data, int64_t rows, int64_t cols);
  Status ReadBlocks(int64_t row, std::span<int8_t> values, float* scale) const;
  Status ReadInterleaved(int64_t row, std::span<int8_t> values, float* scale) const;
  Status ReadTl(int64_t row, std::span<int8_t> values) const;
  Status ReadPacked(int64_t row, std::span<int8_t> values) const;
  Status ReadMaster(int64_t row, std::span<int8_t> values) const;
  Status ReadExact(int64_t row, std::span<int8_t> values, float* scale) const;
  Status ReadValues(int64_t row, std::span<int8_t> values) const;

  Source source_;
  DType dtype_;            // of data_, for kMaster and kExact
  const std::byte* data_;  // the tensor's first byte
  int64_t rows_, cols_;
  float scale_;                               // the factor of every row; kMaster: its inverse; unused where rows have their own
  std::span<const float> row_scales_;         // kValues with one factor a row
  const TernaryBlockCodec* codec_ = nullptr;  // kBlocks
  TlTiling tiling_;                           // kTl
};

/// Writes the matrix as any type with DTypeInfo::is_ternary into `out`, TensorBytes(dtype, {rows, cols}) bytes. Values are kept
/// exactly. Types that scale blocks, and IQ1_BN, store the row's factor in f16, rounded to nearest even (compare
/// F16ToFloat(FloatToF16(s)) with s to know whether it is exact), in every block of the row that has a non-zero value, and 0 in the
/// others. I2_S in all its layouts, TL1 and TL2 store one f32: the factor of all rows that have a non-zero value (1 where none
/// has). `tiling`: as for OpenEncoded. Errors: those of Read; OutOfRange where f16 turns a factor into 0 or infinity; Unsupported
/// where the rows of a type with one scale have different factors, naming two rows, where Q1_0 would have to hold a 0, or without a
/// tiling; Malformed / InvalidArgument for sizes and tilings.
Status EncodeTernary(DType dtype, const TernaryRows& matrix, std::span<std::byte> out,
                     std::optional<TlTiling> tiling = std::nullopt);

/// Writes the matrix as Hugging Face packed U8 into out, ceil(rows / 4) * cols bytes, and the one factor of its rows to
/// *multiply_scale (1 where all values are 0). Errors as EncodeTernary's for I2_S.
Status EncodePacked(const TernaryRows& matrix, std::span<std::byte> out, float* multiply_scale);

}  // namespace sterna

#endif  // STERNA_TENSOR_TERNARY_ROWS_H_
