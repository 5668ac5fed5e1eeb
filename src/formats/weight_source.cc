#include "formats/weight_source.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "base/file.h"
#include "formats/checkpoint_directory_internal.h"
#include "formats/content_kind.h"
#include "formats/gguf_source_internal.h"
#include "formats/quoted.h"

namespace sterna {

Result<I2sLayout> I2sLayoutFromName(std::string_view name) {
  constexpr std::array kNames = {std::pair{"128", I2sLayout::kInterleaved128}, std::pair{"64", I2sLayout::kInterleaved64},
                                 std::pair{"4row", I2sLayout::kRows4}, std::pair{"sequential", I2sLayout::kSequential}};
  for (const auto& [known, layout] : kNames) {
    if (name == known) return layout;
  }
  return InvalidArgument(fmt::format("I2_S layout: expected 128, 64, 4row or sequential, found {}", Quoted(name)));
}

Result<std::shared_ptr<const WeightSource>> OpenWeights(const std::string& path, const OpenOptions& options) {
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
  if (kind == ContentKind::kGguf || path.ends_with(".gguf")) return OpenGguf(std::move(file), options);
  if (path.ends_with(".safetensors")) return OpenSafetensors(std::move(file));
  if (kind == ContentKind::kZip) return OpenPyTorch(std::move(file));
  return Malformed(fmt::format("{}: expected a GGUF, safetensors or PyTorch file, found {}", path, DescribeContent(file->bytes())));
}

}  // namespace sterna
