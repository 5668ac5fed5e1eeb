// A model of the hub into the cache: resolve the revision, choose files, download and check them, link them into a snapshot.
#ifndef STERNA_HUB_PULL_H_
#define STERNA_HUB_PULL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "hub/http_client.h"
#include "hub/listing.h"
#include "hub/model_reference.h"
#include "hub/settings.h"

namespace sterna {

struct PullProgress {
  std::string_view activity;  ///< the file that was begun last
  uint64_t bytes_done = 0, bytes_total = 0;
  size_t files_done = 0, files_total = 0;
};

struct PullRequest {
  ModelReference model;
  std::string revision = "main";
  std::vector<std::string> include;  ///< patterns of files to take, in place of the model's own
  std::vector<std::string> exclude;  ///< patterns of files to leave out
  bool dry_run = false;              ///< ask and choose, download nothing
  bool force = false;                ///< download what is cached, too
  int connections = 4;               ///< at once
  uint64_t part_bytes = uint64_t{32} << 20;
  std::function<bool()> keep_going;                   ///< thread-safe; false: end with Cancelled
  std::function<void(const PullProgress&)> progress;  ///< called about ten times a second, by the calling thread
  std::function<void(const RepoFile&)> on_file;       ///< a file is there, whole and checked; by the calling thread
  HttpClientFactory make_client = MakeCurlClient;
};

struct PulledFile {
  RepoFile file;
  bool was_cached = false;
};

struct PullReport {
  std::string repo, revision, commit;
  std::string snapshot;           ///< the folder of the files
  std::string model;              ///< what to open: a GGUF file of it, or the folder; empty in a dry run
  std::vector<PulledFile> files;  ///< that were chosen, sorted by path
  uint64_t bytes = 0;             ///< of all of them
  uint64_t bytes_to_fetch = 0;    ///< of those that were not cached
  uint64_t bytes_received = 0;    ///< over the network
};

/// Every chosen file is in the cache when this returns ok; the ref and the snapshot's links are made only then. Errors:
/// InvalidArgument (a missing or gated repository, nothing that fits, with what to do), Io (the network, after repetitions),
/// Malformed (an answer that is wrong or contradicts itself, a wrong digest), ResourceExhausted (no room on the disk, asked before
/// the first byte), Cancelled. Offline (settings.offline) the cache alone is asked: NotFound where it lacks the model.
Result<PullReport> Pull(const HubSettings& settings, const PullRequest& request);

/// The files of a repository and its commit, without a download.
struct RemoteListing {
  std::string commit;
  std::vector<RepoFile> files;
};
Result<RemoteListing> ListRemote(const HubSettings& settings, const std::string& repo, const std::string& revision,
                                 const std::function<bool()>& keep_going, const HttpClientFactory& make_client = MakeCurlClient);

}  // namespace sterna

#endif  // STERNA_HUB_PULL_H_
