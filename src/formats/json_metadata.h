// Turns a JSON document (a checkpoint's config.json) into Metadata with dotted keys.
#ifndef STERNA_FORMATS_JSON_METADATA_H_
#define STERNA_FORMATS_JSON_METADATA_H_

#include <string_view>

#include "base/metadata.h"
#include "base/status.h"

namespace sterna {

inline constexpr size_t kJsonMaxBytes = size_t{16} << 20;
inline constexpr size_t kJsonMaxDepth = 32;
inline constexpr size_t kJsonMaxKeys = 65536;

/// Flattens an object: {"a": {"b": 1}} becomes "a.b" = 1, each key with `prefix` in front ("" or, say, "generation_config.").
/// Integers become i64 (u64 from 2^63 on, f64 beyond that), other numbers f64; true and false become bool. An array whose elements
/// are all strings, all bools or all numbers becomes an array (of i64, of u64 where one needs it and none is negative, of f64 where
/// one is not an integer); any other array is flattened by position: "layers.0.kind". Null and empty arrays are left out, as their
/// type is unknown. `name` begins messages. Errors: Malformed for text that is not JSON, another root than an object, a key that
/// occurs twice or twice after flattening, or more than kJsonMaxDepth nested brackets; OutOfRange above kJsonMaxBytes (document, or
/// all flattened keys together) or kJsonMaxKeys.
Result<Metadata> FlattenJson(std::string_view json, std::string_view name, std::string_view prefix = {});

}  // namespace sterna

#endif  // STERNA_FORMATS_JSON_METADATA_H_
