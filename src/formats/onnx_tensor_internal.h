// One TensorProto of an ONNX file, checked.
#ifndef STERNA_FORMATS_ONNX_TENSOR_INTERNAL_H_
#define STERNA_FORMATS_ONNX_TENSOR_INTERNAL_H_

#include <optional>
#include <string>
#include <string_view>

#include "formats/onnx_reader.h"
#include "formats/protobuf_reader.h"

namespace sterna {

struct OnnxTensor {
  std::string name;
  std::optional<DType> dtype;  ///< nothing for types no weight has here (strings, 4 bits, float8, complex numbers)
  int64_t onnx_type = 0;       ///< TensorProto.DataType
  Shape shape;
  std::span<const std::byte> data = {};  ///< all values as they lie in memory; empty where external or one by one
  bool is_one_by_one = false;            ///< values as numbers of varying length (int32_data, …): not supported as weights
  std::optional<OnnxExternalData> external = std::nullopt;
};

/// Malformed for negative or too many dimensions, a size that overflows, data of another length than type and shape ask for, data
/// in two places or none.
Result<OnnxTensor> ParseOnnxTensor(ProtobufReader reader);

}  // namespace sterna

#endif  // STERNA_FORMATS_ONNX_TENSOR_INTERNAL_H_
