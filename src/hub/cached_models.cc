#include "hub/cached_models.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "hub/file_choice.h"
#include "hub/quoted.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;

/// Names of the entries of a folder, sorted; none where it cannot be read.
std::vector<std::string> EntriesOf(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Refs by the commit they hold.
std::map<std::string, std::vector<std::string>> ReadRefs(const Cache& cache, std::string_view repo,
                                                         std::vector<std::string>* problems) {
  std::map<std::string, std::vector<std::string>> refs;
  const fs::path folder = fs::path(cache.RepoFolder(repo)) / "refs";
  std::error_code error;
  for (auto walk = fs::recursive_directory_iterator(folder, error); !error && walk != fs::recursive_directory_iterator();
       walk.increment(error)) {
    if (walk.depth() >= kMaxDepth) walk.disable_recursion_pending();
    std::error_code ignored;
    if (!walk->is_regular_file(ignored)) continue;
    const std::string name = walk->path().lexically_relative(folder).generic_string();
    if (Result<std::string> commit = cache.ReadRef(repo, name); commit.ok()) {
      refs[*commit].push_back(name);
    } else {
      problems->emplace_back(commit.status().message());
    }
  }
  for (auto& [commit, names] : refs) std::sort(names.begin(), names.end());
  return refs;
}

/// Bytes of each file of blobs/, and of the partial ones among them.
void AddBlobs(const Cache& cache, CachedRepo* repo) {
  const fs::path folder = fs::path(cache.RepoFolder(repo->repo)) / "blobs";
  for (const std::string& name : EntriesOf(folder)) {
    struct stat status {};
    if (stat((folder / name).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    // A download that has not ended is sparse.
    const auto bytes = static_cast<uint64_t>(name.ends_with(".incomplete") ? status.st_blocks * 512 : status.st_size);
    repo->bytes += bytes;
    if (name.ends_with(".incomplete")) {
      repo->partial_bytes += bytes;
    } else {
      repo->used = std::max<int64_t>(repo->used, status.st_atime);
    }
  }
}

Result<CachedRevision> ScanRevision(const Cache& cache, const std::string& repo, const std::string& commit,
                                    std::vector<std::string>* problems) {
  CachedRevision revision;
  revision.commit = commit;
  STERNA_ASSIGN_OR_RETURN(revision.files, ListSnapshot(cache, repo, commit));
  std::set<std::string> counted;
  for (const SnapshotFile& file : revision.files) {
    if (!file.problem.empty())
      problems->push_back(fmt::format("{}: {}: {}", commit.substr(0, 8), OneLine(file.path), file.problem));
    if (file.blob.empty() || !counted.insert(file.blob).second) continue;
    revision.bytes += file.size;
    revision.changed = std::max(revision.changed, file.changed);
  }
  return revision;
}

/// The model in one snapshot; the text of the error says what it lacks.
Result<std::string> ModelIn(const Cache& cache, const std::string& repo, const std::string& commit, std::string_view quant) {
  STERNA_ASSIGN_OR_RETURN(const std::vector<SnapshotFile> files, ListSnapshot(cache, repo, commit));
  std::vector<std::string> paths;
  for (const SnapshotFile& file : files) paths.push_back(file.path);
  STERNA_ASSIGN_OR_RETURN(const FileChoice choice, ChooseModelFiles(paths, quant));
  for (const SnapshotFile& file : files) {
    if (!file.problem.empty() && std::binary_search(choice.paths.begin(), choice.paths.end(), file.path)) {
      return Malformed(fmt::format("{}: {}", file.path, file.problem));
    }
  }
  const std::string folder = cache.SnapshotFolder(repo, commit);
  return choice.entry.empty() ? folder : folder + "/" + choice.entry;
}

}  // namespace

Result<CachedRepo> ScanRepo(const Cache& cache, std::string_view repo) {
  CachedRepo found;
  found.repo = repo;
  found.folder = cache.RepoFolder(repo);
  std::error_code error;
  if (!fs::is_directory(found.folder, error)) return NotFound(fmt::format("{}: not in the cache {}", repo, cache.root()));
  auto refs = ReadRefs(cache, repo, &found.problems);
  for (const std::string& commit : EntriesOf(fs::path(found.folder) / "snapshots")) {
    if (!IsCommitHash(commit)) {
      found.problems.push_back(fmt::format("snapshots/{}: expected a commit hash", OneLine(commit)));
      continue;
    }
    STERNA_ASSIGN_OR_RETURN(CachedRevision revision, ScanRevision(cache, found.repo, commit, &found.problems));
    if (const auto named = refs.find(commit); named != refs.end()) {
      revision.refs = std::move(named->second);
      refs.erase(named);
    }
    found.revisions.push_back(std::move(revision));
  }
  for (const auto& [commit, names] : refs) {
    for (const std::string& name : names) found.problems.push_back(fmt::format("refs/{}: no snapshot of commit {}", name, commit));
  }
  std::stable_sort(found.revisions.begin(), found.revisions.end(),
                   [](const CachedRevision& a, const CachedRevision& b) { return a.changed > b.changed; });
  AddBlobs(cache, &found);
  return found;
}

Result<std::vector<CachedRepo>> ScanCache(const Cache& cache) {
  std::vector<CachedRepo> repos;
  for (const std::string& name : EntriesOf(cache.root())) {
    const auto repo = RepoOfFolderName(name);
    std::error_code ignored;
    if (!repo || !fs::is_directory(fs::path(cache.root()) / name, ignored)) continue;
    STERNA_ASSIGN_OR_RETURN(CachedRepo found, ScanRepo(cache, *repo));
    repos.push_back(std::move(found));
  }
  std::sort(repos.begin(), repos.end(), [](const CachedRepo& a, const CachedRepo& b) { return a.repo < b.repo; });
  return repos;
}

Result<std::string> FindCachedModel(const Cache& cache, const ModelReference& reference, std::string_view revision) {
  STERNA_ASSIGN_OR_RETURN(const CachedRepo repo, ScanRepo(cache, reference.repo));
  std::vector<std::string> commits;
  const Result<std::string> named = IsCommitHash(revision) ? Result<std::string>(std::string(revision))
                                                           : cache.ReadRef(reference.repo, revision.empty() ? "main" : revision);
  if (named.ok()) commits.push_back(*named);
  if (revision.empty()) {
    for (const CachedRevision& other : repo.revisions) {
      if (!named.ok() || other.commit != *named) commits.push_back(other.commit);
    }
  }
  std::string reason = revision.empty() ? "no snapshot" : fmt::format("no revision {}", InQuotes(revision));
  for (const std::string& commit : commits) {
    Result<std::string> found = ModelIn(cache, reference.repo, commit, reference.quant);
    if (found.ok()) return found;
    if (commit == commits.front()) reason = found.status().message();
  }
  return NotFound(fmt::format("{}: in the cache {}: {}", reference.repo, cache.root(), reason));
}

}  // namespace sterna
