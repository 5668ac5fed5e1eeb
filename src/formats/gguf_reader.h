// Reads a GGUF file (versions 2 and 3) that lies in memory: metadata and a checked list of tensors.
#ifndef STERNA_FORMATS_GGUF_READER_H_
#define STERNA_FORMATS_GGUF_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "formats/weight_source.h"

namespace sterna {

// Limits no real model comes near; a file past one of them is refused before memory is taken for it.
inline constexpr uint64_t kGgufMaxKeyBytes = 65535;
inline constexpr uint64_t kGgufMaxTensorNameBytes = 4096;
inline constexpr uint64_t kGgufMaxMetadataBytes = uint64_t{256} << 20;  ///< all strings together, and all arrays together
inline constexpr uint64_t kGgufMaxChatTemplateBytes = uint64_t{1} << 20;
inline constexpr uint32_t kGgufMaxDimensions = 4;
inline constexpr uint32_t kGgufDefaultAlignment = 32, kGgufMinAlignment = 8, kGgufMaxAlignment = 65536;

struct GgufContents {
  uint32_t version = 0;
  uint64_t alignment = 0;            ///< of every tensor's offset, in bytes
  uint64_t data_offset = 0;          ///< where the data section starts in the file
  Metadata metadata;                 ///< in file order, value types kept
  std::vector<TensorEntry> tensors;  ///< in file order; shapes row-major (a file lists the fastest axis first); data within `bytes`
};

/// Parses `bytes`, the whole content of the file that messages call `name`. Layout: ggml/docs/gguf.md; tensors may lie in any order
/// and with gaps between them, but not overlap. Refused although other readers accept them: keys or tensor names that are empty,
/// not UTF-8 or hold NUL, bools other than 0 and 1, arrays of arrays, dimensions of 0, tensors without dimensions, alignments that
/// are not a u32 power of two from 8 to 65536, and a chat template above 1 MiB or not UTF-8.
/// Where engines gave a type id different meanings, the one whose sizes fit the gaps between tensors is taken, mainline's before
/// the others. `options` decides what the file leaves open.
/// Errors: Malformed (FILE: byte N: field: expected, found); Unsupported for another version, byte order or tensor type; OutOfRange
/// past a limit above. Memory while refusing stays in proportion to the bytes that were read, whatever counts the file claims.
Result<GgufContents> ParseGguf(std::span<const std::byte> bytes, std::string_view name, const OpenOptions& options = {});

}  // namespace sterna

#endif  // STERNA_FORMATS_GGUF_READER_H_
