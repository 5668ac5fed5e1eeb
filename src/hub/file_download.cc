#include "hub/file_download.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include "hub/digest.h"
#include "hub/file_lock.h"
#include "hub/partial_file.h"
#include "hub/quoted.h"

namespace sterna {
namespace {

// Less than this in one attempt is no progress: a server that sends a byte at a time must not keep us for ever.
constexpr uint64_t kProgressBytes = uint64_t{1} << 20;

std::string PartialPath(const Cache& cache, const std::string& repo, const RepoFile& file) {
  return cache.BlobPath(repo, file.blob) + ".sterna.incomplete";
}

/// One download. Worker threads take parts until none is left or one of them fails.
class Download {
 public:
  Download(DownloadContext* context, const RepoFile& file, PartialFile* partial)
      : context_(context), file_(file), partial_(partial), keep_going_([this] { return !stop_ && context_->keep_going(); }) {}

  Status Run(int connections) {
    const bool has_ranges = partial_->parts() > 1 || partial_->total_done() > 0;
    Status status = has_ranges ? FetchParts(connections) : FetchWhole();
    if (status.code() == StatusCode::kUnsupported && status.message() == kRangesRefused) {
      context_->arrived -= partial_->total_done();
      STERNA_RETURN_IF_ERROR(partial_->Restart());
      status = FetchWhole();
    }
    return status;
  }

 private:
  Status FetchParts(int connections) {
    const size_t count = std::min<size_t>(static_cast<size_t>(std::max(connections, 1)), partial_->parts());
    std::vector<std::jthread> workers;
    for (size_t i = 1; i < count; ++i) workers.emplace_back([this] { Work(); });
    Work();
    workers.clear();  // joins
    for (size_t part = 0; part < partial_->parts(); ++part) STERNA_RETURN_IF_ERROR(partial_->Save(part));
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  void Work() {
    Status status;
    auto connection = context_->Connect(keep_going_);
    if (!connection.ok()) status = connection.status();
    while (status.ok()) {
      const size_t part = next_part_++;
      if (part >= partial_->parts()) return;
      status = FetchPart(**connection, part);
    }
    const std::lock_guard lock(mutex_);
    // The others end as cancelled; the first reason is the one to tell.
    if (failure_.ok()) failure_ = status;
    stop_ = true;
  }

  Status FetchPart(HubConnection& connection, size_t part) {
    if (partial_->part_done(part) == partial_->part_size(part)) return Status::Ok();
    return Retry(context_->settings.retry_ms, keep_going_, [&] {
      const uint64_t before = partial_->part_done(part);
      const ByteRange range{partial_->part_first(part) + before, partial_->part_size(part) - before};
      Attempt attempt = connection.Download(context_->repo, context_->commit, file_, range,
                                            [&](std::span<const std::byte> bytes) { return Append(part, bytes); });
      attempt.made_progress = partial_->part_done(part) - before >= kProgressBytes;
      return attempt;
    });
  }

  /// In one piece, from its beginning each time.
  Status FetchWhole() {
    STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<HubConnection> connection, context_->Connect(context_->keep_going));
    return Retry(context_->settings.retry_ms, context_->keep_going, [&]() -> Attempt {
      if (const uint64_t done = partial_->total_done(); done > 0) {
        context_->arrived -= done;
        if (Status restarted = partial_->Restart(); !restarted.ok()) return restarted;
      }
      size_t part = 0;
      return connection->Download(context_->repo, context_->commit, file_, std::nullopt, [&](std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
          const uint64_t room = partial_->part_size(part) - partial_->part_done(part);
          const auto piece = bytes.first(static_cast<size_t>(std::min<uint64_t>(room, bytes.size())));
          STERNA_RETURN_IF_ERROR(Append(part, piece));
          bytes = bytes.subspan(piece.size());
          if (partial_->part_done(part) == partial_->part_size(part)) ++part;
        }
        return Status::Ok();
      });
    });
  }

  Status Append(size_t part, std::span<const std::byte> bytes) {
    STERNA_RETURN_IF_ERROR(partial_->Append(part, bytes));
    context_->arrived += bytes.size();
    context_->received += bytes.size();
    return Status::Ok();
  }

  DownloadContext* context_;
  const RepoFile& file_;
  PartialFile* partial_;
  std::function<bool()> keep_going_;
  std::atomic<size_t> next_part_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  Status failure_;  // guarded by mutex_
};

Status CheckDigest(const PartialFile& partial, const RepoFile& file, const std::function<bool()>& keep_going) {
  STERNA_ASSIGN_OR_RETURN(const DigestKind kind, DigestKindOf(file.blob));
  STERNA_ASSIGN_OR_RETURN(const std::string found, FileDigest(partial.descriptor(), file.size, kind, keep_going));
  if (found == file.blob) return Status::Ok();
  return Malformed(
      fmt::format("{}: expected content with the hash {}, found {}; nothing of it is kept", InQuotes(file.path), file.blob, found));
}

}  // namespace

Result<std::unique_ptr<HubConnection>> DownloadContext::Connect(const std::function<bool()>& until) const {
  STERNA_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, make_client(until));
  return std::make_unique<HubConnection>(settings, std::move(client), until);
}

bool HasBlob(const Cache& cache, const std::string& repo, const RepoFile& file) {
  struct stat status {};
  return stat(cache.BlobPath(repo, file.blob).c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         static_cast<uint64_t>(status.st_size) == file.size;
}

uint64_t PartialBytes(const Cache& cache, const std::string& repo, const RepoFile& file) {
  struct stat status {};
  if (lstat(PartialPath(cache, repo, file).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return std::min(file.size, static_cast<uint64_t>(status.st_blocks) * 512);
}

Status DownloadFile(DownloadContext* context, const RepoFile& file, int connections, bool force) {
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                          FileLock::Acquire(context->cache.LockPath(context->repo, file.blob), context->keep_going));
  // Another process may have finished it meanwhile.
  if (!force && HasBlob(context->cache, context->repo, file)) {
    context->arrived += file.size;
    return Status::Ok();
  }
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<PartialFile> partial,
                          PartialFile::Open(PartialPath(context->cache, context->repo, file), file.size, context->part_bytes));
  context->arrived += partial->total_done();
  Download download(context, file, partial.get());
  if (Status status = download.Run(connections); !status.ok()) {
    // What lacks a single byte of content is not worth a file.
    if (partial->total_done() == 0) partial->Discard();
    return status;
  }
  const Status checked = CheckDigest(*partial, file, context->keep_going);
  if (checked.code() == StatusCode::kMalformed) {
    context->arrived -= file.size;
    partial->Discard();
  }
  STERNA_RETURN_IF_ERROR(checked);
  return partial->Publish(context->cache.BlobPath(context->repo, file.blob));
}

}  // namespace sterna
