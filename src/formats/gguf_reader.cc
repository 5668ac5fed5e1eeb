#include "formats/gguf_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "base/checked_math.h"
#include "formats/byte_reader.h"
#include "formats/content_kind.h"
#include "formats/gguf_type_choice_internal.h"
#include "formats/gguf_types.h"
#include "formats/gguf_values_internal.h"
#include "formats/quoted.h"
#include "formats/unique_names_internal.h"

namespace sterna {
namespace {

// The shortest records: a key of one byte with a bool, and a tensor with a name of one byte and one dimension.
constexpr uint64_t kMinKeyValueBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;
constexpr uint64_t kHeaderBytes = 24;

struct Header {
  uint32_t version = 0;
  uint64_t tensors = 0;
  uint64_t key_values = 0;
};

Result<Header> ReadHeader(ByteReader& reader, std::span<const std::byte> bytes, std::string_view name) {
  constexpr std::string_view kMagic = "GGUF";
  const std::string_view start = AsText(bytes).substr(0, kMagic.size());
  if (!start.starts_with(kMagic.substr(0, start.size()))) {
    return Malformed(fmt::format("{}: byte 0: magic: expected GGUF, found {}", name, DescribeContent(bytes)));
  }
  if (bytes.size() < kHeaderBytes) {
    return Malformed(fmt::format("{}: truncated header at byte {}: expected {} bytes", name, bytes.size(), kHeaderBytes));
  }
  STERNA_RETURN_IF_ERROR(reader.ReadBytes("magic", kMagic.size()).status());
  Header header;
  STERNA_ASSIGN_OR_RETURN(header.version, reader.Read<uint32_t>("version"));
  if (header.version != 2 && header.version != 3) {
    const bool is_swapped = (header.version & 0xffff) == 0 && header.version != 0;
    const std::string found = is_swapped ? "a big-endian file" : fmt::format("version {}", header.version);
    return Unsupported(fmt::format("{}: byte 4: version: expected little-endian GGUF 2 or 3, found {}", name, found));
  }
  const auto read_count = [&](std::string_view field, uint64_t record_bytes) -> Result<uint64_t> {
    const uint64_t at = reader.offset();
    STERNA_ASSIGN_OR_RETURN(const auto count, reader.Read<uint64_t>(field));
    const uint64_t most = (bytes.size() - kHeaderBytes) / record_bytes;
    if (count > most) {
      return reader.Wrong(at, field, fmt::format("at most {} in a file of {} bytes", most, bytes.size()), count);
    }
    return count;
  };
  STERNA_ASSIGN_OR_RETURN(header.tensors, read_count("number of tensors", kMinTensorBytes));
  STERNA_ASSIGN_OR_RETURN(header.key_values, read_count("number of key-values", kMinKeyValueBytes));
  return header;
}

Result<uint64_t> AlignmentOf(const Metadata& metadata, std::string_view name) {
  const MetaValue* value = metadata.Find("general.alignment");
  if (value == nullptr) return uint64_t{kGgufDefaultAlignment};
  const auto* alignment = std::get_if<uint32_t>(value);
  if (alignment == nullptr) {
    return Malformed(fmt::format("{}: general.alignment: expected u32, found {}", name, MetaTypeName(*value)));
  }
  if (!std::has_single_bit(*alignment) || *alignment < kGgufMinAlignment || *alignment > kGgufMaxAlignment) {
    return Malformed(fmt::format("{}: general.alignment: expected a power of two from {} to {}, found {}", name, kGgufMinAlignment,
                                 kGgufMaxAlignment, *alignment));
  }
  return uint64_t{*alignment};
}

Result<std::string> ReadTensorName(ByteReader& reader) {
  const uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, reader.ReadString("name", kGgufMaxTensorNameBytes));
  if (name.empty()) return reader.Wrong(at, "name", "at least 1 byte", 0);
  if (name.find('\0') != std::string_view::npos) return reader.Wrong(at, "name", "no NUL", Quoted(name));
  if (!IsValidUtf8(name)) return reader.Wrong(at, "name", "UTF-8", Quoted(name));
  reader.NameRecord(name);
  return std::string(name);
}

Result<Shape> ReadShape(ByteReader& reader) {
  uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const auto dimensions, reader.Read<uint32_t>("number of dimensions"));
  if (dimensions == 0 || dimensions > kGgufMaxDimensions) {
    return reader.Wrong(at, "number of dimensions", fmt::format("1 to {}", kGgufMaxDimensions), dimensions);
  }
  Shape shape(dimensions);
  for (uint32_t i = 0; i < dimensions; ++i) {
    at = reader.offset();
    STERNA_ASSIGN_OR_RETURN(const auto length, reader.Read<uint64_t>("dimension"));
    const auto as_signed = CheckedCast<int64_t>(length);
    if (!as_signed || *as_signed == 0) return reader.Wrong(at, fmt::format("dimension {}", i), "1 to 2^63-1", length);
    shape[dimensions - 1 - i] = *as_signed;
  }
  return shape;
}

/// Id 36 has four layouts that only the user can tell apart.
DType WithLayout(DType dtype, const OpenOptions& options) {
  if (dtype != DType::kI2_S) return dtype;
  switch (options.i2s_layout) {
    case I2sLayout::kInterleaved128:
      return DType::kI2_S;
    case I2sLayout::kInterleaved64:
      return DType::kI2_SArm;
    case I2sLayout::kRows4:
      return DType::kI2_SRows4;
    case I2sLayout::kSequential:
      return DType::kI2_SSequential;
  }
  return dtype;
}

