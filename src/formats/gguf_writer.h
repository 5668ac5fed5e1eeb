// Writes GGUF version 3: metadata and the list of tensors first, then the bytes of one tensor after the other.
#ifndef STERNA_FORMATS_GGUF_WRITER_H_
#define STERNA_FORMATS_GGUF_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "formats/tensor_stream.h"

namespace sterna {

/// The file appears under its name when Finish returns, or not at all. Layout as llama.cpp and bitnet.cpp read it: offsets are the
/// running sum of the padded sizes, an I2_S tensor takes n/4 + 32 bytes. Padding is zero, so equal input gives equal files.
/// Memory: the header and one piece at a time. One thread.
class GgufWriter {
 public:
  /// Checks everything and writes the header. Key "general.alignment" in `metadata` is honoured (default 32).
  /// InvalidArgument where a reader would refuse the file: an empty or repeated name, names above 63 bytes (llama.cpp's limit), no
  /// dimension or more than four, a dimension below 1 or not a whole number of blocks, a bad alignment. Unsupported for types GGUF
  /// has no number for. Io from the disk.
  static Result<GgufWriter> Create(const std::string& path, const Metadata& metadata, std::span<const TensorSpec> tensors);

  /// Appends to `tensor`; tensors come in the planned order, each in as many pieces as the caller likes.
  Status Write(std::string_view tensor, std::span<const std::byte> bytes) { return stream_.Write(tensor, bytes); }
  /// InvalidArgument where bytes are missing. Once, at the end.
  Status Finish() { return stream_.Finish(); }
  /// Size of the finished file.
  uint64_t file_bytes() const { return stream_.file_bytes(); }

 private:
  explicit GgufWriter(TensorStream stream) : stream_(std::move(stream)) {}
  TensorStream stream_;
};

}  // namespace sterna

#endif  // STERNA_FORMATS_GGUF_WRITER_H_
