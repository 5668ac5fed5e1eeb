#include "formats/safetensors_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/checked_math.h"
#include "formats/byte_reader.h"
#include "formats/content_kind.h"
#include "formats/json_internal.h"
#include "formats/quoted.h"
#include "formats/safetensors_types.h"
#include "formats/unique_names_internal.h"

namespace sterna {
namespace {

using simdjson::dom::element;

constexpr uint64_t kLengthBytes = 8;
constexpr size_t kMaxDepth = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

/// A tensor with its place in the data, before that is checked against the others.
struct PlacedTensor {
  TensorEntry entry;
  uint64_t begin = 0, end = 0;
};

/// The JSON text of the header, without the spaces that pad it.
Result<std::string_view> HeaderText(std::span<const std::byte> bytes, std::string_view name) {
  ByteReader reader(bytes, name);
  if (bytes.size() < kLengthBytes) {
    return Malformed(
        fmt::format("{}: truncated header at byte {}: expected {} bytes of header length", name, bytes.size(), kLengthBytes));
  }
  STERNA_ASSIGN_OR_RETURN(const auto length, reader.Read<uint64_t>("header length"));
  const uint64_t most = std::min(kSafetensorsMaxHeaderBytes, reader.remaining());
  if (length < 2 || length > most) {
    return Malformed(
        fmt::format("{}: byte 0: header length: expected 2 to {} in a file of {} bytes, found {}; the content looks like {}", name,
                    most, bytes.size(), length, DescribeContent(bytes)));
  }
  STERNA_ASSIGN_OR_RETURN(const auto header, reader.ReadBytes("header", length));
  std::string_view text = AsText(header);
  if (text.front() != '{') return reader.Wrong(kLengthBytes, "header", "'{'", Quoted(text.substr(0, 1)));
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  if (text.size() > kSafetensorsMaxJsonBytes) {
    return OutOfRange(fmt::format("{}: byte {}: header: expected at most {} bytes of JSON, found {}", name, kLengthBytes,
                                  kSafetensorsMaxJsonBytes, text.size()));
  }
  return text;
}

/// Parses the members of one header. All errors begin with the file, and with the tensor where there is one.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view name) : name_(name) {}

  Status Parse(simdjson::dom::object root) {
    // size() saturates far above the limit.
    if (root.size() > kSafetensorsMaxTensors + 1) {
      return OutOfRange(fmt::format("{}: header: expected at most {} tensors, found more", name_, kSafetensorsMaxTensors));
    }
    tensors_.reserve(root.size());
    bool has_metadata = false;
    for (const auto field : root) {
      if (field.key == kMetadataKey) {
        if (has_metadata) return Wrong("", kMetadataKey, "it once", "it again");
        has_metadata = true;
        STERNA_RETURN_IF_ERROR(ParseMetadata(field.value));
      } else {
        STERNA_RETURN_IF_ERROR(ParseTensor(field.key, field.value));
      }
    }
    std::vector<std::string_view> names;
    names.reserve(tensors_.size());
    for (const PlacedTensor& tensor : tensors_) names.push_back(tensor.entry.name);
    if (const auto twice = FirstRepeatedName(std::move(names))) return Wrong(*twice, "name", "each name once", "it again");
    return Status::Ok();
  }

  std::vector<PlacedTensor>& tensors() { return tensors_; }
  Metadata& metadata() { return metadata_; }

 private:
  Status Wrong(std::string_view tensor, std::string_view field, std::string_view expected, std::string_view found) const {
    const std::string where = tensor.empty() ? std::string() : fmt::format(": tensor {}", Quoted(tensor));
    return Malformed(fmt::format("{}: header{}: {}: expected {}, found {}", name_, where, field, expected, found));
  }

  Status ParseMetadata(element value) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return Wrong("", kMetadataKey, "an object", JsonTypeName(value));
    for (const auto field : object) {
      std::string_view text;
      if (field.value.get(text) != simdjson::SUCCESS) {
        return Wrong("", fmt::format("{} {}", kMetadataKey, Quoted(field.key)), "a string", JsonTypeName(field.value));
      }
      if (metadata_.Has(field.key)) return Wrong("", fmt::format("{} {}", kMetadataKey, Quoted(field.key)), "it once", "it again");
      metadata_.Set(std::string(field.key), std::string(text));
    }
    return Status::Ok();
  }

  Status ParseTensor(std::string_view tensor, element value) {
    if (tensor.empty() || tensor.size() > kSafetensorsMaxNameBytes) {
      return Wrong(tensor, "name", fmt::format("1 to {} bytes", kSafetensorsMaxNameBytes), fmt::format("{}", tensor.size()));
    }
    if (tensor.find('\0') != std::string_view::npos) return Wrong(tensor, "name", "no NUL", "one");
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return Wrong(tensor, "value", "an object", JsonTypeName(value));
    std::optional<element> dtype, shape, offsets;
    for (const auto field : object) {
      std::optional<element>* slot = field.key == "dtype"          ? &dtype
                                     : field.key == "shape"        ? &shape
                                     : field.key == "data_offsets" ? &offsets
                                                                   : nullptr;
      if (slot == nullptr) return Wrong(tensor, "key", "dtype, shape or data_offsets", Quoted(field.key));
      if (slot->has_value()) return Wrong(tensor, field.key, "it once", "it again");
      *slot = field.value;
    }
    if (!dtype || !shape || !offsets) {
      return Wrong(tensor, !dtype ? "dtype" : !shape ? "shape" : "data_offsets", "a value", "none");
    }
    PlacedTensor placed;
    placed.entry.name = tensor;
    STERNA_RETURN_IF_ERROR(ParseType(*dtype, placed.entry));
    STERNA_RETURN_IF_ERROR(ParseShape(*shape, placed.entry));
    STERNA_RETURN_IF_ERROR(ParseOffsets(*offsets, placed));
    tensors_.push_back(std::move(placed));
    return Status::Ok();
  }

