#include "hub/cache.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "hub/model_reference.h"
#include "hub/quoted.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;
constexpr size_t kMaxSnapshotFiles = 200'000;
constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of the Hugging Face Hub; backups may leave it out.\n";

Status MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return IoError(fmt::format("{}: cannot make the folder: {}", path.string(), error.message()));
  return Status::Ok();
}

bool IsBelow(const fs::path& path, const fs::path& folder) {
  const auto [end, ignored] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end();
}

/// What a file of a snapshot stands for. Content outside the cache is a problem, because a cache that others can write, or an
/// unpacked archive, could otherwise lead anywhere.
SnapshotFile Describe(const fs::path& path, std::string relative, const fs::path& root, const fs::path& repo) {
  SnapshotFile file;
  file.path = std::move(relative);
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  struct stat status {};
  if (error || stat(target.c_str(), &status) != 0) {
    file.problem = "a link to nothing";
  } else if (!S_ISREG(status.st_mode)) {
    file.problem = "not a regular file";
  } else if (!IsBelow(target, root) && !IsBelow(target, repo)) {
    file.problem = "a link out of the cache";
  } else {
    file.blob = target.string();
    file.size = static_cast<uint64_t>(status.st_size);
    file.used = status.st_atime;
    file.changed = status.st_mtime;
  }
  return file;
}

}  // namespace

std::string Cache::RepoFolder(std::string_view repo) const {
  return fmt::format("{}/{}", root_, RepoFolderName(repo));
}
std::string Cache::BlobPath(std::string_view repo, std::string_view blob) const {
  return fmt::format("{}/blobs/{}", RepoFolder(repo), blob);
}
std::string Cache::LockPath(std::string_view repo, std::string_view blob) const {
  return fmt::format("{}/.locks/{}/{}.lock", root_, RepoFolderName(repo), blob);
}
std::string Cache::SnapshotFolder(std::string_view repo, std::string_view commit) const {
  return fmt::format("{}/snapshots/{}", RepoFolder(repo), commit);
}

Result<std::string> Cache::ReadRef(std::string_view repo, std::string_view revision) const {
  const std::string path = fmt::format("{}/refs/{}", RepoFolder(repo), revision);
  STERNA_ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path, 256));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (!IsCommitHash(text)) return Malformed(fmt::format("{}: expected a commit hash, found {}", path, InQuotes(text)));
  return text;
}

Status Cache::WriteRef(std::string_view repo, std::string_view revision, std::string_view commit) const {
  if (revision == commit) return Status::Ok();
  if (const Result<std::string> there = ReadRef(repo, revision); there.ok() && *there == commit) return Status::Ok();
  const fs::path path = fmt::format("{}/refs/{}", RepoFolder(repo), revision);
  STERNA_RETURN_IF_ERROR(MakeFolder(path.parent_path()));
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(path.string()));
  STERNA_RETURN_IF_ERROR(file->Append(commit));
  return file->Commit();
}

Status Cache::LinkFile(std::string_view repo, std::string_view commit, std::string_view path, std::string_view blob) const {
  const fs::path link = fs::path(SnapshotFolder(repo, commit)) / path;
  STERNA_RETURN_IF_ERROR(MakeFolder(link.parent_path()));
  std::error_code error;
  if (!IsBelow(fs::canonical(link.parent_path(), error), fs::canonical(SnapshotFolder(repo, commit), error)) || error) {
    return Malformed(fmt::format("{}: a link in the cache leads out of the snapshot", link.string()));
  }
  std::string target = "../../blobs/";
  for (const char c : path) {
    if (c == '/') target.insert(0, "../");
  }
  target += blob;
  if (fs::read_symlink(link, error) == target) return Status::Ok();
  // Under another name first, so that the name is never missing for readers.
  const std::string temporary = fmt::format("{}.{}.link", link.string(), getpid());
  unlink(temporary.c_str());
  if (symlink(target.c_str(), temporary.c_str()) != 0)
    return IoErrorFromErrno(link.string() + ": cannot make a symbolic link", errno);
  if (rename(temporary.c_str(), link.c_str()) != 0) {
    const Status failed = IoErrorFromErrno(link.string(), errno);
    unlink(temporary.c_str());
    return failed;
  }
  return Status::Ok();
}

Status Cache::MakeFolders(std::string_view repo) const {
  STERNA_RETURN_IF_ERROR(MakeFolder(fs::path(RepoFolder(repo)) / "blobs"));
  STERNA_RETURN_IF_ERROR(MakeFolder(fs::path(RepoFolder(repo)) / "snapshots"));
  const std::string tag = root_ + "/CACHEDIR.TAG";
  std::error_code error;
  if (fs::exists(tag, error) || error) return Status::Ok();
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(tag));
  STERNA_RETURN_IF_ERROR(file->Append(kCacheTag));
  return file->Commit();
}

std::vector<std::string> Cache::BlobNames(std::string_view repo) const {
  std::vector<std::string> names;
  std::error_code error;
  const fs::path folder = fs::path(RepoFolder(repo)) / "blobs";
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string LinkedBlob(const std::string& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  return !error && target.parent_path().filename() == "blobs" ? target.filename().string() : std::string();
}

Result<std::vector<SnapshotFile>> ListSnapshot(const Cache& cache, std::string_view repo, std::string_view commit) {
  const fs::path folder = cache.SnapshotFolder(repo, commit);
  std::error_code error;
  if (!fs::is_directory(folder, error)) return NotFound(fmt::format("{}: no such snapshot", folder.string()));
  const fs::path root = fs::canonical(cache.root(), error);
  const fs::path real_repo = fs::canonical(cache.RepoFolder(repo), error);
  if (error) return IoError(fmt::format("{}: {}", cache.RepoFolder(repo), error.message()));
  std::vector<SnapshotFile> files;
  auto walk = fs::recursive_directory_iterator(folder, error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    if (walk.depth() >= kMaxDepth || files.size() >= kMaxSnapshotFiles) {
      return Malformed(fmt::format("{}: expected at most {} files in {} levels", folder.string(), kMaxSnapshotFiles, kMaxDepth));
    }
    std::error_code ignored;
    if (walk->is_directory(ignored) && !walk->is_symlink(ignored)) continue;
    files.push_back(Describe(walk->path(), walk->path().lexically_relative(folder).generic_string(), root, real_repo));
  }
  if (error) return IoError(fmt::format("{}: {}", folder.string(), error.message()));
  std::sort(files.begin(), files.end(), [](const SnapshotFile& a, const SnapshotFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace sterna
