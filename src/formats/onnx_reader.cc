#include "formats/onnx_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/onnx_graph_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

// Field numbers of onnx.proto3, ModelProto, OperatorSetIdProto and StringStringEntryProto.
enum ModelField : uint32_t { kIrVersion = 1, kGraph = 7, kOpsetImport = 8, kMetadata = 14, kTraining = 20, kFunctions = 25 };

constexpr int64_t kMaxIrVersion = 64, kMaxOpset = 64;  // today 13 and 27; far beyond, a number is an error
constexpr size_t kMaxValueBytes = size_t{1} << 20;

/// What a node says about the matrix it reads.
struct Use {
  const OnnxNode* node = nullptr;
  bool is_transposed = false;
};

void ReplaceAll(std::string* text, std::string_view from, std::string_view to) {
  for (size_t at = text->find(from); at != std::string::npos; at = text->find(from, at + to.size()))
    text->replace(at, from.size(), to);
}

/// Exporters' spellings in those of the checkpoint: "model.layers.0.attn.q_proj.MatMul.weight" (onnxruntime-genai), wrappers'
/// prefixes.
std::string CheckpointName(std::string name) {
  ReplaceAll(&name, ".MatMul.weight", ".weight");
  ReplaceAll(&name, ".attn.", ".self_attn.");
  ReplaceAll(&name, "model.model.", "model.");
  if (name.ends_with(".final_norm_layernorm.weight")) return "model.norm.weight";
  return name;
}

/// "/model/layers.0/self_attn/q_proj/MatMul" is "model.layers.0.self_attn.q_proj.weight"; empty where the name has no such form.
std::string NameOfNode(std::string_view node) {
  const size_t slash = node.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return {};
  std::string name(node.substr(0, slash));
  if (name.front() == '/') name.erase(0, 1);
  std::ranges::replace(name, '/', '.');
  return CheckpointName(name + ".weight");
}

bool HasOwnName(std::string_view name) {
  return name.ends_with(".weight") || name.ends_with(".bias") || name.ends_with(".weight_scale");
}

bool IsWeightType(const OnnxTensor& tensor) {
  if (!tensor.dtype) return false;
  switch (*tensor.dtype) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
    case DType::kF64:
    case DType::kU8:
    case DType::kI8:
      return true;
    default:
      return false;
  }
}

/// The node that reads each initializer as a matrix.
Result<std::map<std::string_view, Use>> FindUses(const OnnxGraph& graph) {
  std::map<std::string_view, Use> uses;
  for (const OnnxNode& node : graph.nodes) {
    const bool is_product = node.op_type == "MatMul" || node.op_type == "Gemm";
    const size_t input = is_product ? 1 : 0;
    if ((!is_product && node.op_type != "Gather") || node.inputs.size() <= input) continue;
    const bool is_transposed = is_product && !node.transposes_second;
    const auto [found, is_new] = uses.try_emplace(node.inputs[input], Use{&node, is_transposed});
    if (!is_new && found->second.is_transposed != is_transposed) {
      return Unsupported(fmt::format("tensor {} is read as it is by one node and transposed by another ({})",
                                     Quoted(node.inputs[input]), Quoted(node.name)));
    }
  }
  return uses;
}

Result<std::vector<OnnxWeight>> FindWeights(const OnnxGraph& graph) {
  STERNA_ASSIGN_OR_RETURN(const auto uses, FindUses(graph));
  std::vector<OnnxWeight> weights;
  std::set<std::string> names;
  for (const OnnxTensor& tensor : graph.initializers) {
    const auto use = uses.find(tensor.name);
    const bool is_matrix = use != uses.end() && tensor.shape.size() == 2;
    const bool has_own_name = HasOwnName(tensor.name);
    if (!has_own_name && !is_matrix) continue;
    OnnxWeight weight;
    weight.name = has_own_name ? CheckpointName(tensor.name) : NameOfNode(use->second.node->name);
    // Small matrices without a name are masks and constants; a model that misses one says which.
    if (weight.name.empty()) continue;
    if (!IsWeightType(tensor)) {
      if (!has_own_name) continue;
      return Unsupported(
          fmt::format("tensor {}: element type {} is not supported for weights", Quoted(tensor.name), tensor.onnx_type));
    }
    if (tensor.is_one_by_one) {
      return Unsupported(fmt::format("tensor {}: values stored one by one; save the model with raw_data", Quoted(tensor.name)));
    }
    if (!names.insert(weight.name).second) {
      return Malformed(fmt::format("tensor {}: stands for {}, as another one does", Quoted(tensor.name), Quoted(weight.name)));
    }
    weight.dtype = *tensor.dtype;
    weight.shape = tensor.shape;
    weight.is_transposed = is_matrix && use->second.is_transposed;
    weight.data = tensor.data;
    weight.external = tensor.external;
    weights.push_back(std::move(weight));
  }
  return weights;
}

