#include <fmt/format.h>

#include <cstring>

#include "base/checked_math.h"
#include "formats/gguf_reader.h"
#include "formats/gguf_types.h"
#include "formats/gguf_values_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

/// What one file's metadata may still take. Strings and arrays have separate budgets of the same size.
struct Budget {
  uint64_t string_bytes = kGgufMaxMetadataBytes;
  uint64_t array_bytes = kGgufMaxMetadataBytes;
};

Result<std::string_view> ReadBudgetedString(ByteReader& reader, std::string_view field, Budget& budget) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view text, reader.ReadString(field, budget.string_bytes));
  budget.string_bytes -= text.size();
  return text;
}

template <class T>
Result<MetaValue> ReadNumber(ByteReader& reader) {
  STERNA_ASSIGN_OR_RETURN(const T value, reader.Read<T>("value"));
  return MetaValue(value);
}

Status WrongBool(const ByteReader& reader, uint64_t at, uint8_t found) {
  return reader.Wrong(at, "bool", "0 or 1", found);
}

/// Length of an array whose elements take at least `element_bytes` in the file, checked against what the file still holds and
/// against the budget, so that the caller may allocate.
Result<uint64_t> ReadArrayLength(ByteReader& reader, uint64_t element_bytes, uint64_t element_bytes_in_memory, Budget& budget) {
  const uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const auto length, reader.Read<uint64_t>("array length"));
  if (length > reader.remaining() / element_bytes) {
    return reader.Wrong(
        at, "array length",
        fmt::format("at most {} elements in the {} bytes that remain", reader.remaining() / element_bytes, reader.remaining()),
        length);
  }
  const auto bytes = CheckedMul(length, element_bytes_in_memory);
  if (!bytes || *bytes > budget.array_bytes) {
    return OutOfRange(fmt::format("{}: array length: the arrays of one file may take {} bytes together; {} elements do not fit",
                                  reader.Where(at), kGgufMaxMetadataBytes, length));
  }
  budget.array_bytes -= *bytes;
  return length;
}

template <class T>
Result<MetaValue> ReadNumbers(ByteReader& reader, Budget& budget) {
  STERNA_ASSIGN_OR_RETURN(const uint64_t length, ReadArrayLength(reader, sizeof(T), sizeof(T), budget));
  STERNA_ASSIGN_OR_RETURN(const auto bytes, reader.ReadBytes("array", length * sizeof(T)));
  std::vector<T> values(length);
  if (length > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
  return MetaValue(MetaArray(std::move(values)));
}

Result<MetaValue> ReadBools(ByteReader& reader, Budget& budget) {
  STERNA_ASSIGN_OR_RETURN(const uint64_t length, ReadArrayLength(reader, 1, 1, budget));
  const uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const auto bytes, reader.ReadBytes("array", length));
  BoolArray array;
  array.values.reserve(length);
  for (uint64_t i = 0; i < length; ++i) {
    const auto value = static_cast<uint8_t>(bytes[i]);
    if (value > 1) return WrongBool(reader, at + i, value);
    array.values.push_back(value);
  }
  return MetaValue(MetaArray(std::move(array)));
}

Result<MetaValue> ReadStrings(ByteReader& reader, Budget& budget) {
  STERNA_ASSIGN_OR_RETURN(const uint64_t length, ReadArrayLength(reader, sizeof(uint64_t), sizeof(std::string), budget));
  std::vector<std::string> values;
  values.reserve(length);
  for (uint64_t i = 0; i < length; ++i) {
    STERNA_ASSIGN_OR_RETURN(const std::string_view text, ReadBudgetedString(reader, "string", budget));
    values.emplace_back(text);
  }
  return MetaValue(MetaArray(std::move(values)));
}

Status UnknownType(const ByteReader& reader, uint64_t at, std::string_view field, uint32_t type) {
  return reader.Wrong(at, field, "a value type from 0 to 12", type);
}

Result<MetaValue> ReadArray(ByteReader& reader, Budget& budget) {
  const uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const auto type, reader.Read<uint32_t>("array element type"));
  if (type >= kGgufValueTypes) return UnknownType(reader, at, "array element type", type);
  switch (static_cast<GgufValueType>(type)) {
    case GgufValueType::kU8:
      return ReadNumbers<uint8_t>(reader, budget);
    case GgufValueType::kI8:
      return ReadNumbers<int8_t>(reader, budget);
    case GgufValueType::kU16:
      return ReadNumbers<uint16_t>(reader, budget);
    case GgufValueType::kI16:
      return ReadNumbers<int16_t>(reader, budget);
    case GgufValueType::kU32:
      return ReadNumbers<uint32_t>(reader, budget);
    case GgufValueType::kI32:
      return ReadNumbers<int32_t>(reader, budget);
    case GgufValueType::kF32:
      return ReadNumbers<float>(reader, budget);
    case GgufValueType::kBool:
      return ReadBools(reader, budget);
    case GgufValueType::kString:
      return ReadStrings(reader, budget);
    case GgufValueType::kArray:
      break;
    case GgufValueType::kU64:
      return ReadNumbers<uint64_t>(reader, budget);
    case GgufValueType::kI64:
      return ReadNumbers<int64_t>(reader, budget);
    case GgufValueType::kF64:
      return ReadNumbers<double>(reader, budget);
  }
  return reader.Wrong(at, "array element type", "no array: arrays of arrays are not accepted", type);
}

