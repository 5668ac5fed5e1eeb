// Writes the data section of a checkpoint: tensors planned ahead, bytes in any pieces, a file that is there whole or not at all.
#ifndef STERNA_FORMATS_TENSOR_STREAM_H_
#define STERNA_FORMATS_TENSOR_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "tensor/dtype.h"

namespace sterna {

/// A tensor that is going to be written.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  ///< row-major, as in TensorEntry
};

/// The part the writers of all formats share. One thread.
class TensorStream {
 public:
  /// Starts `path` with `header`. Tensor i takes bytes[i] and is followed by zeros up to a multiple of `alignment` in the file,
  /// which header.size() must be, too.
  static Result<TensorStream> Create(const std::string& path, std::string_view header, std::vector<std::string> names,
                                     std::vector<uint64_t> bytes, uint64_t alignment);

  /// Appends to `tensor`, which must be the first one that still lacks bytes. InvalidArgument for another tensor or too many bytes;
  /// Io from the disk.
  Status Write(std::string_view tensor, std::span<const std::byte> bytes);
  /// InvalidArgument, naming the tensor, where bytes are missing. Afterwards the file is complete under its name and safe on disk.
  Status Finish();
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  TensorStream() = default;
  Status CloseFinished();

  std::unique_ptr<AtomicFile> file_;
  std::vector<std::string> names_;
  std::vector<uint64_t> bytes_;
  uint64_t alignment_ = 1;
  uint64_t file_bytes_ = 0;  ///< of the finished file
  size_t current_ = 0;       ///< first tensor that lacks bytes
  uint64_t current_written_ = 0;
};

}  // namespace sterna

#endif  // STERNA_FORMATS_TENSOR_STREAM_H_
