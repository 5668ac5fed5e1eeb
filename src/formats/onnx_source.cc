#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "base/checked_math.h"
#include "formats/beneath_folder.h"
#include "formats/onnx_reader.h"
#include "formats/onnx_source_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

/// The external files of one model, each mapped once.
class ExternalFiles {
 public:
  ExternalFiles(std::string folder, FileSourceParts* parts) : folder_(std::move(folder)), parts_(*parts) {}

  /// `bytes` of the file from the offset on.
  Result<std::span<const std::byte>> Bytes(const OnnxExternalData& external, uint64_t bytes) {
    if (external.length && *external.length != bytes) {
      return Malformed(fmt::format("external_data: length: expected {}, found {}", bytes, *external.length));
    }
    auto found = files_.find(external.location);
    if (found == files_.end()) {
      STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, OpenBeneath(folder_, external.location));
      parts_.files.push_back(file);
      found = files_.emplace(external.location, std::move(file)).first;
    }
    const std::span<const std::byte> all = found->second->bytes();
    const auto end = CheckedAdd(external.offset, bytes);
    if (!end || *end > all.size()) {
      return Malformed(fmt::format("external_data: expected {} bytes at {} in {}, which has {}", bytes, external.offset,
                                   Quoted(external.location), all.size()));
    }
    return all.subspan(static_cast<size_t>(external.offset), static_cast<size_t>(bytes));
  }

 private:
  std::string folder_;
  FileSourceParts& parts_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

/// [rows, cols] elements of `size` bytes to [cols, rows], in tiles that stay in the first cache.
void Transpose(const std::byte* in, size_t rows, size_t cols, size_t size, std::byte* out) {
  constexpr size_t kTile = 64;
  for (size_t r0 = 0; r0 < rows; r0 += kTile) {
    for (size_t c0 = 0; c0 < cols; c0 += kTile) {
      for (size_t c = c0; c < std::min(cols, c0 + kTile); ++c) {
        for (size_t r = r0; r < std::min(rows, r0 + kTile); ++r)
          std::memcpy(out + (c * rows + r) * size, in + (r * cols + c) * size, size);
      }
    }
  }
}

Status AddWeight(OnnxWeight weight, ExternalFiles* external, FileSourceParts* parts) {
  if (weight.external) {
    STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(weight.dtype, weight.shape));
    STERNA_ASSIGN_OR_RETURN(weight.data, external->Bytes(*weight.external, static_cast<uint64_t>(bytes)));
  }
  if (weight.is_transposed) {
    STERNA_ASSIGN_OR_RETURN(Buffer copy, Buffer::Allocate(weight.data.size()));
    Transpose(weight.data.data(), static_cast<size_t>(weight.shape[0]), static_cast<size_t>(weight.shape[1]),
              static_cast<size_t>(Info(weight.dtype).block_bytes), copy.data());
    auto owner = std::make_shared<const Buffer>(std::move(copy));
    weight.data = owner->bytes();
    parts->buffers.push_back(std::move(owner));
    std::swap(weight.shape[0], weight.shape[1]);
  }
  parts->entries.push_back(
      {.name = std::move(weight.name), .dtype = weight.dtype, .shape = std::move(weight.shape), .data = weight.data});
  return Status::Ok();
}

}  // namespace

Status AddOnnxWeights(std::shared_ptr<const MappedFile> file, FileSourceParts* parts) {
  const std::string path = file->path();
  STERNA_ASSIGN_OR_RETURN(OnnxContents contents, ParseOnnx(file->bytes(), path));
  parts->files.push_back(std::move(file));
  if (parts->metadata.items().empty()) parts->metadata = std::move(contents.metadata);
  ExternalFiles external(std::filesystem::path(path).parent_path().string(), parts);
  for (OnnxWeight& weight : contents.weights) {
    const std::string where = fmt::format("{}: tensor {}", path, Quoted(weight.name));
    STERNA_RETURN_IF_ERROR(AddWeight(std::move(weight), &external, parts).WithContext(where));
  }
  return Status::Ok();
}

}  // namespace sterna