/// Two fields of a message: strings 1 and 2, or string 1 and number 2.
struct Pair {
  std::string_view key, value;
  int64_t number = 0;
};
Result<Pair> ParsePair(const ProtobufReader& outer, const ProtobufField& field, std::string_view what) {
  STERNA_ASSIGN_OR_RETURN(ProtobufReader reader, outer.Message(field, what));
  Pair pair;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> part, reader.Next());
    if (!part) return pair;
    if (part->number == 1) {
      STERNA_ASSIGN_OR_RETURN(pair.key, reader.Text(*part, what, kOnnxMaxNameBytes));
    } else if (part->number == 2 && part->type == WireType::kVarint) {
      pair.number = static_cast<int64_t>(part->value);
    } else if (part->number == 2) {
      STERNA_ASSIGN_OR_RETURN(pair.value, reader.Text(*part, what, kMaxValueBytes));
    }
  }
}

Result<OnnxContents> ParseModel(ProtobufReader reader) {
  OnnxContents contents;
  std::optional<ProtobufField> graph;
  bool has_standard_opset = false;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> field, reader.Next());
    if (!field) break;
    if (field->number == kIrVersion) {
      STERNA_ASSIGN_OR_RETURN(const int64_t version, reader.Int(*field, "ir_version"));
      if (version < 1 || version > kMaxIrVersion) return Unsupported(fmt::format("ir_version {} is not supported", version));
    } else if (field->number == kOpsetImport) {
      STERNA_ASSIGN_OR_RETURN(const Pair opset, ParsePair(reader, *field, "opset_import"));
      if (!opset.key.empty() && opset.key != "ai.onnx") continue;
      has_standard_opset = true;
      if (opset.number < 1 || opset.number > kMaxOpset)
        return Unsupported(fmt::format("operator set {} is not supported", opset.number));
    } else if (field->number == kMetadata) {
      STERNA_ASSIGN_OR_RETURN(const Pair entry, ParsePair(reader, *field, "metadata_props"));
      if (!IsValidUtf8(entry.key) || !IsValidUtf8(entry.value)) return reader.Wrong("metadata_props: expected UTF-8");
      contents.metadata.Set(std::string(entry.key), std::string(entry.value));
    } else if (field->number == kGraph) {
      if (graph) return reader.Wrong("expected one graph, found two");
      graph = field;
    } else if (field->number == kFunctions || field->number == kTraining) {
      return Unsupported(field->number == kFunctions ? "functions of the model's own are not supported: export with them inlined"
                                                     : "training graphs are not supported");
    }
  }
  if (!graph) return reader.Wrong("expected a graph, found none");
  if (!has_standard_opset) return reader.Wrong("opset_import: expected the standard operator set, found none");
  STERNA_ASSIGN_OR_RETURN(const ProtobufReader message, reader.Message(*graph, "graph"));
  STERNA_ASSIGN_OR_RETURN(const OnnxGraph parsed, ParseOnnxGraph(message));
  STERNA_ASSIGN_OR_RETURN(contents.weights, FindWeights(parsed));
  return contents;
}

}  // namespace

Result<OnnxContents> ParseOnnx(std::span<const std::byte> bytes, std::string_view name) {
  return ParseModel(ProtobufReader(bytes, bytes)).WithContext(name);
}

bool LooksLikeOnnx(std::span<const std::byte> bytes) {
  const std::string_view text = AsText(bytes.first(std::min<size_t>(bytes.size(), 3)));
  // Field 1, a small version; then a field of ModelProto that is bytes (producer_name to graph, or an operator set).
  if (text.size() < 3 || text[0] != '\x08' || text[1] < 1 || text[1] > kMaxIrVersion) return false;
  return std::string_view("\x12\x1a\x22\x32\x3a\x42").find(text[2]) != std::string_view::npos || text[2] == '\x28';
}

}  // namespace sterna
