#include "formats/weight_source.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "formats/content_kind.h"
#include "formats/gguf_source_internal.h"
#include "formats/safetensors_source_internal.h"

namespace sterna {

Result<std::shared_ptr<const WeightSource>> OpenWeights(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return NotFound(fmt::format("'{}': no such file or directory", path));
  }
  if (status.type() == std::filesystem::file_type::directory) return OpenCheckpointDirectory(path);
  STERNA_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  const ContentKind kind = KindOfContent(file->bytes());
  // The name decides only which parser explains what is wrong with the content.
  if (kind == ContentKind::kSafetensors) return OpenSafetensors(std::move(file));
  if (kind == ContentKind::kGguf || path.ends_with(".gguf")) return OpenGguf(std::move(file));
  if (path.ends_with(".safetensors")) return OpenSafetensors(std::move(file));
  return Malformed(fmt::format("{}: expected a GGUF or safetensors file, found {}", path, DescribeContent(file->bytes())));
}

}  // namespace sterna
