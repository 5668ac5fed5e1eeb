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
  // More blocks of quantized values.
  kQ5_0,
  kQ5_1,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kIQ4_NL,
  kMXFP4,
  kNVFP4,
  // More ternary types; layouts in ternary_types.h.
  kI2_SArm,         ///< I2_S as bitnet.cpp writes it on ARM: 64-interleaved
  kI2_SRows4,       ///< I2_S as bitnet.cpp writes it without ACT_PARALLEL: one byte holds four rows
  kI2_SSequential,  ///< I2_S with neighbours in one byte, as the quantizer of newer bitnet.cpp writes it
  kTL1,             ///< bitnet.cpp's lookup layout for ARM; needs a TlTiling
  kTL2,             ///< bitnet.cpp's lookup layout for x86; needs a TlTiling
  kIQ1_BN,          ///< ik_llama.cpp, 1.63 bits
  kIQ2_BN,          ///< ik_llama.cpp, 2 bits
  kIQ2_BN_R4,       ///< IQ2_BN with four rows interleaved
  kQ2_0,            ///< 2-bit codes in groups of 64; code 3 stands for +2
  kPQ2_0,           ///< the same in groups of 128: Prism's PQ2_0 and its older files that call it Q2_0
  kPTQ1_0,          ///< Prism: base-3 digits in groups of 128
  kQ1_0,            ///< binary, groups of 128
  kQ1_0G32,         ///< binary, groups of 32 (Prism)
};
inline constexpr int kDTypes = static_cast<int>(DType::kQ1_0G32) + 1;

struct DTypeInfo {
  std::string_view name;   ///< as users write it: "F32", "TQ2_0", "I2_S"
  int64_t block_elements;  ///< consecutive elements of a row that share a block; 1 for plain types
  int64_t block_bytes;
  int64_t tensor_tail_bytes;   ///< bytes behind the whole tensor (I2_S: 32)
  bool is_ternary;             ///< holds small integers times scales, and TernaryRows reads it
  int64_t row_head_bytes = 0;  ///< bytes in front of each row's blocks (IQ2_BN: its scale)
  int64_t row_group = 1;       ///< rows that are stored interleaved; above 1 no row has bytes of its own
};

const DTypeInfo& Info(DType dtype);
std::string_view Name(DType dtype);
/// Case-insensitive; nothing where no type has this name.
std::optional<DType> DTypeFromName(std::string_view name);

/// Product of the dimensions (1 for a scalar). Malformed on a negative dimension or overflow.
Result<int64_t> ElementCount(std::span<const int64_t> shape);
/// Bytes of a tensor with this shape, tail included. Malformed where the last dimension is no multiple of the block, the rows are
/// no multiple of the row group, or a product overflows; the message names both numbers.
Result<int64_t> TensorBytes(DType dtype, std::span<const int64_t> shape);
/// Bytes of one row of `cols` elements (a multiple of the block), head included, tail not; where rows are interleaved, their
/// average. TL1 and TL2 have no rows.
int64_t RowBytes(DType dtype, int64_t cols);

/// "[2560, 6912]"
std::string ToString(std::span<const int64_t> shape);

}  // namespace sterna

#endif  // STERNA_TENSOR_DTYPE_H_
