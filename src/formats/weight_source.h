// What every checkpoint container looks like from above: metadata and named tensors whose bytes lie in a mapped file.
#ifndef STERNA_FORMATS_WEIGHT_SOURCE_H_
#define STERNA_FORMATS_WEIGHT_SOURCE_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "tensor/dtype.h"

namespace sterna {

struct TensorEntry {
  std::string name;
  DType dtype;
  Shape shape;                      ///< row-major, slowest axis first
  std::span<const std::byte> data;  ///< exactly TensorBytes(dtype, shape) bytes; valid as long as the source. GGUF aligns it to 8
                                    ///< bytes or more, safetensors promises nothing: copy before reading wider elements
};

/// A checked, immutable index over one or several mapped files. Every entry's bytes lie inside its file, no two overlap, names are
/// unique. Thread-safe.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// The container's own format: "GGUF" or "safetensors".
  virtual std::string_view format() const = 0;
  /// The file or directory the user named.
  virtual const std::string& path() const = 0;
  /// GGUF: its key-values, without the split.* keys of a series. A Hugging Face directory: config.json flattened with dots
  /// ("quantization_config.linear_class", rules in json_metadata.h), and generation_config.json under "generation_config.". A
  /// single safetensors file: the strings of its __metadata__.
  virtual const Metadata& metadata() const = 0;
  virtual std::span<const TensorEntry> entries() const = 0;
  /// Null where no tensor has this name.
  virtual const TensorEntry* Find(std::string_view name) const = 0;
  /// Gives the memory of all file pages back to the system, which reads them again where they are needed: for callers who made
  /// copies. Bytes and pointers stay valid. Nothing where no file is mapped.
  virtual void ReleasePages() const {}
  /// Malformed where a file behind this index changed since it was opened.
  virtual Status StillUnchanged() const = 0;
};

/// Opens a GGUF file (or the first part of a split one), a .safetensors file, or a directory with config.json and safetensors.
/// Decides by content, not by extension. Reads headers only: tensor bytes are mapped, not touched.
/// Errors name path, offset or field, expected and found: NotFound for a missing path, part or shard, or a directory without a
/// model; Malformed; Unsupported for tensor types, versions or byte orders; OutOfRange past a documented limit; Io. What looks like
/// another format (ZIP, pickle, an old GGML file, a Git LFS pointer, …) is called by its name.
Result<std::shared_ptr<const WeightSource>> OpenWeights(const std::string& path);

}  // namespace sterna

#endif  // STERNA_FORMATS_WEIGHT_SOURCE_H_