  Status ParseType(element value, TensorEntry& entry) const {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return Wrong(entry.name, "dtype", "a string", JsonTypeName(value));
    auto dtype = DTypeOfSafetensorsName(text);
    if (!dtype.ok()) return dtype.status().WithContext(fmt::format("{}: header: tensor {}", name_, Quoted(entry.name)));
    entry.dtype = *dtype;
    return Status::Ok();
  }

  Status ParseShape(element value, TensorEntry& entry) const {
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return Wrong(entry.name, "shape", "an array", JsonTypeName(value));
    for (const element dimension : array) {
      if (entry.shape.size() == kSafetensorsMaxDimensions) {
        return Wrong(entry.name, "shape", fmt::format("at most {} dimensions", kSafetensorsMaxDimensions), "more");
      }
      int64_t length = -1;
      const bool is_integer = dimension.is_int64() && dimension.get(length) == simdjson::SUCCESS;
      if (!is_integer || length < 0) {
        return Wrong(entry.name, "shape", "integers from 0 to 2^63-1",
                     is_integer ? fmt::format("{}", length) : std::string(JsonTypeName(dimension)));
      }
      entry.shape.push_back(length);
    }
    return Status::Ok();
  }

  Status ParseOffsets(element value, PlacedTensor& placed) const {
    const std::string& tensor = placed.entry.name;
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return Wrong(tensor, "data_offsets", "an array", JsonTypeName(value));
    if (array.size() != 2) return Wrong(tensor, "data_offsets", "2 integers", fmt::format("{}", array.size()));
    uint64_t* slot = &placed.begin;
    for (const element offset : array) {
      if (!(offset.is_int64() || offset.is_uint64()) || offset.get(*slot) != simdjson::SUCCESS) {
        return Wrong(tensor, "data_offsets", "integers from 0", JsonTypeName(offset));
      }
      slot = &placed.end;
    }
    if (placed.begin > placed.end) {
      return Wrong(tensor, "data_offsets", "begin <= end", fmt::format("[{}, {}]", placed.begin, placed.end));
    }
    const auto bytes = TensorBytes(placed.entry.dtype, placed.entry.shape);
    if (!bytes.ok()) return bytes.status().WithContext(fmt::format("{}: header: tensor {}", name_, Quoted(tensor)));
    if (placed.end - placed.begin != static_cast<uint64_t>(*bytes)) {
      return Wrong(tensor, "data_offsets",
                   fmt::format("{} bytes for {} {}", *bytes, Name(placed.entry.dtype), ToString(placed.entry.shape)),
                   fmt::format("[{}, {}], {} bytes", placed.begin, placed.end, placed.end - placed.begin));
    }
    return Status::Ok();
  }

  std::string_view name_;
  std::vector<PlacedTensor> tensors_;
  Metadata metadata_;
};

/// Sorts by place and demands that the tensors tile `data`. Then every entry's view is inside it.
Status PlaceTensors(std::span<const std::byte> data, std::string_view name, std::vector<PlacedTensor>& tensors) {
  std::sort(tensors.begin(), tensors.end(),
            [](const PlacedTensor& a, const PlacedTensor& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  uint64_t expected_begin = 0;
  for (PlacedTensor& tensor : tensors) {
    if (tensor.begin != expected_begin) {
      return Malformed(
          fmt::format("{}: tensor {}: data_offsets: expected to begin at {}, where the tensor before ends, found {}: {}", name,
                      Quoted(tensor.entry.name), expected_begin, tensor.begin,
                      tensor.begin < expected_begin ? "they overlap" : "a hole in the data"));
    }
    if (tensor.end > data.size()) {
      return Malformed(fmt::format("{}: tensor {}: data_offsets: expected to end within the {} bytes of data, found [{}, {}]", name,
                                   Quoted(tensor.entry.name), data.size(), tensor.begin, tensor.end));
    }
    tensor.entry.data = data.subspan(tensor.begin, tensor.end - tensor.begin);
    expected_begin = tensor.end;
  }
  if (expected_begin != data.size()) {
    return Malformed(
        fmt::format("{}: data: expected {} bytes, the sum of all tensors, found {}", name, expected_begin, data.size()));
  }
  return Status::Ok();
}

}  // namespace

Result<SafetensorsContents> ParseSafetensors(std::span<const std::byte> bytes, std::string_view name) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view text, HeaderText(bytes, name));
  simdjson::dom::parser json;
  STERNA_ASSIGN_OR_RETURN(const element root, ParseJson(json, text, name, kMaxDepth));
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return Malformed(fmt::format("{}: header: expected an object", name));
  HeaderParser parser(name);
  STERNA_RETURN_IF_ERROR(parser.Parse(object));

  SafetensorsContents contents;
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  contents.data_offset = kLengthBytes + header_bytes;
  STERNA_RETURN_IF_ERROR(PlaceTensors(bytes.subspan(contents.data_offset), name, parser.tensors()));
  contents.metadata = std::move(parser.metadata());
  contents.tensors.reserve(parser.tensors().size());
  for (PlacedTensor& tensor : parser.tensors()) contents.tensors.push_back(std::move(tensor.entry));
  return contents;
}

}  // namespace sterna
