#include "api/model_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include "hub/cached_models.h"
#include "hub/model_reference.h"
#include "hub/settings.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

/// The name, where `model` is one and no path. A file's ending makes it a path, so that a mistyped one is called missing.
std::optional<ModelReference> HubName(const std::string& model) {
  static constexpr std::array<std::string_view, 6> kFileEndings = {".gguf", ".safetensors", ".json", ".jinja", ".j2", ".model"};
  std::error_code error;
  // A name too long for a path is an error here, and no name either.
  if (fs::exists(fs::symlink_status(model, error)) || error.value() == ENAMETOOLONG) return std::nullopt;
  const bool is_file = std::any_of(kFileEndings.begin(), kFileEndings.end(),
                                   [&](std::string_view ending) { return std::string_view(model).ends_with(ending); });
  const bool has_owner = model.find('/') != std::string::npos;
  // org/repo:file.gguf names a file of a repository.
  if (!has_owner || (is_file && model.find(':') == std::string::npos)) return std::nullopt;
  const Result<ModelReference> reference = ParseModelReference(model);
  if (!reference.ok()) return std::nullopt;
  return *reference;
}

Result<std::string> FindInCache(const ModelReference& reference) {
  STERNA_ASSIGN_OR_RETURN(std::string folder, HubCacheFolder(ProcessEnvironment));
  return FindCachedModel(Cache(std::move(folder)), reference);
}

}  // namespace

Result<std::string> FindModelPath(const std::string& model) {
  const auto reference = HubName(model);
  if (!reference) return model;
  const Result<std::string> found = FindInCache(*reference);
  if (found.ok()) return found;
  return Status(found.status().code(), fmt::format("'{}': no such file, and no such model: {}", model, found.status().message()));
}

bool IsAbsentModelName(const std::string& argument) {
  const auto reference = HubName(argument);
  return reference && FindInCache(*reference).status().code() == StatusCode::kNotFound;
}

}  // namespace sterna
