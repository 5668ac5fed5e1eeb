// Reads a safetensors file that lies in memory: a checked list of tensors and the strings of its __metadata__.
#ifndef STERNA_FORMATS_SAFETENSORS_READER_H_
#define STERNA_FORMATS_SAFETENSORS_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "formats/weight_source.h"

namespace sterna {

inline constexpr uint64_t kSafetensorsMaxHeaderBytes = 100'000'000;       ///< as the reference implementation
inline constexpr uint64_t kSafetensorsMaxJsonBytes = uint64_t{32} << 20;  ///< of the header, without the spaces behind it
inline constexpr uint64_t kSafetensorsMaxTensors = 65536;
inline constexpr uint64_t kSafetensorsMaxNameBytes = 4096;
inline constexpr size_t kSafetensorsMaxDimensions = 64;

struct SafetensorsContents {
  uint64_t data_offset = 0;          ///< where the data starts in the file
  Metadata metadata;                 ///< the strings of __metadata__
  std::vector<TensorEntry> tensors;  ///< in the order of their data, which lies within `bytes`
};

/// Parses `bytes`, the whole content of the file that messages call `name`: u64 header length, JSON header, data
/// (huggingface/safetensors README, "Format"). Like the reference, demands that the tensors fill the data exactly: no overlap, hole
/// or tail. Shapes may be empty (a scalar) and dimensions 0. Refused although JSON libraries accept them: repeated names or keys,
/// lone surrogates, NUL in names, keys other than dtype, shape and data_offsets.
/// Errors: Malformed; Unsupported for float8, float6, float4 and complex types; OutOfRange past a limit above.
/// The data of a tensor is aligned to its element only where the writer saw to it.
Result<SafetensorsContents> ParseSafetensors(std::span<const std::byte> bytes, std::string_view name);

}  // namespace sterna

#endif  // STERNA_FORMATS_SAFETENSORS_READER_H_
