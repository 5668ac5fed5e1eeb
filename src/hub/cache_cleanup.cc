#include "hub/cache_cleanup.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "hub/cached_models.h"
#include "hub/digest.h"
#include "hub/file_choice.h"
#include "hub/file_lock.h"
#include "hub/quoted.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

/// The first 64 or 40 digits of "HASH.sterna.incomplete", "HASH.1a2b3c4d.incomplete" or "HASH.incomplete".
std::string BlobOfPartial(const std::string& name) {
  return name.substr(0, name.find('.'));
}

bool IsThere(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

uint64_t BytesOf(const fs::path& path, bool is_partial) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<uint64_t>(is_partial ? status.st_blocks * 512 : status.st_size);
}

/// Collects what goes, and removes it at the end.
class Plan {
 public:
  void Add(const fs::path& path, uint64_t bytes = 0) {
    if (!IsThere(path)) return;
    removal_.paths.push_back(path.string());
    removal_.bytes += bytes;
  }

  Result<Removal> Finish(bool dry_run) {
    std::sort(removal_.paths.begin(), removal_.paths.end());
    for (const std::string& path : removal_.paths) {
      std::error_code error;
      if (!dry_run) fs::remove_all(path, error);
      if (error) return IoError(fmt::format("{}: cannot remove: {}", path, error.message()));
    }
    return std::move(removal_);
  }

 private:
  Removal removal_;
};

/// Whether another process downloads `blob` at this moment.
Result<bool> IsBusy(const Cache& cache, const std::string& repo, const std::string& blob) {
  const std::string path = cache.LockPath(repo, blob);
  if (!IsThere(path)) return false;
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, FileLock::TryAcquire(path));
  return lock == nullptr;
}

/// Blobs of `repo` that no file of a snapshot refers to, other than the files of `gone`.
Status AddUnreferencedBlobs(const Cache& cache, const CachedRepo& repo, const std::set<std::string>& gone, Plan* plan) {
  std::set<std::string> kept;
  for (const CachedRevision& revision : repo.revisions) {
    const fs::path folder = cache.SnapshotFolder(repo.repo, revision.commit);
    for (const SnapshotFile& file : revision.files) {
      const fs::path link = folder / file.path;
      if (!gone.contains(folder.string()) && !gone.contains(link.string())) kept.insert(LinkedBlob(link));
    }
  }
  for (const std::string& name : cache.BlobNames(repo.repo)) {
    if (name.ends_with(".incomplete") || kept.contains(name)) continue;
    STERNA_ASSIGN_OR_RETURN(const bool is_busy, IsBusy(cache, repo.repo, name));
    const fs::path path = cache.BlobPath(repo.repo, name);
    if (!is_busy) plan->Add(path, BytesOf(path, false));
  }
  return Status::Ok();
}

/// A download that has not ended and that nobody is at.
Status AddPartialDownloads(const Cache& cache, const std::string& repo, Plan* plan) {
  for (const std::string& name : cache.BlobNames(repo)) {
    const std::string blob = BlobOfPartial(name);
    if (!name.ends_with(".incomplete") || !DigestKindOf(blob).ok()) continue;
    STERNA_ASSIGN_OR_RETURN(const bool is_busy, IsBusy(cache, repo, blob));
    const fs::path path = cache.BlobPath(repo, name);
    if (!is_busy) plan->Add(path, BytesOf(path, true));
  }
  return Status::Ok();
}

uint64_t TotalBytes(const Cache& cache, const std::string& repo) {
  uint64_t bytes = 0;
  for (const std::string& name : cache.BlobNames(repo)) bytes += BytesOf(cache.BlobPath(repo, name), name.ends_with(".incomplete"));
  return bytes;
}

