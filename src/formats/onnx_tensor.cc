#include <fmt/format.h>

#include <charconv>

#include "formats/onnx_tensor_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

// Field numbers of onnx.proto3, TensorProto and StringStringEntryProto.
enum : uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14,
};

constexpr size_t kMaxDimensions = 8;

std::optional<DType> TypeOf(int64_t onnx_type) {
  switch (onnx_type) {
    case 1:
      return DType::kF32;
    case 2:
      return DType::kU8;
    case 3:
      return DType::kI8;
    case 4:
      return DType::kU16;
    case 5:
      return DType::kI16;
    case 6:
      return DType::kI32;
    case 7:
      return DType::kI64;
    case 9:
      return DType::kBool;
    case 10:
      return DType::kF16;
    case 11:
      return DType::kF64;
    case 12:
      return DType::kU32;
    case 13:
      return DType::kU64;
    case 16:
      return DType::kBF16;
    default:
      return std::nullopt;
  }
}

/// Dimensions come one by one or packed.
Status AddDimensions(const ProtobufReader& reader, const ProtobufField& field, Shape* shape) {
  const auto add = [&](int64_t value) -> Status {
    if (value < 0) return reader.Wrong(fmt::format("dimension {}: expected at least 0, found {}", shape->size(), value));
    if (shape->size() == kMaxDimensions) return reader.Wrong(fmt::format("expected at most {} dimensions", kMaxDimensions));
    shape->push_back(value);
    return Status::Ok();
  };
  if (field.type == WireType::kVarint) return add(static_cast<int64_t>(field.value));
  if (field.type != WireType::kBytes) return reader.Wrong("a dimension: expected a whole number");
  std::span<const std::byte> rest = field.bytes;
  while (!rest.empty()) {
    uint64_t value = 0;
    size_t used = 0;
    for (; used < rest.size() && used < 10; ++used) {
      const auto byte = static_cast<uint64_t>(rest[used]);
      value |= (byte & 0x7f) << (7 * used);
      if (byte < 0x80) break;
    }
    if (used == rest.size() || used == 10) return reader.Wrong("a dimension: expected a whole number of at most 10 bytes");
    STERNA_RETURN_IF_ERROR(add(static_cast<int64_t>(value)));
    rest = rest.subspan(used + 1);
  }
  return Status::Ok();
}

Result<uint64_t> ParseCount(const ProtobufReader& reader, std::string_view key, std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return reader.Wrong(fmt::format("external_data: {}: expected a whole number, found {}", key, Quoted(text)));
  }
  return value;
}

Status AddExternal(const ProtobufReader& reader, const ProtobufField& field, OnnxExternalData* external) {
  STERNA_ASSIGN_OR_RETURN(ProtobufReader entry, reader.Message(field, "external_data"));
  std::string_view key, value;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> part, entry.Next());
    if (!part) break;
    if (part->number == 1) {
      STERNA_ASSIGN_OR_RETURN(key, entry.Text(*part, "external_data: key", kOnnxMaxNameBytes));
    } else if (part->number == 2) {
      STERNA_ASSIGN_OR_RETURN(value, entry.Text(*part, "external_data: value", kOnnxMaxNameBytes));
    }
  }
  if (key == "location") external->location = value;
  if (key == "offset") {
    STERNA_ASSIGN_OR_RETURN(external->offset, ParseCount(reader, key, value));
  }
  if (key == "length") {
    STERNA_ASSIGN_OR_RETURN(external->length, ParseCount(reader, key, value));
  }
  return Status::Ok();
}

/// The places a tensor may keep its values in; exactly one is used.
struct ValueFields {
  int count = 0;  ///< fields seen
  std::optional<std::span<const std::byte>> raw;
  std::optional<std::span<const std::byte>> packed;  ///< float_data or double_data: the bytes are those of the numbers
  uint32_t packed_field = 0;
  bool is_one_by_one = false;
};

