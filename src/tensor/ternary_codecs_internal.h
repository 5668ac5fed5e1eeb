// The blocks of ternary types as tables: how many weights and bytes, where the scale lies, and the codes as small integers. For the
// files of this room only.
#ifndef STERNA_TENSOR_TERNARY_CODECS_INTERNAL_H_
#define STERNA_TENSOR_TERNARY_CODECS_INTERNAL_H_

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace sterna {

/// Where the factor of a weight lies.
enum class TernaryScale : uint8_t {
  kBlock,   ///< f16 in each block
  kRowF16,  ///< in front of each row
  kRowF32,
  kTensor,  ///< f32 behind all rows
};

struct TernaryBlockCodec {
  TernaryScale scale;
  int64_t elements, bytes;
  int64_t scale_offset;  ///< in the block, for TernaryScale::kBlock
  /// The codes of one block as numbers in {-1, 0, 1}, and 2 where a 2-bit code is 3.
  void (*unpack)(const std::byte* block, int8_t* values) noexcept;
  /// The reverse, for values in {-1, 0, 1}; writes the codes only. Q1_0: 0 counts as -1.
  void (*pack)(const int8_t* values, std::byte* block) noexcept;
  bool is_binary = false;     ///< holds no zeros, other than in blocks of scale 0
  bool three_is_two = false;  ///< code 3 is the legal weight +2, elsewhere nothing writes it
};
inline constexpr int64_t kMaxTernaryBlock = 256;

/// For the ternary types whose rows are runs of blocks; null for I2_S_4ROW, IQ2_BN_R4, TL1, TL2 and all types that are not ternary.
const TernaryBlockCodec* FindTernaryBlockCodec(DType dtype) noexcept;

// The two types of four interleaved rows. `group`: the first of the four's bytes, scales excluded; row: 0..3. Pack ORs into zeros.
void UnpackI2_SRows4(const std::byte* group, int64_t cols, int64_t row, int8_t* values) noexcept;
void PackI2_SRows4(const int8_t* values, int64_t cols, int64_t row, std::byte* group) noexcept;
void UnpackIQ2_BN_R4(const std::byte* group, int64_t cols, int64_t row, int8_t* values) noexcept;
void PackIQ2_BN_R4(const int8_t* values, int64_t cols, int64_t row, std::byte* group) noexcept;

}  // namespace sterna

#endif  // STERNA_TENSOR_TERNARY_CODECS_INTERNAL_H_
