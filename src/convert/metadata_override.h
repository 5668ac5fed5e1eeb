// Keys of the new file that the user sets himself: "KEY=TYPE:VALUE", as llama.cpp's --override-kv.
#ifndef STERNA_CONVERT_METADATA_OVERRIDE_H_
#define STERNA_CONVERT_METADATA_OVERRIDE_H_

#include <string>
#include <string_view>

#include "base/metadata.h"
#include "base/status.h"

namespace sterna {

struct MetadataOverride {
  std::string key;
  MetaValue value;  ///< i64, f64, bool or string
};

/// TYPE is int, float, bool or str. InvalidArgument for another TYPE, a value that is none of it, or no KEY.
Result<MetadataOverride> ParseMetadataOverride(std::string_view text);

/// Sets the key. A number takes the width that the key has already; a new key becomes u32, i32 where negative, i64 where wider, or
/// f32. InvalidArgument where the key holds another kind of value, an array, or a width too small.
Status ApplyOverride(const MetadataOverride& change, Metadata* metadata);

}  // namespace sterna

#endif  // STERNA_CONVERT_METADATA_OVERRIDE_H_
