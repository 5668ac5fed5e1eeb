// Requests to the hub by one thread: redirects, repetitions, and what its refusals mean for the user.
#ifndef STERNA_HUB_HUB_CONNECTION_H_
#define STERNA_HUB_HUB_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "hub/http_client.h"
#include "hub/listing.h"
#include "hub/settings.h"

namespace sterna {

/// How one attempt of something ended, for Retry.
struct Attempt {
  Attempt(Status ended, bool may = false)
      : status(std::move(ended)), may_retry(may) {}  // NOLINT: implicit, so that a Status is one

  Status status;
  bool may_retry = false;
  std::optional<int64_t> wait_seconds;  ///< the server's own wish
  bool made_progress = false;           ///< bytes arrived that need not be asked for again: the count of failures begins anew
};

/// Repeats `attempt` up to four times after failures that may pass, waiting retry_ms, then twice as long each time, or as long as
/// the server asks (up to five minutes; a longer wish is the error's text). Cancelled where `keep_going` says no.
Status Retry(int64_t retry_ms, const std::function<bool()>& keep_going, FunctionRef<Attempt()> attempt);

/// The part of a file that one request asks for.
struct ByteRange {
  uint64_t first = 0, count = 0;
};

/// The end of Download where the server answered a request for a range with the whole file.
inline constexpr std::string_view kRangesRefused = "the server ignores ranges";

class HubConnection {
 public:
  /// `settings` must outlive the object. Cancelled comes from every call once `keep_going` says no.
  HubConnection(const HubSettings& settings, std::unique_ptr<HttpClient> client, std::function<bool()> keep_going)
      : settings_(settings), client_(std::move(client)), keep_going_(std::move(keep_going)) {}

  /// The commit that a branch, tag or commit hash stands for.
  Result<std::string> ResolveRevision(const std::string& repo, const std::string& revision);

  /// All files at `commit`, sorted by path. At most 64 MiB of answers are read.
  Result<std::vector<RepoFile>> ListFiles(const std::string& repo, const std::string& commit);

  /// One attempt to read `range` of a file, or all of it where there is none. Before a byte is handed on, the answer must agree
  /// with what was asked: status, Content-Range, Content-Length, ETag and commit. More bytes than asked for are an error, fewer a
  /// failure that may pass. Ranges the server ignores end with code Unsupported and message kRangesRefused.
  Attempt Download(const std::string& repo, const std::string& commit, const RepoFile& file, std::optional<ByteRange> range,
                   FunctionRef<Status(std::span<const std::byte>)> on_bytes);

 private:
  /// A whole answer of the API.
  struct Page {
    std::string text;
    std::optional<std::string> next;
  };
  Result<Page> GetPage(const Url& url, const std::string& repo, const std::string& revision, size_t limit_bytes);

  /// One request with its redirects. `on_head` sees only an answer with status 2xx, with the X-Linked-… and X-Repo-Commit headers
  /// of the redirect that the hub itself sent.
  struct LinkedHeaders {
    std::string etag, size, commit;
  };
  Attempt Follow(Url url, std::vector<std::string> headers, int idle_seconds, const std::string& repo, const std::string& revision,
                 FunctionRef<Status(const HttpResponse&, const LinkedHeaders&)> on_head,
                 FunctionRef<Status(std::span<const std::byte>)> on_body);

  const HubSettings& settings_;
  std::unique_ptr<HttpClient> client_;
  std::function<bool()> keep_going_;
};

}  // namespace sterna

#endif  // STERNA_HUB_HUB_CONNECTION_H_
