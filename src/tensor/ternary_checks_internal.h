// What all sources of ternary rows demand of shapes, bytes, scales and codes. For the files of this room only.
#ifndef STERNA_TENSOR_TERNARY_CHECKS_INTERNAL_H_
#define STERNA_TENSOR_TERNARY_CHECKS_INTERNAL_H_

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "tensor/dtype.h"

namespace sterna {

inline bool IsTernaryFactor(float scale) {
  return std::isfinite(scale) && scale >= 0;
}

/// An empty matrix is refused: it has no scale, and a loop over 2^62 rows of nothing would never end.
inline Status CheckTernaryShape(int64_t rows, int64_t cols) {
  if (rows > 0 && cols > 0) return Status::Ok();
  return Malformed(fmt::format("a ternary matrix of shape [{}, {}]: expected at least one row and one column", rows, cols));
}

inline Status CheckTernaryBytes(DType dtype, size_t bytes, int64_t rows, int64_t cols) {
  STERNA_RETURN_IF_ERROR(CheckTernaryShape(rows, cols));
  const int64_t shape[] = {rows, cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t expected, TensorBytes(dtype, shape));
  if (bytes == static_cast<size_t>(expected)) return Status::Ok();
  const int64_t tail = Info(dtype).tensor_tail_bytes;
  return Malformed(
      fmt::format("{} {} takes {} bytes, found {}{}", Name(dtype), ToString(shape), expected, bytes,
                  tail > 0 && bytes == static_cast<size_t>(expected - tail) ? ": the scale behind the codes is missing" : ""));
}

inline Status InvalidCode(std::string_view code, int64_t row, int64_t col) {
  return Malformed(fmt::format("row {}, column {}: code {} stands for no ternary value", row, col, code));
}

}  // namespace sterna

#endif  // STERNA_TENSOR_TERNARY_CHECKS_INTERNAL_H_
