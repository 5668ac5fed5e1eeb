#include <fmt/format.h>

#include "formats/json_internal.h"
#include "formats/quoted.h"
#include "formats/shard_index_internal.h"

namespace sterna {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kMaxDepth = 8;
constexpr size_t kMaxFileNameBytes = 255;

bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxFileNameBytes && name[0] != '.' && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

/// The value of `key` in `from`, or nothing; Malformed where the key is there twice.
Result<std::optional<element>> FindOnce(const object& from, std::string_view key, std::string_view name) {
  std::optional<element> found;
  for (const auto field : from) {
    if (field.key != key) continue;
    if (found) return Malformed(fmt::format("{}: {}: expected it once, found it again", name, key));
    found = field.value;
  }
  return found;
}

Result<std::optional<uint64_t>> TotalBytes(const object& root, std::string_view name) {
  STERNA_ASSIGN_OR_RETURN(const auto metadata, FindOnce(root, "metadata", name));
  if (!metadata) return std::optional<uint64_t>();
  object fields;
  if (metadata->get(fields) != simdjson::SUCCESS) {
    return Malformed(fmt::format("{}: metadata: expected an object, found {}", name, JsonTypeName(*metadata)));
  }
  STERNA_ASSIGN_OR_RETURN(const auto total, FindOnce(fields, "total_size", name));
  if (!total) return std::optional<uint64_t>();
  uint64_t bytes = 0;
  // Some exporters write the sum as a float.
  double as_float = 0;
  if (total->is_double() && total->get(as_float) == simdjson::SUCCESS && as_float >= 0 && as_float < 0x1p53) {
    return std::optional<uint64_t>(static_cast<uint64_t>(as_float));
  }
  if (!total->is_number() || total->get(bytes) != simdjson::SUCCESS) {
    return Malformed(fmt::format("{}: metadata.total_size: expected a number of bytes, found {}", name, JsonTypeName(*total)));
  }
  return std::optional<uint64_t>(bytes);
}

}  // namespace

Result<ShardIndex> ParseShardIndex(std::string_view json, std::string_view name) {
  simdjson::dom::parser parser;
  STERNA_ASSIGN_OR_RETURN(const element parsed, ParseJson(parser, json, name, kMaxDepth));
  object root, map;
  if (parsed.get(root) != simdjson::SUCCESS)
    return Malformed(fmt::format("{}: expected an object, found {}", name, JsonTypeName(parsed)));
  ShardIndex index;
  STERNA_ASSIGN_OR_RETURN(index.total_bytes, TotalBytes(root, name));
  STERNA_ASSIGN_OR_RETURN(const auto weight_map, FindOnce(root, "weight_map", name));
  if (!weight_map) return Malformed(fmt::format("{}: weight_map: expected an object, found none", name));
  if (weight_map->get(map) != simdjson::SUCCESS) {
    return Malformed(fmt::format("{}: weight_map: expected an object, found {}", name, JsonTypeName(*weight_map)));
  }
  for (const auto field : map) {
    std::string_view file;
    if (field.value.get(file) != simdjson::SUCCESS) {
      return Malformed(
          fmt::format("{}: weight_map: {}: expected a string, found {}", name, Quoted(field.key), JsonTypeName(field.value)));
    }
    if (!IsPlainFileName(file)) {
      return Malformed(fmt::format("{}: weight_map: {}: expected the name of a file in the same directory, found {}", name,
                                   Quoted(field.key), Quoted(file)));
    }
    if (!index.shard_of.emplace(field.key, file).second) {
      return Malformed(fmt::format("{}: weight_map: {}: expected it once, found it again", name, Quoted(field.key)));
    }
  }
  if (index.shard_of.empty()) return Malformed(fmt::format("{}: weight_map: expected at least one tensor, found none", name));
  return index;
}

}  // namespace sterna
