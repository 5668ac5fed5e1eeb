// The names safetensors files use for element types.
#ifndef STERNA_FORMATS_SAFETENSORS_TYPES_H_
#define STERNA_FORMATS_SAFETENSORS_TYPES_H_

#include <optional>
#include <string_view>

#include "base/status.h"
#include "tensor/dtype.h"

namespace sterna {

/// Exact spelling, upper case. Unsupported for types the format has and this engine has not; Malformed for any other name.
Result<DType> DTypeOfSafetensorsName(std::string_view name);
/// Nothing for block encodings, which safetensors cannot hold.
std::optional<std::string_view> SafetensorsNameOf(DType dtype);

}  // namespace sterna

#endif  // STERNA_FORMATS_SAFETENSORS_TYPES_H_
