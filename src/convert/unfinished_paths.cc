#include "convert/unfinished_paths.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/file.h"

namespace sterna {

UnfinishedPaths::~UnfinishedPaths() {
  std::error_code ignored;
  for (const auto& [temporary, final_name] : pairs_) std::filesystem::remove_all(temporary, ignored);
}

Status UnfinishedPaths::Publish() {
  while (!pairs_.empty()) {
    const auto& [temporary, final_name] = pairs_.back();
    if (std::rename(temporary.c_str(), final_name.c_str()) != 0) {
      return IoErrorFromErrno(fmt::format("cannot rename to '{}'", final_name), errno);
    }
    pairs_.pop_back();
  }
  return Status::Ok();
}

Status WriteTextFile(const std::string& path, std::string_view text) {
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(path));
  STERNA_RETURN_IF_ERROR(file->Append(text));
  return file->Commit();
}

Status MakeRoomForDirectory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(directory, error);
  if (!std::filesystem::exists(status)) return Status::Ok();
  const bool is_empty = std::filesystem::is_directory(status) && std::filesystem::is_empty(directory, error) && !error;
  if (is_empty && std::filesystem::remove(directory, error)) return Status::Ok();
  return InvalidArgument(fmt::format("'{}' exists already and is no empty folder: choose another name", directory));
}

}  // namespace sterna
