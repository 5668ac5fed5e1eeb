// The cache folder of huggingface_hub: where things lie in it, and writing them there.
#ifndef STERNA_HUB_CACHE_H_
#define STERNA_HUB_CACHE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// models--org--name/
///   blobs/HASH                    the content of every file, once
///   refs/main                     a commit hash
///   snapshots/COMMIT/PATH         a relative symbolic link to ../../blobs/HASH
/// .locks/models--org--name/HASH.lock
/// Names of repositories, revisions, blobs and files have passed the checks of model_reference.h, digest.h and file_name.h.
class Cache {
 public:
  explicit Cache(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string RepoFolder(std::string_view repo) const;
  std::string BlobPath(std::string_view repo, std::string_view blob) const;
  std::string LockPath(std::string_view repo, std::string_view blob) const;
  std::string SnapshotFolder(std::string_view repo, std::string_view commit) const;

  /// The commit of a ref. NotFound where there is none, Malformed where it holds no commit hash.
  Result<std::string> ReadRef(std::string_view repo, std::string_view revision) const;
  /// Atomically; nothing where `revision` is the commit itself or the ref is up to date.
  Status WriteRef(std::string_view repo, std::string_view revision, std::string_view commit) const;
  /// Makes the link snapshots/commit/path, in place of whatever file or link has that name.
  Status LinkFile(std::string_view repo, std::string_view commit, std::string_view path, std::string_view blob) const;
  /// Makes the folders of a repository, and the tag by which backup programs pass the cache over.
  Status MakeFolders(std::string_view repo) const;
  /// Names in blobs/, sorted: hashes, and downloads that have not ended ("HASH….incomplete").
  std::vector<std::string> BlobNames(std::string_view repo) const;

 private:
  std::string root_;
};

/// The name in blobs/ that a file of a snapshot links to; empty where it is no such link.
std::string LinkedBlob(const std::string& link);

/// One file of a snapshot.
struct SnapshotFile {
  std::string path;     ///< within the snapshot
  std::string blob;     ///< the path of what the link names, inside the cache; empty where there is a problem
  uint64_t size = 0;    ///< bytes of that
  int64_t used = 0;     ///< seconds since 1970: last access
  int64_t changed = 0;  ///< and last change
  std::string problem;  ///< "a link to nothing", "a link out of the cache": such a file is never opened
};

/// All files of snapshots/commit, sorted by path. NotFound where there is no such snapshot. Links to folders are not followed.
Result<std::vector<SnapshotFile>> ListSnapshot(const Cache& cache, std::string_view repo, std::string_view commit);

}  // namespace sterna

#endif  // STERNA_HUB_CACHE_H_
