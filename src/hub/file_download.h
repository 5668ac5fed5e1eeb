// One file from the hub into the cache: resumed, in parallel ranges, and checked before it gets its name.
#ifndef STERNA_HUB_FILE_DOWNLOAD_H_
#define STERNA_HUB_FILE_DOWNLOAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "hub/cache.h"
#include "hub/hub_connection.h"
#include "hub/listing.h"

namespace sterna {

/// What the downloads of one pull share.
struct DownloadContext {
  const HubSettings& settings;
  const Cache& cache;
  std::string repo, commit;
  uint64_t part_bytes = 0;            ///< of one range request
  HttpClientFactory make_client;      ///< of connections to the hub
  std::function<bool()> keep_going;   ///< thread-safe
  std::atomic<uint64_t> arrived{0};   ///< bytes of all files so far, those of earlier runs included; falls where a file begins anew
  std::atomic<uint64_t> received{0};  ///< bytes that came over the network in this run

  /// For one thread; ends with Cancelled once `until` says no.
  Result<std::unique_ptr<HubConnection>> Connect(const std::function<bool()>& until) const;
};

/// Makes blobs/HASH of `file`, unless it is there with the right size and `force` is not set. Waits for another process that is at
/// the same file. Up to `connections` ranges at once where the file has several parts. What has arrived stays in
/// blobs/HASH.sterna.incomplete when the download fails, and the next one goes on from there; a file whose digest is wrong leaves
/// nothing. Malformed for a wrong digest.
Status DownloadFile(DownloadContext* context, const RepoFile& file, int connections, bool force);

/// Whether the cache has the content, as far as its size tells.
bool HasBlob(const Cache& cache, const std::string& repo, const RepoFile& file);

/// Bytes on the disk of what an earlier run left of `file`.
uint64_t PartialBytes(const Cache& cache, const std::string& repo, const RepoFile& file);

}  // namespace sterna

#endif  // STERNA_HUB_FILE_DOWNLOAD_H_
