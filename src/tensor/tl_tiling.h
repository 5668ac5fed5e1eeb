// The tilings of bitnet.cpp's TL1 and TL2 matrices: the files do not name them, so they come from the shape or from the user.
#ifndef STERNA_TENSOR_TL_TILING_H_
#define STERNA_TENSOR_TL_TILING_H_

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "tensor/dtype.h"

namespace sterna {

/// What bitnet.cpp's kernel_config.ini calls BM, BK and bmm.
struct TlTiling {
  int64_t tile_rows = 0;
  int64_t tile_cols = 0;
  int64_t inner_rows = 0;  ///< TL2: always 32

  bool operator==(const TlTiling&) const = default;
};

/// A tiling for the matrices of one shape, as a user gives it where none is known.
struct TlPreset {
  DType dtype = DType::kTL1;
  int64_t rows = 0, cols = 0;
  TlTiling tiling;
};

/// The tiling bitnet.cpp's setup generates for matrices of this shape: those of bitnet_b1_58-large, bitnet_b1_58-3B and
/// Llama3-8B-1.58. Nothing for other shapes.
std::optional<TlTiling> KnownTlTiling(DType dtype, int64_t rows, int64_t cols);

/// InvalidArgument, naming the broken rule, where a matrix [rows, cols] cannot be cut so.
Status CheckTlTiling(DType dtype, int64_t rows, int64_t cols, const TlTiling& tiling);

}  // namespace sterna

#endif  // STERNA_TENSOR_TL_TILING_H_