Result<TensorEntry> ReadTensor(ByteReader& reader, uint64_t alignment, const OpenOptions& options, GgufExtent& extent) {
  TensorEntry entry;
  STERNA_ASSIGN_OR_RETURN(entry.name, ReadTensorName(reader));
  const uint64_t shape_at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(entry.shape, ReadShape(reader));
  const uint64_t type_at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(extent.type_id, reader.Read<uint32_t>("type"));
  const auto meanings = DTypesOfGgufId(extent.type_id);
  if (!meanings.ok()) return meanings.status().WithContext(reader.Where(type_at));
  entry.dtype = WithLayout((*meanings)[0], options);
  if (meanings->size() == 1) {
    const auto bytes = TensorBytes(entry.dtype, entry.shape);
    if (!bytes.ok()) return bytes.status().WithContext(reader.Where(shape_at));
    extent.bytes = static_cast<uint64_t>(*bytes);
  }
  extent.record_at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(extent.offset, reader.Read<uint64_t>("offset"));
  if (extent.offset % alignment != 0) {
    return reader.Wrong(extent.record_at, "offset", fmt::format("a multiple of {}", alignment), extent.offset);
  }
  return entry;
}

std::optional<TlTiling> TilingOf(const TensorEntry& entry, const OpenOptions& options) {
  for (const TlPreset& preset : options.tl_presets) {
    if (preset.dtype == entry.dtype && std::ranges::equal(entry.shape, Shape{preset.rows, preset.cols})) return preset.tiling;
  }
  return std::nullopt;
}

std::string SizeNote(const TensorEntry& entry) {
  const int64_t tail = Info(entry.dtype).tensor_tail_bytes;
  return tail == 0 ? std::string() : fmt::format(", of which {} with the scale behind the codes", tail);
}

/// Gives every entry its bytes. Gaps and any order are accepted; a tensor past the end or two that share a byte are not.
Status PlaceTensors(std::span<const std::byte> file_bytes, std::string_view name, std::span<const GgufExtent> extents,
                    GgufContents& contents) {
  const uint64_t available = file_bytes.size() - std::min<uint64_t>(contents.data_offset, file_bytes.size());
  for (size_t i = 0; i < extents.size(); ++i) {
    const GgufExtent& extent = extents[i];
    TensorEntry& entry = contents.tensors[i];
    const auto end = CheckedAdd(extent.offset, extent.bytes);
    if (!end || *end > available) {
      return Malformed(
          fmt::format("{}: byte {}: tensor {} {}: offset: expected {} {} to end within the {} bytes of the data section "
                      "({} bytes{}), found offset {}",
                      name, extent.record_at, i, Quoted(entry.name), Name(entry.dtype), ToString(entry.shape), available,
                      extent.bytes, SizeNote(entry), extent.offset));
    }
    entry.data = file_bytes.subspan(contents.data_offset + extent.offset, extent.bytes);
  }
  std::vector<size_t> order(extents.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return extents[a].offset < extents[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufExtent& first = extents[order[i - 1]];
    const GgufExtent& second = extents[order[i]];
    if (first.offset + first.bytes > second.offset) {
      const TensorEntry& entry = contents.tensors[order[i - 1]];
      return Malformed(fmt::format(
          "{}: byte {}: tensor {} {}: offset: expected at least {}, the end of tensor {} {} ({} {}: {} bytes{}), "
          "found {}: they overlap",
          name, second.record_at, order[i], Quoted(contents.tensors[order[i]].name), first.offset + first.bytes, order[i - 1],
          Quoted(entry.name), Name(entry.dtype), ToString(entry.shape), first.bytes, SizeNote(entry), second.offset));
    }
  }
  return Status::Ok();
}

}  // namespace

Result<GgufContents> ParseGguf(std::span<const std::byte> bytes, std::string_view name, const OpenOptions& options) {
  ByteReader reader(bytes, name);
  STERNA_ASSIGN_OR_RETURN(const Header header, ReadHeader(reader, bytes, name));
  GgufContents contents;
  contents.version = header.version;
  STERNA_RETURN_IF_ERROR(ReadGgufMetadata(reader, header.key_values, contents.metadata));
  STERNA_ASSIGN_OR_RETURN(contents.alignment, AlignmentOf(contents.metadata, name));

  // The count was compared with the size of the whole file, data included: let the vectors grow with the records that are there.
  constexpr uint64_t kFirstReserve = 512;
  std::vector<GgufExtent> extents;
  contents.tensors.reserve(std::min(header.tensors, kFirstReserve));
  extents.reserve(std::min(header.tensors, kFirstReserve));
  for (uint64_t i = 0; i < header.tensors; ++i) {
    reader.EnterRecord("tensor", i);
    GgufExtent extent;
    STERNA_ASSIGN_OR_RETURN(TensorEntry entry, ReadTensor(reader, contents.alignment, options, extent));
    contents.tensors.push_back(std::move(entry));
    extents.push_back(extent);
  }
  if (const auto twice = FirstRepeatedName(contents.tensors)) {
    return Malformed(fmt::format("{}: tensor name: expected each name once, found {} again", name, Quoted(*twice)));
  }
  contents.data_offset = RoundUp(reader.offset(), contents.alignment);
  const uint64_t data_bytes = bytes.size() - std::min<uint64_t>(contents.data_offset, bytes.size());
  STERNA_RETURN_IF_ERROR(ChooseGgufTypes(contents, extents, data_bytes).WithContext(name));
  for (TensorEntry& entry : contents.tensors) entry.tiling = TilingOf(entry, options);
  STERNA_RETURN_IF_ERROR(PlaceTensors(bytes, name, extents, contents));
  return contents;
}

}  // namespace sterna
