// One matrix of a checkpoint as bytes of another encoding, some rows at a time.
#ifndef STERNA_CONVERT_MATRIX_ENCODER_H_
#define STERNA_CONVERT_MATRIX_ENCODER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/weight_provider.h"
#include "tensor/dtype.h"

namespace sterna {

/// Takes the next bytes of a tensor; they are gone when it returns.
using PieceSink = std::function<Status(std::span<const std::byte> piece)>;

/// Which row of the model lies at each row of the file.
struct RowOrder {
  int64_t interleaved_head_dim =
      0;  ///< GGUF's `llama` stores rows of q and k with the halves of each head interleaved; 0: as they are

  int64_t ModelRow(int64_t file_row) const {
    if (interleaved_head_dim == 0) return file_row;
    const int64_t head = file_row / interleaved_head_dim, within = file_row % interleaved_head_dim;
    return head * interleaved_head_dim + within % 2 * (interleaved_head_dim / 2) + within / 2;
  }
};

/// Rows of a matrix as f32: values times scale where it is ternary. Shares the matrix's bytes. One thread.
class FloatRows {
 public:
  explicit FloatRows(const LinearSource& matrix);
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  Status Read(int64_t row, float* out);

 private:
  const LinearSource& matrix_;
  int64_t rows_, cols_;
  float tensor_scale_ = 1;
  std::vector<int8_t> values_;
};

/// Rows of about this many elements are in memory at once, as int8 or f32.
inline constexpr int64_t kEncodedElements = int64_t{1} << 22;

/// Writes `matrix` as `dtype`: a ternary one to a ternary type exactly (EncodeTernary), to another type as f32 numbers
/// (QuantizeInto); a dense one of the same type byte by byte, else as f32 numbers. Memory: kEncodedElements and their encoding; all
/// of the matrix for TL1 and TL2, whose tiles cross rows. Errors: those of the two encoders, naming rows.
Status EncodeMatrix(const LinearSource& matrix, DType dtype, const RowOrder& order, const PieceSink& sink);

/// Writes a ternary matrix as Hugging Face packed U8 [ceil(rows / 4), cols] (TernaryRows::OpenPacked). Unsupported where rows have
/// different scales.
Status EncodePackedMatrix(const TernaryMatrixSource& matrix, const PieceSink& sink);
/// The scale of the first row with a non-zero value; 1 where there is none.
Result<float> FirstScale(const TernaryMatrixSource& matrix);
/// Writes the codes -1, 0, +1 as numbers of F32, F16 or BF16. Unsupported where rows have different scales.
Status EncodeUnpackedMatrix(const TernaryMatrixSource& matrix, DType dtype, const PieceSink& sink);

}  // namespace sterna

#endif  // STERNA_CONVERT_MATRIX_ENCODER_H_
