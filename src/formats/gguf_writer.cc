#include "formats/gguf_writer.h"

#include <fmt/format.h>

#include <bit>
#include <type_traits>

#include "base/checked_math.h"
#include "formats/gguf_reader.h"
#include "formats/gguf_types.h"
#include "formats/quoted.h"
#include "formats/unique_names_internal.h"

namespace sterna {
namespace {

constexpr uint32_t kVersion = 3;
// ggml keeps names in 64 bytes with a NUL.
constexpr size_t kMaxTensorNameBytes = 63;

class HeaderBytes {
 public:
  template <class T>
  void Put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void PutString(std::string_view text) {
    Put(uint64_t{text.size()});
    bytes_ += text;
  }
  template <class T>
  void PutNumbers(const std::vector<T>& values) {
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  void PadTo(uint64_t alignment) { bytes_.resize(RoundUp<uint64_t>(bytes_.size(), alignment), '\0'); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

void PutArray(HeaderBytes& header, const MetaArray& array) {
  header.Put(static_cast<uint32_t>(GgufTypeOf(array)));
  header.Put(uint64_t{MetaElementCount(array)});
  std::visit(
      [&](const auto& values) {
        using Values = std::decay_t<decltype(values)>;
        if constexpr (std::is_same_v<Values, BoolArray>) {
          for (const uint8_t value : values.values) header.Put(uint8_t{value != 0});
        } else if constexpr (std::is_same_v<Values, std::vector<std::string>>) {
          for (const std::string& value : values) header.PutString(value);
        } else {
          header.PutNumbers(values);
        }
      },
      array);
}

void PutValue(HeaderBytes& header, const MetaValue& value) {
  header.Put(static_cast<uint32_t>(GgufTypeOf(value)));
  std::visit(
      [&](const auto& v) {
        using Value = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<Value, MetaArray>) {
          PutArray(header, v);
        } else if constexpr (std::is_same_v<Value, std::string>) {
          header.PutString(v);
        } else if constexpr (std::is_same_v<Value, bool>) {
          header.Put(uint8_t{v});
        } else {
          header.Put(v);
        }
      },
      value);
}

Status CheckKeys(const Metadata& metadata) {
  for (const Metadata::Item& item : metadata.items()) {
    const bool is_text = IsValidUtf8(item.key) && item.key.find('\0') == std::string::npos;
    if (item.key.empty() || item.key.size() > kGgufMaxKeyBytes || !is_text) {
      return InvalidArgument(
          fmt::format("metadata key {}: expected 1 to {} bytes of UTF-8 without NUL", Quoted(item.key), kGgufMaxKeyBytes));
    }
  }
  return Status::Ok();
}

Result<uint64_t> AlignmentFor(const Metadata& metadata) {
  const MetaValue* value = metadata.Find("general.alignment");
  if (value == nullptr) return uint64_t{kGgufDefaultAlignment};
  const auto* alignment = std::get_if<uint32_t>(value);
  if (alignment == nullptr || !std::has_single_bit(*alignment) || *alignment < kGgufMinAlignment ||
      *alignment > kGgufMaxAlignment) {
    return InvalidArgument(fmt::format("metadata key 'general.alignment': expected a u32 power of two from {} to {}",
                                       kGgufMinAlignment, kGgufMaxAlignment));
  }
  return uint64_t{*alignment};
}

/// Appends the record of one tensor; returns its bytes.
Result<uint64_t> PutTensor(HeaderBytes& header, const TensorSpec& tensor, uint64_t offset) {
  const auto wrong = [&](std::string_view field, std::string_view expected, std::string_view found) {
    return InvalidArgument(fmt::format("tensor {}: {}: expected {}, found {}", Quoted(tensor.name), field, expected, found));
  };
  if (tensor.name.empty() || tensor.name.size() > kMaxTensorNameBytes) {
    return wrong("name", fmt::format("1 to {} bytes", kMaxTensorNameBytes), fmt::format("{}", tensor.name.size()));
  }
  if (!IsValidUtf8(tensor.name) || tensor.name.find('\0') != std::string::npos)
    return wrong("name", "UTF-8 without NUL", "other bytes");
  if (tensor.shape.empty() || tensor.shape.size() > kGgufMaxDimensions) {
    return wrong("shape", fmt::format("1 to {} dimensions", kGgufMaxDimensions), ToString(tensor.shape));
  }
  for (const int64_t dimension : tensor.shape) {
    if (dimension < 1) return wrong("shape", "dimensions of at least 1", ToString(tensor.shape));
  }
  const auto id = GgufIdOf(tensor.dtype);
  if (!id) {
    return Unsupported(fmt::format("tensor {}: GGUF has no number for type {}", Quoted(tensor.name), Name(tensor.dtype)));
  }
  const auto bytes = TensorBytes(tensor.dtype, tensor.shape);
  if (!bytes.ok()) return InvalidArgument(fmt::format("tensor {}: {}", Quoted(tensor.name), bytes.status().message()));
  header.PutString(tensor.name);
  header.Put(static_cast<uint32_t>(tensor.shape.size()));
  for (size_t i = tensor.shape.size(); i > 0; --i) header.Put(tensor.shape[i - 1]);
  header.Put(*id);
  header.Put(offset);
  return static_cast<uint64_t>(*bytes);
}

}  // namespace

Result<GgufWriter> GgufWriter::Create(const std::string& path, const Metadata& metadata, std::span<const TensorSpec> tensors) {
  STERNA_RETURN_IF_ERROR(CheckKeys(metadata));
  STERNA_ASSIGN_OR_RETURN(const uint64_t alignment, AlignmentFor(metadata));
  std::vector<std::string> names;
  names.reserve(tensors.size());
  for (const TensorSpec& tensor : tensors) names.push_back(tensor.name);
  if (const auto twice = FirstRepeatedName(std::vector<std::string_view>(names.begin(), names.end()))) {
    return InvalidArgument(fmt::format("tensor {}: name: expected it once, found it again", Quoted(*twice)));
  }

  HeaderBytes header;
  for (const char c : std::string_view("GGUF")) header.Put(c);
  header.Put(kVersion);
  header.Put(uint64_t{tensors.size()});
  header.Put(uint64_t{metadata.items().size()});
  for (const Metadata::Item& item : metadata.items()) {
    header.PutString(item.key);
    PutValue(header, item.value);
  }
  std::vector<uint64_t> bytes;
  bytes.reserve(tensors.size());
  uint64_t offset = 0;
  for (const TensorSpec& tensor : tensors) {
    STERNA_ASSIGN_OR_RETURN(const uint64_t tensor_bytes, PutTensor(header, tensor, offset));
    const auto end = CheckedAdd(offset, tensor_bytes);
    const auto next = end ? CheckedRoundUp(*end, alignment) : std::nullopt;
    if (!next) return InvalidArgument(fmt::format("tensor {}: expected a file below 2^64 bytes", Quoted(tensor.name)));
    offset = *next;
    bytes.push_back(tensor_bytes);
  }
  header.PadTo(alignment);
  STERNA_ASSIGN_OR_RETURN(TensorStream stream,
                          TensorStream::Create(path, header.bytes(), std::move(names), std::move(bytes), alignment));
  return GgufWriter(std::move(stream));
}

}  // namespace sterna