Status AddValues(const ProtobufReader& reader, const ProtobufField& field, ValueFields* values) {
  const bool is_raw = field.number == kRawData;
  const bool has_memory_layout = is_raw || field.number == kFloatData || field.number == kDoubleData;
  if (!has_memory_layout || field.type != WireType::kBytes) {
    if (is_raw) return reader.Wrong("raw_data: expected bytes, found a number");
    if (!values->is_one_by_one) ++values->count;
    values->is_one_by_one = true;
    return Status::Ok();
  }
  ++values->count;
  if (is_raw) {
    values->raw = field.bytes;
  } else {
    values->packed = field.bytes;
    values->packed_field = field.number;
  }
  return Status::Ok();
}

Status CheckValues(const ProtobufReader& reader, const ValueFields& values, bool is_external, OnnxTensor* tensor) {
  if (values.count > 1 || (is_external && values.count > 0)) return reader.Wrong("expected values in one place, found two");
  if (is_external != tensor->external.has_value()) {
    return reader.Wrong("data_location: expected external_data where it says external, and nowhere else");
  }
  if (is_external && tensor->external->location.empty()) return reader.Wrong("external_data: expected a location, found none");
  tensor->is_one_by_one = values.is_one_by_one;
  const Result<int64_t> elements = ElementCount(tensor->shape);
  if (!elements.ok()) return reader.Wrong(elements.status().message());
  if (!tensor->dtype || is_external || values.is_one_by_one) return Status::Ok();
  const Result<int64_t> bytes = TensorBytes(*tensor->dtype, tensor->shape);
  if (!bytes.ok()) return reader.Wrong(bytes.status().message());
  const bool suits =
      !values.packed || (values.packed_field == kFloatData ? *tensor->dtype == DType::kF32 : *tensor->dtype == DType::kF64);
  if (!suits) return reader.Wrong(fmt::format("values of another type than {}", Name(*tensor->dtype)));
  tensor->data = values.raw ? *values.raw : values.packed.value_or(std::span<const std::byte>());
  if (tensor->data.size() != static_cast<size_t>(*bytes)) {
    return reader.Wrong(fmt::format("{} {}: expected {} bytes of values, found {}", Name(*tensor->dtype), ToString(tensor->shape),
                                    *bytes, tensor->data.size()));
  }
  return Status::Ok();
}

}  // namespace

Result<OnnxTensor> ParseOnnxTensor(ProtobufReader reader) {
  OnnxTensor tensor;
  ValueFields values;
  bool is_external = false;
  OnnxExternalData external;
  bool has_external_entries = false;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<ProtobufField> field, reader.Next());
    if (!field) break;
    switch (field->number) {
      case kDims:
        STERNA_RETURN_IF_ERROR(AddDimensions(reader, *field, &tensor.shape));
        break;
      case kDataType: {
        STERNA_ASSIGN_OR_RETURN(tensor.onnx_type, reader.Int(*field, "data_type"));
        break;
      }
      case kSegment:
        return reader.Wrong("a tensor in segments is not supported");
      case kName: {
        STERNA_ASSIGN_OR_RETURN(tensor.name, reader.Text(*field, "tensor name", kOnnxMaxNameBytes));
        break;
      }
      case kFloatData:
      case kInt32Data:
      case kStringData:
      case kInt64Data:
      case kRawData:
      case kDoubleData:
      case kUint64Data:
        STERNA_RETURN_IF_ERROR(AddValues(reader, *field, &values));
        break;
      case kExternalData:
        STERNA_RETURN_IF_ERROR(AddExternal(reader, *field, &external));
        has_external_entries = true;
        break;
      case kDataLocation: {
        STERNA_ASSIGN_OR_RETURN(const int64_t location, reader.Int(*field, "data_location"));
        if (location != 0 && location != 1) return reader.Wrong(fmt::format("data_location: expected 0 or 1, found {}", location));
        is_external = location == 1;
        break;
      }
      default:
        break;
    }
  }
  tensor.dtype = TypeOf(tensor.onnx_type);
  if (has_external_entries) tensor.external = std::move(external);
  const Status checked = CheckValues(reader, values, is_external, &tensor);
  if (!checked.ok()) return checked.WithContext(fmt::format("tensor {}", Quoted(tensor.name)));
  return tensor;
}

}  // namespace sterna
