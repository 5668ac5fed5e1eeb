// Writes safetensors: the header from a plan, then the bytes of one tensor after the other.
#ifndef STERNA_FORMATS_SAFETENSORS_WRITER_H_
#define STERNA_FORMATS_SAFETENSORS_WRITER_H_

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

/// The file appears under its name when Finish returns, or not at all. Tensors lie in the planned order without gaps, as the format
/// demands: a plan whose wider element types come first keeps every tensor aligned to its element. One thread.
class SafetensorsWriter {
 public:
  /// `metadata` goes to __metadata__ and may hold strings only. InvalidArgument for a name that is empty, repeated, not UTF-8 or
  /// "__metadata__", and for a negative dimension; Unsupported for block encodings; Io from the disk.
  static Result<SafetensorsWriter> Create(const std::string& path, const Metadata& metadata, std::span<const TensorSpec> tensors);

  /// Appends to `tensor`; tensors come in the planned order, each in as many pieces as the caller likes.
  Status Write(std::string_view tensor, std::span<const std::byte> bytes) { return stream_.Write(tensor, bytes); }
  /// InvalidArgument where bytes are missing. Once, at the end.
  Status Finish() { return stream_.Finish(); }
  /// Size of the finished file.
  uint64_t file_bytes() const { return stream_.file_bytes(); }

 private:
  explicit SafetensorsWriter(TensorStream stream) : stream_(std::move(stream)) {}
  TensorStream stream_;
};

}  // namespace sterna

#endif  // STERNA_FORMATS_SAFETENSORS_WRITER_H_
