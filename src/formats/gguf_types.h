// The numbers GGUF files use for the types of metadata values and of tensors, and what colliding or retired ones mean.
#ifndef STERNA_FORMATS_GGUF_TYPES_H_
#define STERNA_FORMATS_GGUF_TYPES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/metadata.h"
#include "tensor/dtype.h"

namespace sterna {

/// Metadata value types (ggml/docs/gguf.md). Stored as a 32-bit number in front of each value.
enum class GgufValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr uint32_t kGgufValueTypes = 13;

GgufValueType GgufTypeOf(const MetaValue& value);
/// Type of the elements.
GgufValueType GgufTypeOf(const MetaArray& array);

/// The types a tensor type id stands for, mainline llama.cpp's meaning first: ids 39, 40 and 42 mean different things in different
/// engines, told apart by sizes (gguf_type_choice_internal.h). Unsupported for every id without one; the message (no file or tensor
/// in it) names the id and what it stands for in which engine. Id 36 is BitNet's I2_S, 38 its TL1, which is what files mean by
/// them; 134, 135 and 335 are ik_llama.cpp's, 142 and 143 Prism's.
Result<std::span<const DType>> DTypesOfGgufId(uint32_t id);
/// Nothing where GGUF has no number for the type (unsigned integers, bool, the layouts of I2_S other than the published one).
std::optional<uint32_t> GgufIdOf(DType dtype);

}  // namespace sterna

#endif  // STERNA_FORMATS_GGUF_TYPES_H_
