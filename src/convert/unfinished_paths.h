// Files and folders that are being made: gone with the object, unless they were given their final names.
#ifndef STERNA_CONVERT_UNFINISHED_PATHS_H_
#define STERNA_CONVERT_UNFINISHED_PATHS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Pairs of a temporary and a final name, in one folder. One thread.
class UnfinishedPaths {
 public:
  UnfinishedPaths() = default;
  UnfinishedPaths(const UnfinishedPaths&) = delete;
  UnfinishedPaths& operator=(const UnfinishedPaths&) = delete;
  /// Removes what still has its temporary name, folders with all that is in them.
  ~UnfinishedPaths();

  void Add(std::string temporary, std::string final_name) { pairs_.emplace_back(std::move(temporary), std::move(final_name)); }
  /// Renames in reverse order: the first file of a series, by which all are opened, comes last. Where one rename fails, those
  /// before it stay and Io names it.
  Status Publish();

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// The whole file, or none.
Status WriteTextFile(const std::string& path, std::string_view text);

/// Ok where a new directory may take the name: nothing is there, or an empty folder, which is removed. Else InvalidArgument.
Status MakeRoomForDirectory(const std::string& directory);

}  // namespace sterna

#endif  // STERNA_CONVERT_UNFINISHED_PATHS_H_
