#include "hub/pull.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include "base/checked_math.h"
#include "hub/cache.h"
#include "hub/cached_models.h"
#include "hub/file_choice.h"
#include "hub/file_download.h"
#include "hub/file_name.h"
#include "hub/quoted.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

// Beside the model's bytes: the counts of partial files, links and folders.
constexpr uint64_t kSpareBytes = uint64_t{16} << 20;

/// The paths that are asked for, and what to open of them.
Result<FileChoice> Choose(const PullRequest& request, const std::vector<RepoFile>& files) {
  std::vector<std::string> paths;
  for (const RepoFile& file : files) paths.push_back(file.path);
  FileChoice choice;
  if (request.include.empty()) {
    STERNA_ASSIGN_OR_RETURN(choice, ChooseModelFiles(paths, request.model.quant));
  } else {
    choice.paths = paths;
  }
  std::erase_if(choice.paths, [&](const std::string& path) { return !IsIncluded(path, request.include, request.exclude); });
  if (choice.paths.empty()) return InvalidArgument("no file matches --include and --exclude");
  if (!std::binary_search(choice.paths.begin(), choice.paths.end(), choice.entry)) choice.entry.clear();
  return choice;
}

/// Free bytes where `path`, or the nearest folder above it, lies.
Result<uint64_t> FreeBytes(const std::string& path) {
  fs::path folder = fs::absolute(path);
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  struct statvfs status {};
  if (statvfs(folder.c_str(), &status) != 0) return IoErrorFromErrno(folder.string(), errno);
  return CheckedMul<uint64_t>(status.f_bavail, status.f_frsize).value_or(UINT64_MAX);
}

Status CheckRoom(const Cache& cache, const std::string& repo, const std::vector<RepoFile>& missing) {
  uint64_t needed = kSpareBytes;
  for (const RepoFile& file : missing) {
    const auto sum = CheckedAdd(needed, file.size - PartialBytes(cache, repo, file));
    if (!sum) return ResourceExhausted(fmt::format("{}: more bytes than any disk has", repo));
    needed = *sum;
  }
  STERNA_ASSIGN_OR_RETURN(const uint64_t free, FreeBytes(cache.root()));
  if (needed <= free) return Status::Ok();
  return ResourceExhausted(
      fmt::format("{}: the download needs {} bytes, but where the cache {} lies {} are free", repo, needed, cache.root(), free));
}

/// Downloads the missing files. Worker threads take the small ones, one each; the large ones follow one by one, each in ranges. The
/// calling thread reports.
class Fetcher {
 public:
  Fetcher(DownloadContext* context, const PullRequest& request, std::vector<RepoFile> missing)
      : context_(context), request_(request), missing_(std::move(missing)) {
    const auto is_small = [&](const RepoFile& file) { return file.size <= context->part_bytes; };
    std::stable_partition(missing_.begin(), missing_.end(), is_small);
    small_ = static_cast<size_t>(std::count_if(missing_.begin(), missing_.end(), is_small));
    for (const RepoFile& file : missing_) total_ += file.size;
  }

  Status Run() {
    std::jthread worker([this] { Work(); });
    std::unique_lock lock(mutex_);
    while (!is_over_ || reported_ < finished_.size()) {
      changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return is_over_ || reported_ < finished_.size(); });
      Report(&lock);
    }
    return failure_;
  }

 private:
  void Work() {
    {
      std::vector<std::jthread> workers;
      const auto count = std::min<size_t>(static_cast<size_t>(std::max(request_.connections, 1)), small_);
      for (size_t i = 0; i < count; ++i) workers.emplace_back([this] { TakeSmallFiles(); });
    }
    for (size_t i = small_; i < missing_.size() && !HasFailed(); ++i) Finish(i, FetchOne(i, request_.connections));
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_one();
  }

  void TakeSmallFiles() {
    for (size_t i = next_++; i < small_ && !HasFailed(); i = next_++) Finish(i, FetchOne(i, 1));
  }

  Status FetchOne(size_t index, int connections) {
    {
      const std::lock_guard lock(mutex_);
      current_ = index;
    }
    return DownloadFile(context_, missing_[index], connections, request_.force);
  }

  void Finish(size_t index, const Status& status) {
    const std::lock_guard lock(mutex_);
    if (status.ok()) {
      finished_.push_back(index);
    } else if (failure_.ok()) {
      failure_ = status;
    }
    changed_.notify_one();
  }

  bool HasFailed() {
    const std::lock_guard lock(mutex_);
    return !failure_.ok();
  }

  void Report(std::unique_lock<std::mutex>* lock) {
    const std::vector<size_t> fresh(finished_.begin() + static_cast<std::ptrdiff_t>(reported_), finished_.end());
    reported_ = finished_.size();
    const PullProgress progress{missing_[current_].path, std::min<uint64_t>(context_->arrived, total_), total_, reported_,
                                missing_.size()};
    lock->unlock();
    if (request_.progress) request_.progress(progress);
    for (const size_t index : fresh) {
      if (request_.on_file) request_.on_file(missing_[index]);
    }
    lock->lock();
  }

  DownloadContext* context_;
  const PullRequest& request_;
  std::vector<RepoFile> missing_;
  size_t small_ = 0;
  uint64_t total_ = 0;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  size_t current_ = 0, reported_ = 0;
  std::vector<size_t> finished_;
  Status failure_;
  bool is_over_ = false;
};

