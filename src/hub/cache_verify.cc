#include "hub/cache_verify.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <system_error>

#include "base/function_ref.h"
#include "hub/cached_models.h"
#include "hub/digest.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

/// Opens a blob, which may itself be a link into the store that repositories share.
int OpenBlob(const Cache& cache, const std::string& path, std::string* problem) {
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  const fs::path root = error ? fs::path() : fs::canonical(cache.root(), error);
  const fs::path folder = error ? fs::path() : fs::canonical(fs::path(path).parent_path(), error);
  if (error) {
    *problem = error.message();
    return -1;
  }
  const auto is_below = [&](const fs::path& parent) {
    return std::mismatch(parent.begin(), parent.end(), target.begin(), target.end()).first == parent.end();
  };
  if (!is_below(root) && !is_below(folder)) {
    *problem = "a link out of the cache";
    return -1;
  }
  const int file = open(target.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) *problem = std::error_code(errno, std::system_category()).message();
  return file;
}

struct PendingCheck {
  BlobCheck check;
  std::string path;
};

/// Blobs of one repository with the files that are them.
std::vector<PendingCheck> ListChecks(const Cache& cache, const CachedRepo& repo) {
  std::map<std::string, std::vector<std::string>> usages;
  for (const CachedRevision& revision : repo.revisions) {
    for (const SnapshotFile& file : revision.files) {
      const fs::path link = fs::path(cache.SnapshotFolder(repo.repo, revision.commit)) / file.path;
      usages[LinkedBlob(link)].push_back(revision.commit + "/" + file.path);
    }
  }
  std::vector<PendingCheck> checks;
  for (const std::string& name : cache.BlobNames(repo.repo)) {
    if (name.ends_with(".incomplete")) continue;
    PendingCheck pending{{repo.repo, name, 0, BlobState::kGood, {}, usages[name]}, cache.BlobPath(repo.repo, name)};
    struct stat status {};
    if (stat(pending.path.c_str(), &status) == 0) pending.check.bytes = static_cast<uint64_t>(status.st_size);
    checks.push_back(std::move(pending));
  }
  return checks;
}

Status CheckBlob(const Cache& cache, PendingCheck* pending, FunctionRef<bool()> keep_going) {
  BlobCheck& check = pending->check;
  const Result<DigestKind> kind = DigestKindOf(check.blob);
  if (!kind.ok()) {
    check.state = BlobState::kUnknownName;
    check.detail = "the name is no hash";
    return Status::Ok();
  }
  check.state = BlobState::kUnreadable;
  const int file = OpenBlob(cache, pending->path, &check.detail);
  if (file < 0) return Status::Ok();
  struct stat status {};
  const bool is_regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const Result<std::string> digest =
      is_regular ? FileDigest(file, static_cast<uint64_t>(status.st_size), *kind, keep_going) : Unsupported("not a regular file");
  close(file);
  if (!digest.ok() && digest.status().code() == StatusCode::kCancelled) return digest.status();
  if (!digest.ok()) {
    check.detail = digest.status().message();
  } else if (*digest != check.blob) {
    check.state = BlobState::kDamaged;
    check.detail = fmt::format("its content has the hash {}", *digest);
  } else {
    check.state = BlobState::kGood;
  }
  return Status::Ok();
}

/// The links first: a link to nothing would be worse than a blob without links.
Status RemoveBlob(const Cache& cache, const PendingCheck& pending) {
  std::vector<std::string> paths;
  for (const std::string& usage : pending.check.usages) {
    paths.push_back(fmt::format("{}/snapshots/{}", cache.RepoFolder(pending.check.repo), usage));
  }
  paths.push_back(pending.path);
  for (const std::string& path : paths) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return IoErrorFromErrno(path + ": cannot remove", errno);
  }
  return Status::Ok();
}

}  // namespace

Result<std::vector<BlobCheck>> VerifyCache(const Cache& cache, std::string_view repo, bool remove_damaged,
                                           const std::function<bool(uint64_t done, uint64_t total)>& progress) {
  std::vector<CachedRepo> repos;
  if (repo.empty()) {
    STERNA_ASSIGN_OR_RETURN(repos, ScanCache(cache));
  } else {
    STERNA_ASSIGN_OR_RETURN(CachedRepo found, ScanRepo(cache, repo));
    repos.push_back(std::move(found));
  }
  std::vector<PendingCheck> pending;
  uint64_t total = 0, done = 0;
  for (const CachedRepo& found : repos) {
    for (PendingCheck& check : ListChecks(cache, found)) {
      total += check.check.bytes;
      pending.push_back(std::move(check));
    }
  }
  std::vector<BlobCheck> checks;
  for (PendingCheck& check : pending) {
    uint64_t hashed = done;
    const auto keep_going = [&] {
      const bool go_on = progress(hashed, total);
      hashed = std::min(hashed + (uint64_t{1} << 20), total);
      return go_on;
    };
    STERNA_RETURN_IF_ERROR(CheckBlob(cache, &check, keep_going));
    done += check.check.bytes;
    if (remove_damaged && check.check.state == BlobState::kDamaged) {
      STERNA_RETURN_IF_ERROR(RemoveBlob(cache, check));
    }
    checks.push_back(std::move(check.check));
  }
  return checks;
}

}  // namespace sterna
