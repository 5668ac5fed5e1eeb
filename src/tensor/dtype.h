// The element types and block encodings a tensor on disk or in memory can have, and how many bytes they take.
#ifndef STERNA_TENSOR_DTYPE_H_
#define STERNA_TENSOR_DTYPE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Row-major everywhere: shape[0] is the slowest axis; a weight matrix is [rows = out features, cols = in features].
using Shape = std::vector<int64_t>;

enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kBool,
  // Blocks of quantized values along the last axis; layouts in encodings.h.
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ6_K,
  // Ternary.
  kTQ1_0,
  kTQ2_0,
  kI2_S,  ///< BitNet: 2-bit codes, 128-interleaved, one f32 scale and 28 padding bytes behind the whole tensor
};

struct DTypeInfo {
  std::string_view name;   ///< as users write it: "F32", "TQ2_0", "I2_S"
  int64_t block_elements;  ///< consecutive elements of a row that share a block; 1 for plain types
  int64_t block_bytes;
  int64_t tensor_tail_bytes;  ///< bytes behind the whole tensor (I2_S: 32)
  bool is_ternary;            ///< holds only {-1, 0, +1} times scales
};

const DTypeInfo& Info(DType dtype);
std::string_view Name(DType dtype);
/// Case-insensitive; nothing where no type has this name.
std::optional<DType> DTypeFromName(std::string_view name);

/// Product of the dimensions (1 for a scalar). Malformed on a negative dimension or overflow.
Result<int64_t> ElementCount(std::span<const int64_t> shape);
/// Bytes of a tensor with this shape, tail included. Malformed where the last dimension is no multiple of the block or a product
/// overflows; the message names both numbers.
Result<int64_t> TensorBytes(DType dtype, std::span<const int64_t> shape);
/// Bytes of one row of `cols` elements (a multiple of the block), tail not included.
int64_t RowBytes(DType dtype, int64_t cols);

/// "[2560, 6912]"
std::string ToString(std::span<const int64_t> shape);

}  // namespace sterna

#endif  // STERNA_TENSOR_DTYPE_H_
