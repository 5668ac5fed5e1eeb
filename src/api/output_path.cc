#include "api/output_path.h"

#include <fmt/format.h>

#include <filesystem>

namespace sterna {

namespace fs = std::filesystem;

Status CheckOutputPath(const std::string& path, bool overwrite) {
  if (path.empty()) return InvalidArgument("the name of the output file is empty");
  std::error_code error;
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, error)) {
    return NotFound(fmt::format("cannot write '{}': the folder '{}' does not exist", path, folder.string()));
  }
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Status::Ok();
  if (!fs::is_regular_file(status))
    return InvalidArgument(fmt::format("cannot write '{}': it exists and is no regular file", path));
  const auto bytes = fs::file_size(path, error);
  if (!overwrite && !error && bytes > 0) {
    return InvalidArgument(fmt::format("'{}' exists already ({} bytes); --force replaces it", path, bytes));
  }
  return Status::Ok();
}

}  // namespace sterna