/// Files to download, each content once.
std::vector<RepoFile> MissingOf(const PullReport& report) {
  std::vector<RepoFile> missing;
  std::set<std::string> blobs;
  for (const PulledFile& pulled : report.files) {
    if (!pulled.was_cached && blobs.insert(pulled.file.blob).second) missing.push_back(pulled.file);
  }
  return missing;
}

Result<PullReport> PullOffline(const HubSettings& settings, const PullRequest& request) {
  const Cache cache(settings.cache);
  Result<std::string> model = FindCachedModel(cache, request.model, request.revision);
  if (!model.ok()) return model.status().WithContext("offline (HF_HUB_OFFLINE)");
  PullReport report;
  report.repo = request.model.repo;
  report.revision = request.revision;
  report.model = *model;
  const Result<std::string> ref = cache.ReadRef(report.repo, request.revision);
  report.commit = ref.ok() ? *ref : request.revision;
  report.snapshot = cache.SnapshotFolder(report.repo, report.commit);
  return report;
}

Status LinkSnapshot(const Cache& cache, const PullReport& report) {
  for (const PulledFile& pulled : report.files) {
    STERNA_RETURN_IF_ERROR(cache.LinkFile(report.repo, report.commit, pulled.file.path, pulled.file.blob));
  }
  return cache.WriteRef(report.repo, report.revision, report.commit);
}

}  // namespace

Result<RemoteListing> ListRemote(const HubSettings& settings, const std::string& repo, const std::string& revision,
                                 const std::function<bool()>& keep_going, const HttpClientFactory& make_client) {
  STERNA_RETURN_IF_ERROR(CheckRevision(revision));
  STERNA_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, make_client(keep_going));
  HubConnection connection(settings, std::move(client), keep_going);
  RemoteListing listing;
  STERNA_ASSIGN_OR_RETURN(listing.commit, connection.ResolveRevision(repo, revision));
  STERNA_ASSIGN_OR_RETURN(listing.files, connection.ListFiles(repo, listing.commit));
  return listing;
}

Result<PullReport> Pull(const HubSettings& settings, const PullRequest& request) {
  STERNA_RETURN_IF_ERROR(CheckRevision(request.revision));
  if (settings.offline) return PullOffline(settings, request);
  const std::function<bool()> keep_going = [&request] { return !request.keep_going || request.keep_going(); };
  const std::string& repo = request.model.repo;
  STERNA_ASSIGN_OR_RETURN(const RemoteListing listing,
                          ListRemote(settings, repo, request.revision, keep_going, request.make_client));
  STERNA_ASSIGN_OR_RETURN(const FileChoice choice, Choose(request, listing.files).WithContext(repo));
  const Cache cache(settings.cache);
  PullReport report;
  report.repo = repo;
  report.revision = request.revision;
  report.commit = listing.commit;
  report.snapshot = cache.SnapshotFolder(repo, listing.commit);
  for (const RepoFile& file : listing.files) {
    if (!std::binary_search(choice.paths.begin(), choice.paths.end(), file.path)) continue;
    report.files.push_back({file, !request.force && HasBlob(cache, repo, file)});
    const auto sum = CheckedAdd(report.bytes, file.size);
    if (!sum) return Malformed(fmt::format("{}: the sizes of its files add up to more than 2^64 bytes", repo));
    report.bytes = *sum;
  }
  const std::vector<RepoFile> missing = MissingOf(report);
  for (const RepoFile& file : missing) report.bytes_to_fetch += file.size;
  if (request.dry_run) return report;
  STERNA_RETURN_IF_ERROR(CheckRoom(cache, repo, missing));
  STERNA_RETURN_IF_ERROR(cache.MakeFolders(repo));
  if (!missing.empty()) {
    DownloadContext context{settings,  cache, repo, listing.commit, std::max<uint64_t>(request.part_bytes, 1), request.make_client,
                            keep_going};
    Fetcher fetcher(&context, request, missing);
    STERNA_RETURN_IF_ERROR(fetcher.Run().WithContext(repo));
    report.bytes_received = context.received;
  }
  STERNA_RETURN_IF_ERROR(LinkSnapshot(cache, report));
  report.model = choice.entry.empty() ? report.snapshot : report.snapshot + "/" + choice.entry;
  return report;
}

}  // namespace sterna
