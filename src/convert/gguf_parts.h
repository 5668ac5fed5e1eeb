// Writes tensors to one GGUF file, or to the numbered files of a series (llama.cpp gguf-split).
#ifndef STERNA_CONVERT_GGUF_PARTS_H_
#define STERNA_CONVERT_GGUF_PARTS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "convert/matrix_encoder.h"
#include "formats/tensor_stream.h"

namespace sterna {

/// 0: no limit.
struct SplitLimits {
  uint64_t max_bytes = 0;    ///< of the tensors in one file; a larger tensor has a file of its own
  uint64_t max_tensors = 0;  ///< in one file
};

/// How many tensors lie in each file, in order; one number where there are no limits. `sizes`: bytes of each tensor.
std::vector<size_t> CutIntoParts(std::span<const uint64_t> sizes, const SplitLimits& limits);

/// The names of `count` files for the output `path`: itself, or "PREFIX-00001-of-0000N.gguf" with PREFIX as `path` without ".gguf".
std::vector<std::string> PartPaths(const std::string& path, size_t count);

/// Writes the tensors to `paths`, the first parts[0] of them to paths[0] and so on; the metadata to the first file, split.* keys to
/// all of a series. `write` gives the bytes of the tensor with an index. Returns the bytes of all files. Errors: those of
/// GgufWriter.
Result<uint64_t> WriteGgufParts(const std::vector<std::string>& paths, std::span<const size_t> parts, const Metadata& metadata,
                                std::span<const TensorSpec> tensors,
                                const std::function<Status(size_t index, const PieceSink& sink)>& write);

}  // namespace sterna

#endif  // STERNA_CONVERT_GGUF_PARTS_H_
