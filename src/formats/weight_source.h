// What every checkpoint container looks like from above: metadata and named tensors whose bytes lie in a mapped file.
#ifndef STERNA_FORMATS_WEIGHT_SOURCE_H_
#define STERNA_FORMATS_WEIGHT_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "tensor/dtype.h"
#include "tensor/tl_tiling.h"

namespace sterna {

/// What a file's bytes mean where the file itself does not say.
enum class I2sLayout : uint8_t {
  kInterleaved128,  ///< the published files, and bitnet.cpp on x86
  kInterleaved64,   ///< bitnet.cpp on ARM
  kRows4,           ///< bitnet.cpp on x86 without ACT_PARALLEL
  kSequential,      ///< the quantizer of newer bitnet.cpp
};

/// "128", "64", "4row" or "sequential"; InvalidArgument naming these for another word.
Result<I2sLayout> I2sLayoutFromName(std::string_view name);
/// The word that I2sLayoutFromName takes.
std::string_view I2sLayoutName(I2sLayout layout);

struct OpenOptions {
  I2sLayout i2s_layout = I2sLayout::kInterleaved128;
  std::vector<TlPreset> tl_presets =
      {};  ///< for TL1 and TL2 matrices of shapes that KnownTlTiling does not know, or knows otherwise
};

struct TensorEntry {
  std::string name;
  DType dtype;
  Shape shape;                      ///< row-major, slowest axis first
  std::span<const std::byte> data;  ///< exactly TensorBytes(dtype, shape) bytes; valid as long as the source. GGUF aligns it to 8
                                    ///< bytes or more, the others promise nothing: copy before reading wider elements
  std::optional<TlTiling> tiling = std::nullopt;  ///< of TL1 and TL2 where OpenOptions names one
};

/// A checked, immutable index over one or several mapped files. Every entry's bytes lie inside its file, names are unique; no
/// two overlap, but tied tensors of a PyTorch file are the same bytes. Thread-safe.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// The container's own format: "GGUF", "safetensors", "PyTorch" or "ONNX".
  virtual std::string_view format() const = 0;
  /// The file or directory the user named.
  virtual const std::string& path() const = 0;
  /// GGUF: its key-values, without the split.* keys of a series. A Hugging Face directory: config.json flattened with dots
  /// ("quantization_config.linear_class", rules in json_metadata.h), generation_config.json under "generation_config.",
  /// 1_Pooling/config.json under "pooling.". A single safetensors file: the strings of its __metadata__.
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

/// Opens a GGUF file (or the first part of a split one), a .safetensors file, a PyTorch zip file (.bin, .pt, .pth), an ONNX
/// model (its metadata is the config.json beside it, where there is one), or a directory with config.json and safetensors, PyTorch
/// or ONNX files. Decides by content, not by extension. Reads headers only: tensor bytes are mapped, not touched, except the
/// transposed matrices of an ONNX model, which are copied. Errors name path, offset or field, expected and found: NotFound for a
/// missing path, part or shard, or a directory without a model; Malformed; Unsupported for tensor types, versions or byte orders;
/// OutOfRange past a documented limit; Io. What looks like another format (ZIP, pickle, an old GGML file, a Git LFS pointer, …) is
/// called by its name.
Result<std::shared_ptr<const WeightSource>> OpenWeights(const std::string& path, const OpenOptions& options = {});

}  // namespace sterna

#endif  // STERNA_FORMATS_WEIGHT_SOURCE_H_
