// The nodes of an ONNX graph, as far as they say what its initializers are.
#ifndef STERNA_FORMATS_ONNX_GRAPH_INTERNAL_H_
#define STERNA_FORMATS_ONNX_GRAPH_INTERNAL_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "formats/onnx_tensor_internal.h"
#include "formats/protobuf_reader.h"

namespace sterna {

struct OnnxNode {
  std::string name, op_type, domain;
  std::vector<std::string> inputs, outputs;
  bool transposes_second = false;  ///< Gemm with transB
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> initializers;
  std::set<std::string, std::less<>> inputs;
};

/// Fields and nodes one by one; Unsupported for subgraphs, sparse tensors, tensors in attributes that lie in other files, and
/// operators that are on no list. Malformed where CheckOrder would find a fault in the names.
Result<OnnxGraph> ParseOnnxGraph(ProtobufReader reader);

}  // namespace sterna

#endif  // STERNA_FORMATS_ONNX_GRAPH_INTERNAL_H_