/// Removes the files of one quantization from every snapshot that has them.
Status AddQuantization(const Cache& cache, const CachedRepo& repo, const std::string& quant, std::set<std::string>* gone,
                       Plan* plan) {
  Status problem;
  for (const CachedRevision& revision : repo.revisions) {
    std::vector<std::string> paths;
    for (const SnapshotFile& file : revision.files) paths.push_back(file.path);
    const Result<FileChoice> choice = ChooseModelFiles(paths, quant);
    if (!choice.ok()) {
      problem = choice.status();
      continue;
    }
    for (const std::string& path : choice->paths) {
      const std::string link = cache.SnapshotFolder(repo.repo, revision.commit) + "/" + path;
      gone->insert(link);
      plan->Add(link);
    }
  }
  if (!gone->empty()) return Status::Ok();
  return NotFound(
      fmt::format("{}: in the cache {}: {}", repo.repo, cache.root(), problem.ok() ? "no snapshot" : problem.message()));
}

void AddRevision(const Cache& cache, const CachedRepo& repo, const CachedRevision& revision, std::set<std::string>* gone,
                 Plan* plan) {
  const std::string folder = cache.SnapshotFolder(repo.repo, revision.commit);
  gone->insert(folder);
  plan->Add(folder);
  plan->Add(fmt::format("{}/trees/{}.json", repo.folder, revision.commit));
  plan->Add(fmt::format("{}/.no_exist/{}", repo.folder, revision.commit));
  for (const std::string& ref : revision.refs) plan->Add(fmt::format("{}/refs/{}", repo.folder, ref));
}

}  // namespace

Result<Removal> RemoveModel(const Cache& cache, const ModelReference& reference, std::string_view revision, bool dry_run) {
  STERNA_ASSIGN_OR_RETURN(const CachedRepo repo, ScanRepo(cache, reference.repo));
  Plan plan;
  if (reference.quant.empty() && revision.empty()) {
    for (const std::string& name : cache.BlobNames(repo.repo)) {
      const bool is_partial = name.ends_with(".incomplete") && DigestKindOf(BlobOfPartial(name)).ok();
      const Result<bool> is_busy = is_partial ? IsBusy(cache, repo.repo, BlobOfPartial(name)) : Result<bool>(false);
      STERNA_RETURN_IF_ERROR(is_busy.status());
      if (*is_busy) return InvalidArgument(fmt::format("{}: another process is downloading it", repo.repo));
    }
    plan.Add(repo.folder, TotalBytes(cache, repo.repo));
    plan.Add(fmt::format("{}/.locks/{}", cache.root(), RepoFolderName(repo.repo)));
    return plan.Finish(dry_run);
  }
  std::set<std::string> gone;
  if (!revision.empty()) {
    const auto found = std::find_if(repo.revisions.begin(), repo.revisions.end(), [&](const CachedRevision& candidate) {
      return candidate.commit == revision ||
             std::find(candidate.refs.begin(), candidate.refs.end(), revision) != candidate.refs.end();
    });
    if (found == repo.revisions.end())
      return NotFound(fmt::format("{}: no revision {} in the cache", repo.repo, InQuotes(revision)));
    AddRevision(cache, repo, *found, &gone, &plan);
  } else {
    STERNA_RETURN_IF_ERROR(AddQuantization(cache, repo, reference.quant, &gone, &plan));
  }
  STERNA_RETURN_IF_ERROR(AddUnreferencedBlobs(cache, repo, gone, &plan));
  return plan.Finish(dry_run);
}

Result<Removal> PruneCache(const Cache& cache, bool dry_run) {
  STERNA_ASSIGN_OR_RETURN(const std::vector<CachedRepo> repos, ScanCache(cache));
  Plan plan;
  for (const CachedRepo& repo : repos) {
    std::set<std::string> gone;
    for (const CachedRevision& revision : repo.revisions) {
      if (revision.refs.empty()) {
        AddRevision(cache, repo, revision, &gone, &plan);
        continue;
      }
      for (const SnapshotFile& file : revision.files) {
        const std::string link = cache.SnapshotFolder(repo.repo, revision.commit) + "/" + file.path;
        if (file.problem == "a link to nothing") plan.Add(link);
      }
    }
    STERNA_RETURN_IF_ERROR(AddUnreferencedBlobs(cache, repo, gone, &plan));
    STERNA_RETURN_IF_ERROR(AddPartialDownloads(cache, repo.repo, &plan));
  }
  return plan.Finish(dry_run);
}

}  // namespace sterna
