#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "formats/file_source_internal.h"
#include "formats/gguf_reader.h"
#include "formats/gguf_source_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

constexpr std::string_view kSplitNumber = "split.no";
constexpr std::string_view kSplitCount = "split.count";
constexpr std::string_view kSplitTensors = "split.tensors.count";
constexpr uint64_t kMaxParts = 65535;  // split.count is a u16

struct SplitKeys {
  uint64_t number = 0;  ///< counts from 0
  uint64_t count = 0;
  uint64_t tensors = 0;  ///< in all parts together
};

/// Nothing where the file is not part of a series.
Result<std::optional<SplitKeys>> ReadSplitKeys(const Metadata& metadata, const std::string& path) {
  if (!metadata.Has(kSplitCount) && !metadata.Has(kSplitNumber)) return std::optional<SplitKeys>();
  SplitKeys keys;
  const auto read = [&](std::string_view key, uint64_t least, uint64_t most, uint64_t& out) -> Status {
    const Result<uint64_t> value = metadata.GetUint(key);
    if (!value.ok()) return value.status().WithContext(path);
    if (*value < least || *value > most) {
      return Malformed(fmt::format("{}: {}: expected {} to {}, found {}", path, key, least, most, *value));
    }
    out = *value;
    return Status::Ok();
  };
  STERNA_RETURN_IF_ERROR(read(kSplitCount, 1, kMaxParts, keys.count));
  STERNA_RETURN_IF_ERROR(read(kSplitNumber, 0, keys.count - 1, keys.number));
  STERNA_RETURN_IF_ERROR(read(kSplitTensors, 0, std::numeric_limits<int64_t>::max(), keys.tensors));
  return std::optional<SplitKeys>(keys);
}

std::string PartSuffix(uint64_t number, uint64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

/// The path without "-00001-of-0000N.gguf"; Malformed where it does not end so.
Result<std::string> PartPrefix(const std::string& path, const SplitKeys& keys) {
  const std::string suffix = PartSuffix(keys.number, keys.count);
  if (!path.ends_with(suffix)) {
    return Malformed(fmt::format("{}: file name: expected it to end in '{}', as its key split.count says", path, suffix));
  }
  return path.substr(0, path.size() - suffix.size());
}

Status CheckPart(const std::string& path, const Metadata& part, const SplitKeys& first_keys, uint64_t number,
                 const Metadata& first) {
  STERNA_ASSIGN_OR_RETURN(const auto keys, ReadSplitKeys(part, path));
  if (!keys) return Malformed(fmt::format("{}: expected the key {} of a part, found none", path, kSplitNumber));
  const auto check = [&](std::string_view key, uint64_t expected, uint64_t found) -> Status {
    if (expected == found) return Status::Ok();
    return Malformed(fmt::format("{}: {}: expected {}, found {}", path, key, expected, found));
  };
  STERNA_RETURN_IF_ERROR(check(kSplitNumber, number, keys->number));
  STERNA_RETURN_IF_ERROR(check(kSplitCount, first_keys.count, keys->count));
  STERNA_RETURN_IF_ERROR(check(kSplitTensors, first_keys.tensors, keys->tensors));
  for (const Metadata::Item& item : part.items()) {
    const MetaValue* value = item.key == kSplitNumber ? nullptr : first.Find(item.key);
    if (value != nullptr && *value != item.value) {
      return Malformed(fmt::format("{}: {}: expected the value of the first part, found another: parts of different models?", path,
                                   Quoted(item.key)));
    }
  }
  return Status::Ok();
}

Status AddParts(const SplitKeys& keys, const std::string& prefix, const OpenOptions& options, FileSourceParts& parts) {
  for (uint64_t number = 1; number < keys.count; ++number) {
    const std::string path = prefix + PartSuffix(number, keys.count);
    auto file = MappedFile::Open(path);
    if (!file.ok()) return file.status().WithContext(fmt::format("part {} of {}", number + 1, keys.count));
    STERNA_ASSIGN_OR_RETURN(GgufContents contents, ParseGguf((*file)->bytes(), path, options));
    STERNA_RETURN_IF_ERROR(CheckPart(path, contents.metadata, keys, number, parts.metadata));
    parts.files.push_back(*std::move(file));
    parts.entries.insert(parts.entries.end(), std::make_move_iterator(contents.tensors.begin()),
                         std::make_move_iterator(contents.tensors.end()));
  }
  return Status::Ok();
}

}  // namespace

Result<std::shared_ptr<const WeightSource>> OpenGguf(std::shared_ptr<const MappedFile> file, const OpenOptions& options) {
  const std::string path = file->path();
  STERNA_ASSIGN_OR_RETURN(GgufContents contents, ParseGguf(file->bytes(), path, options));
  STERNA_ASSIGN_OR_RETURN(const auto keys, ReadSplitKeys(contents.metadata, path));
  FileSourceParts parts{"GGUF", path, std::move(contents.metadata), std::move(contents.tensors), {std::move(file)}};
  if (keys && keys->count > 1) {
    STERNA_ASSIGN_OR_RETURN(const std::string prefix, PartPrefix(path, *keys));
    if (keys->number != 0) {
      return InvalidArgument(fmt::format("'{}' is part {} of {}: open the first part, '{}'", path, keys->number + 1, keys->count,
                                         prefix + PartSuffix(0, keys->count)));
    }
    STERNA_RETURN_IF_ERROR(AddParts(*keys, prefix, options, parts));
  }
  if (keys && parts.entries.size() != keys->tensors) {
    return Malformed(fmt::format("{}: {}: expected {} tensors in all parts, found {}", path, kSplitTensors, keys->tensors,
                                 parts.entries.size()));
  }
  for (const std::string_view key : {kSplitNumber, kSplitCount, kSplitTensors}) parts.metadata.Remove(key);
  return MakeFileSource(std::move(parts));
}

}  // namespace sterna
