// Reads the weights of an ONNX model that lies in memory: initializers with the names and the row order of the checkpoint they were
// exported from.
#ifndef STERNA_FORMATS_ONNX_READER_H_
#define STERNA_FORMATS_ONNX_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "tensor/dtype.h"

namespace sterna {

/// A part of another file that holds a tensor's values. Nothing in it is checked but that its numbers are numbers.
struct OnnxExternalData {
  std::string location;  ///< a path, to be resolved beneath the model's folder (beneath_folder.h)
  uint64_t offset = 0;
  std::optional<uint64_t> length;  ///< nothing: as many bytes as the shape asks for
};

struct OnnxWeight {
  std::string name;  ///< as in the Hugging Face checkpoint: "model.layers.0.self_attn.q_proj.weight"
  DType dtype = DType::kF32;
  Shape shape;                           ///< as in the file
  bool is_transposed = false;            ///< a matrix [in, out] that MatMul takes from the right; the checkpoint has [out, in]
  std::span<const std::byte> data = {};  ///< a view into the file, TensorBytes(dtype, shape) of them; empty where external
  std::optional<OnnxExternalData> external = std::nullopt;
};

struct OnnxContents {
  Metadata metadata;                ///< metadata_props: strings
  std::vector<OnnxWeight> weights;  ///< names are unique
};

inline constexpr size_t kOnnxMaxNodes = size_t{1} << 18;
inline constexpr size_t kOnnxMaxInitializers = size_t{1} << 17;
inline constexpr size_t kOnnxMaxNameBytes = 4096;

/// Which initializers are weights: those of floating-point or byte types whose name ends in ".weight", ".bias" or ".weight_scale",
/// and matrices that MatMul, Gemm or Gather read, named by their node ("/model/layers.0/self_attn/q_proj/MatMul") where they have
/// no name of their own. Constants, masks and rotary tables are left out. The whole graph is checked: it must be in order, every
/// input defined, every output once, of operators whose weights mean what they say. Errors: those of ProtobufReader; Malformed for
/// graphs and tensors that contradict themselves; Unsupported, by name, for subgraphs, functions, sparse tensors, operators of
/// other domains (MatMulNBits), opsets, element types and values stored one by one; OutOfRange past the limits above.
Result<OnnxContents> ParseOnnx(std::span<const std::byte> bytes, std::string_view name);

/// Whether the bytes begin as a serialized ModelProto does: its version, then a field it has.
bool LooksLikeOnnx(std::span<const std::byte> bytes);

}  // namespace sterna

#endif  // STERNA_FORMATS_ONNX_READER_H_
