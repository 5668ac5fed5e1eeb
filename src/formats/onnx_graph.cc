#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/onnx_graph_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

// Field numbers of onnx.proto3.
enum GraphField : uint32_t { kNode = 1, kInitializer = 5, kInput = 11, kSparseInitializer = 15 };
enum NodeField : uint32_t { kNodeInput = 1, kNodeOutput = 2, kNodeName = 3, kOpType = 4, kAttribute = 5, kDomain = 7 };
enum AttributeField : uint32_t {
  kAttributeName = 1,
  kInteger = 3,
  kTensor = 5,
  kSubgraph = 6,
  kTensors = 10,
  kSubgraphs = 11,
  kSparseTensor = 22,
  kSparseTensors = 23,
};

constexpr size_t kMaxNodeNames = 4096;  // inputs or outputs of one node

/// Operators of onnxruntime's own domain that read no weights, or read them as the standard ones do.
constexpr std::array<std::string_view, 8> kMicrosoftOperators = {"FastGelu",
                                                                 "Gelu",
                                                                 "GroupQueryAttention",
                                                                 "MultiHeadAttention",
                                                                 "QuickGelu",
                                                                 "RotaryEmbedding",
                                                                 "SkipLayerNormalization",
                                                                 "SkipSimplifiedLayerNormalization"};

Status AddAttribute(ProtobufReader reader, OnnxNode* node) {
  std::string_view name;
  int64_t integer = 0;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> field, reader.Next());
    if (!field) break;
    switch (field->number) {
      case kAttributeName: {
        STERNA_ASSIGN_OR_RETURN(name, reader.Text(*field, "attribute name", kOnnxMaxNameBytes));
        break;
      }
      case kInteger: {
        STERNA_ASSIGN_OR_RETURN(integer, reader.Int(*field, "attribute"));
        break;
      }
      case kTensor:
      case kTensors: {
        STERNA_ASSIGN_OR_RETURN(const ProtobufReader message, reader.Message(*field, "attribute"));
        STERNA_ASSIGN_OR_RETURN(const OnnxTensor tensor, ParseOnnxTensor(message));
        if (tensor.external) return reader.Wrong("a constant in another file: only initializers may lie there");
        break;
      }
      case kSubgraph:
      case kSubgraphs:
        return Unsupported(
            "a node with a graph inside (If, Loop, Scan) is not supported: export the decoder without cache branches");
      case kSparseTensor:
      case kSparseTensors:
        return Unsupported("sparse tensors are not supported");
      default:
        break;
    }
  }
  if (name == "transB") node->transposes_second = integer != 0;
  return Status::Ok();
}

Result<OnnxNode> ParseNode(ProtobufReader reader) {
  OnnxNode node;
  std::vector<ProtobufField> attributes;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> field, reader.Next());
    if (!field) break;
    if (field->number == kAttribute) {
      attributes.push_back(*field);
      continue;
    }
    std::string* text = field->number == kNodeName ? &node.name
                        : field->number == kOpType ? &node.op_type
                        : field->number == kDomain ? &node.domain
                                                   : nullptr;
    std::vector<std::string>* names = field->number == kNodeInput    ? &node.inputs
                                      : field->number == kNodeOutput ? &node.outputs
                                                                     : nullptr;
    if (text == nullptr && names == nullptr) continue;
    STERNA_ASSIGN_OR_RETURN(const std::string_view value, reader.Text(*field, "a name in a node", kOnnxMaxNameBytes));
    if (text != nullptr) {
      *text = value;
    } else if (names->size() == kMaxNodeNames) {
      return reader.Wrong(fmt::format("a node: expected at most {} inputs and outputs", kMaxNodeNames));
    } else {
      names->emplace_back(value);
    }
  }
  const std::string where = fmt::format("node {} ({})", Quoted(node.name), Quoted(node.op_type));
  const bool is_standard = node.domain.empty() || node.domain == "ai.onnx";
  const bool is_listed =
      node.domain == "com.microsoft" && std::ranges::find(kMicrosoftOperators, node.op_type) != kMicrosoftOperators.end();
  if (!is_standard && !is_listed) {
    return Unsupported(fmt::format("{}: operators of domain {} are not supported", where, Quoted(node.domain)));
  }
  for (const ProtobufField& attribute : attributes) {
    STERNA_ASSIGN_OR_RETURN(const ProtobufReader message, reader.Message(attribute, "attribute"));
    STERNA_RETURN_IF_ERROR(AddAttribute(message, &node).WithContext(where));
  }
  return node;
}

/// Every input of a node is an input of the graph, an initializer, or an output of a node before it: no cycles then.
Status CheckOrder(const ProtobufReader& reader, const OnnxGraph& graph) {
  std::set<std::string_view> initializers, known(graph.inputs.begin(), graph.inputs.end());
  for (const OnnxTensor& tensor : graph.initializers) {
    if (!initializers.insert(tensor.name).second)
      return reader.Wrong(fmt::format("initializer {}: found it twice", Quoted(tensor.name)));
    known.insert(tensor.name);
  }
  for (const OnnxNode& node : graph.nodes) {
    for (const std::string& input : node.inputs) {
      // An empty name stands for an optional input that is not there.
      if (input.empty() || known.contains(input)) continue;
      return reader.Wrong(
          fmt::format("node {}: input {}: expected an input of the graph, an initializer or an output of an earlier node",
                      Quoted(node.name), Quoted(input)));
    }
    for (const std::string& output : node.outputs) {
      if (output.empty() || known.insert(output).second) continue;
      return reader.Wrong(
          fmt::format("node {}: output {}: expected a new name, found it again", Quoted(node.name), Quoted(output)));
    }
  }
  return Status::Ok();
}

}  // namespace

Result<OnnxGraph> ParseOnnxGraph(ProtobufReader reader) {
  OnnxGraph graph;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> field, reader.Next());
    if (!field) break;
    if (field->number == kSparseInitializer) return Unsupported("sparse initializers are not supported");
    if (field->number != kNode && field->number != kInitializer && field->number != kInput) continue;
    STERNA_ASSIGN_OR_RETURN(ProtobufReader message, reader.Message(*field, "a part of the graph"));
    if (field->number == kNode) {
      if (graph.nodes.size() == kOnnxMaxNodes)
        return OutOfRange(fmt::format("the graph: expected at most {} nodes", kOnnxMaxNodes));
      STERNA_ASSIGN_OR_RETURN(OnnxNode node, ParseNode(message));
      graph.nodes.push_back(std::move(node));
    } else if (field->number == kInitializer) {
      if (graph.initializers.size() == kOnnxMaxInitializers) {
        return OutOfRange(fmt::format("the graph: expected at most {} initializers", kOnnxMaxInitializers));
      }
      STERNA_ASSIGN_OR_RETURN(OnnxTensor tensor, ParseOnnxTensor(message));
      graph.initializers.push_back(std::move(tensor));
    } else {
      while (true) {
        STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> part, message.Next());
        if (!part) break;
        if (part->number != 1) continue;
        STERNA_ASSIGN_OR_RETURN(const std::string_view name, message.Text(*part, "input name", kOnnxMaxNameBytes));
        graph.inputs.emplace(name);
      }
    }
  }
  STERNA_RETURN_IF_ERROR(CheckOrder(reader, graph));
  return graph;
}

}  // namespace sterna
