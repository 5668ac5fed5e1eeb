// model.safetensors.index.json: which file of a sharded checkpoint holds which tensor.
#ifndef STERNA_FORMATS_SHARD_INDEX_INTERNAL_H_
#define STERNA_FORMATS_SHARD_INDEX_INTERNAL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

inline constexpr size_t kShardIndexMaxBytes = size_t{32} << 20;

struct ShardIndex {
  std::map<std::string, std::string, std::less<>> shard_of;  ///< tensor name -> file name
  std::optional<uint64_t> total_bytes;                       ///< metadata.total_size
};

/// Every shard must be named by a plain file name: no '/', no "..", not hidden. Malformed otherwise, and for repeated keys.
Result<ShardIndex> ParseShardIndex(std::string_view json, std::string_view name);

}  // namespace sterna

#endif  // STERNA_FORMATS_SHARD_INDEX_INTERNAL_H_
