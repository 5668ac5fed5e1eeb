#include "formats/tensor_stream.h"

#include <fmt/format.h>

#include <array>
#include <cassert>

#include "base/checked_math.h"
#include "formats/quoted.h"

namespace sterna {

Result<TensorStream> TensorStream::Create(const std::string& path, std::string_view header, std::vector<std::string> names,
                                          std::vector<uint64_t> bytes, uint64_t alignment) {
  assert(header.size() % alignment == 0 && names.size() == bytes.size());
  TensorStream stream;
  stream.file_bytes_ = header.size();
  for (const uint64_t tensor_bytes : bytes) stream.file_bytes_ += RoundUp(tensor_bytes, alignment);
  STERNA_ASSIGN_OR_RETURN(stream.file_, AtomicFile::Create(path));
  STERNA_RETURN_IF_ERROR(stream.file_->Append(header));
  stream.names_ = std::move(names);
  stream.bytes_ = std::move(bytes);
  stream.alignment_ = alignment;
  STERNA_RETURN_IF_ERROR(stream.CloseFinished());
  return stream;
}

Status TensorStream::CloseFinished() {
  static constexpr std::array<std::byte, 4096> kZeros{};
  while (current_ < bytes_.size() && current_written_ == bytes_[current_]) {
    uint64_t padding = RoundUp(current_written_, alignment_) - current_written_;
    while (padding > 0) {
      const uint64_t piece = std::min<uint64_t>(padding, kZeros.size());
      STERNA_RETURN_IF_ERROR(file_->Append(std::span(kZeros).first(piece)));
      padding -= piece;
    }
    ++current_;
    current_written_ = 0;
  }
  return Status::Ok();
}

Status TensorStream::Write(std::string_view tensor, std::span<const std::byte> bytes) {
  // Tensors of size zero are finished before anybody can name them.
  if (bytes.empty()) return Status::Ok();
  if (current_ == names_.size() || names_[current_] != tensor) {
    return InvalidArgument(fmt::format("tensor {}: expected the bytes of {}", Quoted(tensor),
                                       current_ == names_.size() ? "no further tensor" : Quoted(names_[current_])));
  }
  if (bytes.size() > bytes_[current_] - current_written_) {
    return InvalidArgument(fmt::format("tensor {}: expected {} bytes, found at least {}", Quoted(tensor), bytes_[current_],
                                       current_written_ + bytes.size()));
  }
  STERNA_RETURN_IF_ERROR(file_->Append(bytes));
  current_written_ += bytes.size();
  return CloseFinished();
}

Status TensorStream::Finish() {
  if (current_ != names_.size()) {
    return InvalidArgument(
        fmt::format("tensor {}: expected {} bytes, found {}", Quoted(names_[current_]), bytes_[current_], current_written_));
  }
  return file_->Commit();
}

}  // namespace sterna
