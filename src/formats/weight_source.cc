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
namespace {

constexpr std::array<std::string_view, 4> kI2sLayoutNames = {"128", "64", "4row", "sequential"};  // by I2sLayout

}  // namespace

Result<I2sLayout> I2sLayoutFromName(std::string_view name) {
  for (size_t i = 0; i < kI2sLayoutNames.size(); ++i) {
    if (name == kI2sLayoutNames[i]) return static_cast<I2sLayout>(i);
  }
  return InvalidArgument(fmt::format("I2_S layout: expected {}, found {}", fmt::join(kI2sLayoutNames, ", "), Quoted(name)));
}

std::string_view I2sLayoutName(I2sLayout layout) {
  return kI2sLayoutNames[static_cast<size_t>(layout)];
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
  if (path.ends_with(".onnx") || kind == ContentKind::kOnnx) return OpenOnnx(std::move(file));
  return Malformed(
      fmt::format("{}: expected a GGUF, safetensors, PyTorch or ONNX file, found {}", path, DescribeContent(file->bytes())));
}

}  // namespace sterna
