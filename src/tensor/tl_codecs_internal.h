// Rows of TL1 and TL2 matrices: where the bytes of a row lie and what they mean. For the files of this room only.
#ifndef STERNA_TENSOR_TL_CODECS_INTERNAL_H_
#define STERNA_TENSOR_TL_CODECS_INTERNAL_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tensor/tl_tiling.h"

namespace sterna {

/// `given`, else KnownTlTiling; checked. Unsupported where there is neither.
Result<TlTiling> TlTilingOf(DType dtype, int64_t rows, int64_t cols, const std::optional<TlTiling>& given);

/// A TL1 or TL2 matrix whose tiling passed CheckTlTiling. `codes`: as many bytes as TensorBytes counts, tail excluded.
struct TlMatrix {
  DType dtype;
  int64_t rows, cols;
  TlTiling tiling;
};

/// What the codes of TL2 take in front of the writer's padding; TL1: rows * cols / 4.
int64_t TlCodeBytes(const TlMatrix& matrix);

/// Writes the `cols` values of one row. The column of the first code that no writer produces, if there is one.
std::optional<int64_t> UnpackTlRow(const TlMatrix& matrix, const std::byte* codes, int64_t row, int8_t* values) noexcept;

/// Adds the codes of one row to `codes`, which started as zeros.
void PackTlRow(const TlMatrix& matrix, const int8_t* values, int64_t row, std::byte* codes) noexcept;

}  // namespace sterna

#endif  // STERNA_TENSOR_TL_CODECS_INTERNAL_H_
