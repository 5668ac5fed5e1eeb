#include "formats/safetensors_writer.h"

#include <fmt/format.h>

#include "base/checked_math.h"
#include "formats/quoted.h"
#include "formats/safetensors_reader.h"
#include "formats/safetensors_types.h"
#include "formats/unique_names_internal.h"

namespace sterna {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
// The reference pads the header so that the data starts at a multiple of 8.
constexpr uint64_t kHeaderAlignment = 8;

Result<std::string> MetadataJson(const Metadata& metadata) {
  std::string json;
  for (const Metadata::Item& item : metadata.items()) {
    const auto* text = std::get_if<std::string>(&item.value);
    if (text == nullptr || !IsValidUtf8(*text) || !IsValidUtf8(item.key)) {
      return InvalidArgument(
          fmt::format("metadata key {}: expected UTF-8 text, found {}", Quoted(item.key), MetaTypeName(item.value)));
    }
    json += fmt::format("{}{}:{}", json.empty() ? "" : ",", JsonString(item.key), JsonString(*text));
  }
  return json;
}

/// The member of one tensor; `begin` moves to its end.
Result<std::string> TensorJson(const TensorSpec& tensor, uint64_t& begin) {
  const bool is_text = IsValidUtf8(tensor.name) && tensor.name.find('\0') == std::string::npos;
  if (tensor.name.empty() || tensor.name.size() > kSafetensorsMaxNameBytes || !is_text || tensor.name == kMetadataKey) {
    return InvalidArgument(fmt::format("tensor {}: name: expected 1 to {} bytes of UTF-8 without NUL, other than {}",
                                       Quoted(tensor.name), kSafetensorsMaxNameBytes, kMetadataKey));
  }
  const auto type = SafetensorsNameOf(tensor.dtype);
  if (!type) {
    return Unsupported(fmt::format("tensor {}: safetensors cannot hold type {}", Quoted(tensor.name), Name(tensor.dtype)));
  }
  const auto bytes = TensorBytes(tensor.dtype, tensor.shape);
  const auto end = bytes.ok() ? CheckedAdd(begin, static_cast<uint64_t>(*bytes)) : std::nullopt;
  if (!end || tensor.shape.size() > kSafetensorsMaxDimensions) {
    return InvalidArgument(fmt::format("tensor {}: shape {}: expected at most {} dimensions and 2^63 bytes", Quoted(tensor.name),
                                       ToString(tensor.shape), kSafetensorsMaxDimensions));
  }
  const uint64_t start = begin;
  begin = *end;
  return fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", JsonString(tensor.name), *type,
                     fmt::join(tensor.shape, ","), start, *end);
}

}  // namespace

Result<SafetensorsWriter> SafetensorsWriter::Create(const std::string& path, const Metadata& metadata,
                                                    std::span<const TensorSpec> tensors) {
  std::vector<std::string> names;
  std::vector<uint64_t> bytes;
  uint64_t end = 0;
  STERNA_ASSIGN_OR_RETURN(const std::string metadata_json, MetadataJson(metadata));
  std::string json = metadata_json.empty() ? "{" : fmt::format("{{\"{}\":{{{}}}", kMetadataKey, metadata_json);
  for (const TensorSpec& tensor : tensors) {
    const uint64_t begin = end;
    STERNA_ASSIGN_OR_RETURN(const std::string member, TensorJson(tensor, end));
    if (json.size() > 1) json += ',';
    json += member;
    names.push_back(tensor.name);
    bytes.push_back(end - begin);
  }
  json += '}';
  if (const auto twice = FirstRepeatedName(std::vector<std::string_view>(names.begin(), names.end()))) {
    return InvalidArgument(fmt::format("tensor {}: name: expected it once, found it again", Quoted(*twice)));
  }
  if (names.size() > kSafetensorsMaxTensors || json.size() > kSafetensorsMaxJsonBytes) {
    return InvalidArgument(fmt::format("expected at most {} tensors and {} bytes of header, found {} and {}",
                                       kSafetensorsMaxTensors, kSafetensorsMaxJsonBytes, names.size(), json.size()));
  }
  json.resize(RoundUp<uint64_t>(json.size(), kHeaderAlignment), ' ');
  const uint64_t header_bytes = json.size();
  std::string header(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  header += json;
  STERNA_ASSIGN_OR_RETURN(TensorStream stream,
                          TensorStream::Create(path, header, std::move(names), std::move(bytes), /*alignment=*/1));
  return SafetensorsWriter(std::move(stream));
}

}  // namespace sterna