Result<MetaValue> ReadValue(ByteReader& reader, Budget& budget) {
  const uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const auto type, reader.Read<uint32_t>("value type"));
  if (type >= kGgufValueTypes) return UnknownType(reader, at, "value type", type);
  switch (static_cast<GgufValueType>(type)) {
    case GgufValueType::kU8:
      return ReadNumber<uint8_t>(reader);
    case GgufValueType::kI8:
      return ReadNumber<int8_t>(reader);
    case GgufValueType::kU16:
      return ReadNumber<uint16_t>(reader);
    case GgufValueType::kI16:
      return ReadNumber<int16_t>(reader);
    case GgufValueType::kU32:
      return ReadNumber<uint32_t>(reader);
    case GgufValueType::kI32:
      return ReadNumber<int32_t>(reader);
    case GgufValueType::kF32:
      return ReadNumber<float>(reader);
    case GgufValueType::kU64:
      return ReadNumber<uint64_t>(reader);
    case GgufValueType::kI64:
      return ReadNumber<int64_t>(reader);
    case GgufValueType::kF64:
      return ReadNumber<double>(reader);
    case GgufValueType::kArray:
      return ReadArray(reader, budget);
    case GgufValueType::kBool: {
      const uint64_t value_at = reader.offset();
      STERNA_ASSIGN_OR_RETURN(const auto value, reader.Read<uint8_t>("bool"));
      if (value > 1) return WrongBool(reader, value_at, value);
      return MetaValue(value == 1);
    }
    case GgufValueType::kString:
      break;
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view text, ReadBudgetedString(reader, "string", budget));
  return MetaValue(std::string(text));
}

Result<std::string_view> ReadKey(ByteReader& reader, const Metadata& metadata, Budget& budget) {
  const uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const std::string_view key, reader.ReadString("key", kGgufMaxKeyBytes));
  if (key.empty()) return reader.Wrong(at, "key", "at least 1 byte", 0);
  if (key.find('\0') != std::string_view::npos) return reader.Wrong(at, "key", "no NUL", Quoted(key));
  if (!IsValidUtf8(key)) return reader.Wrong(at, "key", "UTF-8", Quoted(key));
  if (metadata.Has(key)) return reader.Wrong(at, "key", "each key once", Quoted(key) + " again");
  if (key.size() > budget.string_bytes) {
    return reader.Wrong(at, "key", fmt::format("at most {} bytes of strings in one file", kGgufMaxMetadataBytes), "more");
  }
  budget.string_bytes -= key.size();
  return key;
}

/// A template is code that runs on every request: bounded and clean text, or nothing.
Status CheckChatTemplate(const ByteReader& reader, uint64_t at, std::string_view key, const MetaValue& value) {
  const bool is_template = key == "tokenizer.chat_template" || key.starts_with("tokenizer.chat_template.");
  const auto* text = std::get_if<std::string>(&value);
  if (!is_template || text == nullptr) return Status::Ok();
  if (text->size() > kGgufMaxChatTemplateBytes) {
    return OutOfRange(fmt::format("{}: chat template: expected at most {} bytes, found {}", reader.Where(at),
                                  kGgufMaxChatTemplateBytes, text->size()));
  }
  if (text->find('\0') != std::string::npos) return reader.Wrong(at, "chat template", "text", "a NUL byte");
  if (!IsValidUtf8(*text)) return reader.Wrong(at, "chat template", "UTF-8", "other bytes");
  return Status::Ok();
}

}  // namespace

Status ReadGgufMetadata(ByteReader& reader, uint64_t count, Metadata& metadata) {
  Budget budget;
  for (uint64_t i = 0; i < count; ++i) {
    reader.EnterRecord("key-value", i);
    STERNA_ASSIGN_OR_RETURN(const std::string_view key, ReadKey(reader, metadata, budget));
    reader.NameRecord(key);
    const uint64_t at = reader.offset();
    STERNA_ASSIGN_OR_RETURN(MetaValue value, ReadValue(reader, budget));
    STERNA_RETURN_IF_ERROR(CheckChatTemplate(reader, at, key, value));
    metadata.Set(std::string(key), std::move(value));
  }
  reader.LeaveRecord();
  return Status::Ok();
}

}  // namespace sterna
