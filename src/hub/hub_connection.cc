#include "hub/hub_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/checked_math.h"
#include "hub/quoted.h"
#include "hub/refusals.h"

namespace sterna {
namespace {

constexpr int kMaxFailures = 5;
constexpr int64_t kMaxBackOffMs = 30'000;
constexpr int64_t kMaxWaitSeconds = 300;
constexpr int kMaxRedirects = 10;
constexpr int kMaxPages = 10'000;
constexpr size_t kMaxApiBytes = size_t{64} << 20;
constexpr size_t kMaxErrorBytes = size_t{64} << 10;

/// In slices, so that Ctrl-C is heard.
Status Wait(int64_t milliseconds, const std::function<bool()>& keep_going) {
  using std::chrono::steady_clock;
  const auto end = steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (steady_clock::now() < end) {
    if (!keep_going()) return Cancelled("interrupted");
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now());
    std::this_thread::sleep_for(std::clamp(left, std::chrono::milliseconds(1), std::chrono::milliseconds(50)));
  }
  return Status::Ok();
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Status WrongLength(std::string_view what, uint64_t expected, uint64_t found) {
  return Malformed(fmt::format("{}: expected {} bytes, the server announces {}", InQuotes(what), expected, found));
}

/// A head that promises exactly the wanted bytes.
Status CheckLength(const HttpResponse& response, const RepoFile& file, const std::optional<ByteRange>& range) {
  STERNA_ASSIGN_OR_RETURN(const auto encoding, response.headers.Find("Content-Encoding"));
  if (encoding && !encoding->empty() && *encoding != "identity") {
    return Malformed(
        fmt::format("{}: expected the file as it is, found it encoded as {}", InQuotes(file.path), InQuotes(*encoding)));
  }
  const uint64_t expected = range ? range->count : file.size;
  STERNA_ASSIGN_OR_RETURN(const auto length, response.headers.Find("Content-Length"));
  if (length) {
    STERNA_ASSIGN_OR_RETURN(const uint64_t found, ParseByteCount("header Content-Length", *length));
    // A whole file in answer to a range has another length; the status decides first.
    if (found != expected && !(range && response.status == 200)) return WrongLength(file.path, expected, found);
  }
  if (!range) {
    if (response.status == 200) return Status::Ok();
    return Malformed(fmt::format("{}: expected HTTP 200, found {}", InQuotes(file.path), response.status));
  }
  if (response.status == 200) return Unsupported(std::string(kRangesRefused));
  STERNA_ASSIGN_OR_RETURN(const auto header, response.headers.Find("Content-Range"));
  if (response.status != 206 || !header) {
    return Malformed(fmt::format("{}: expected HTTP 206 with a Content-Range, found {}", InQuotes(file.path), response.status));
  }
  STERNA_ASSIGN_OR_RETURN(const ContentRange found, ParseContentRange(*header));
  if (found.first != range->first || found.last != range->first + range->count - 1 || found.size != file.size) {
    return Malformed(fmt::format("{}: expected bytes {}-{} of {}, found {}", InQuotes(file.path), range->first,
                                 range->first + range->count - 1, file.size, InQuotes(*header)));
  }
  return Status::Ok();
}

}  // namespace

Status Retry(int64_t retry_ms, const std::function<bool()>& keep_going, FunctionRef<Attempt()> attempt) {
  for (int failures = 0;;) {
    const Attempt result = attempt();
    if (result.status.ok() || !result.may_retry) return result.status;
    failures = result.made_progress ? 1 : failures + 1;
    if (failures >= kMaxFailures) return result.status.WithContext(fmt::format("given up after {} attempts", failures));
    if (result.wait_seconds && *result.wait_seconds > kMaxWaitSeconds) {
      return result.status.WithContext(fmt::format("the server asks to wait for {} seconds", *result.wait_seconds));
    }
    const int64_t back_off = std::min(retry_ms << (failures - 1), kMaxBackOffMs);
    STERNA_RETURN_IF_ERROR(Wait(result.wait_seconds ? *result.wait_seconds * 1000 : back_off, keep_going));
  }
}

Attempt HubConnection::Follow(Url url, std::vector<std::string> headers, int idle_seconds, const std::string& repo,
                              const std::string& revision, FunctionRef<Status(const HttpResponse&, const LinkedHeaders&)> on_head,
                              FunctionRef<Status(std::span<const std::byte>)> on_body) {
  const Result<Url> endpoint = ParseUrl(settings_.endpoint);
  if (!endpoint.ok()) return endpoint.status();
  headers.emplace_back("Accept-Encoding: identity");
  headers.emplace_back("User-Agent: sterna");
  // Once a redirect has led to another host, no later one gets the token, not even one that leads back.
  bool is_hub = SameOrigin(url, *endpoint);
  LinkedHeaders linked;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    HttpRequest request{url, headers, idle_seconds};
    if (is_hub && !settings_.token.empty()) request.headers.push_back("Authorization: Bearer " + settings_.token);
    HttpResponse response;
    std::string error_body;
    const auto take_head = [&](const HttpResponse& head) -> Status {
      response = head;
      if (is_hub) {
        for (const auto& [name, text] : {std::pair("X-Linked-Etag", &linked.etag), std::pair("X-Linked-Size", &linked.size),
                                         std::pair("X-Repo-Commit", &linked.commit)}) {
          STERNA_ASSIGN_OR_RETURN(const auto value, head.headers.Find(name));
          if (value) *text = *value;
        }
      }
      if (head.status < 200 || head.status >= 300) return Status::Ok();
      return on_head(head, linked);
    };
    const auto take_body = [&](std::span<const std::byte> bytes) -> Status {
      if (response.status >= 200 && response.status < 300) return on_body(bytes);
      const size_t room = kMaxErrorBytes - error_body.size();
      error_body.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
      // A refusal without end must not keep us.
      return bytes.size() <= room ? Status::Ok() : Malformed("a refusal longer than 64 KiB");
    };
    const HttpOutcome outcome = client_->Get(request, take_head, take_body);
    if (response.status >= 400) {
      Attempt refused(RefusalToStatus(response, error_body, repo, revision, settings_, is_hub, url.text));
      refused.may_retry = IsPassingRefusal(response.status);
      refused.wait_seconds = RetryAfterSeconds(response.headers.Text("Retry-After"));
      return refused;
    }
    if (!outcome.status.ok()) return {outcome.status, outcome.may_retry};
    if (response.status >= 200 && response.status < 300) return Status::Ok();
    const std::string_view location = response.headers.Text("Location");
    if (!IsRedirect(response.status) || location.empty()) {
      return Malformed(fmt::format("{}: expected a file or a redirect, found HTTP {}", WithoutQuery(url.text), response.status));
    }
    Result<Url> next = ResolveUrl(url, location);
    if (!next.ok()) return next.status().WithContext("a redirect");
    if (next->has_credentials || (next->scheme != "https" && endpoint->scheme == "https")) {
      return Malformed(fmt::format("a redirect to {}: expected https without credentials", WithoutQuery(next->text)));
    }
    url = std::move(next).value();
    is_hub = is_hub && SameOrigin(url, *endpoint);
  }
  return Malformed(fmt::format("{}: expected at most {} redirects, found more", repo, kMaxRedirects));
}

Result<HubConnection::Page> HubConnection::GetPage(const Url& url, const std::string& repo, const std::string& revision,
                                                   size_t limit_bytes) {
  Page page;
  const auto attempt = [&] {
    page = Page();
    const auto on_head = [&](const HttpResponse& response, const LinkedHeaders&) {
      page.next = NextPage(response.headers.Text("Link"));
      return Status::Ok();
    };
    const auto on_body = [&](std::span<const std::byte> bytes) -> Status {
      if (bytes.size() > limit_bytes - page.text.size()) {
        return Malformed(fmt::format("{}: the hub's answer: expected at most {} bytes, found more", repo, kMaxApiBytes));
      }
      page.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return Status::Ok();
    };
    return Follow(url, {"Accept: application/json"}, settings_.api_timeout_seconds, repo, revision, on_head, on_body);
  };
  STERNA_RETURN_IF_ERROR(Retry(settings_.retry_ms, keep_going_, attempt));
  return page;
}

Result<std::string> HubConnection::ResolveRevision(const std::string& repo, const std::string& revision) {
  STERNA_ASSIGN_OR_RETURN(const Url url, ParseUrl(fmt::format("{}/api/models/{}/revision/{}", settings_.endpoint, EscapePath(repo),
                                                              EscapeSegment(revision))));
  STERNA_ASSIGN_OR_RETURN(const Page page, GetPage(url, repo, revision, kMaxApiBytes));
  return ParseRevision(page.text).WithContext(repo);
}

Result<std::vector<RepoFile>> HubConnection::ListFiles(const std::string& repo, const std::string& commit) {
  STERNA_ASSIGN_OR_RETURN(const Url endpoint, ParseUrl(settings_.endpoint));
  STERNA_ASSIGN_OR_RETURN(Url url, ParseUrl(fmt::format("{}/api/models/{}/tree/{}?recursive=true&expand=false", settings_.endpoint,
                                                        EscapePath(repo), commit)));
  std::vector<RepoFile> files;
  size_t bytes = 0;
  for (int pages = 0; pages < kMaxPages; ++pages) {
    STERNA_ASSIGN_OR_RETURN(const Page page, GetPage(url, repo, commit, kMaxApiBytes - bytes));
    bytes += page.text.size();
    STERNA_RETURN_IF_ERROR(ParseTreePage(page.text, &files).WithContext(repo));
    if (!page.next) {
      STERNA_RETURN_IF_ERROR(FinishListing(&files).WithContext(repo));
      return files;
    }
    STERNA_ASSIGN_OR_RETURN(url, ResolveUrl(url, *page.next));
    // The next page is asked for with the token.
    if (!SameOrigin(url, endpoint)) {
      return Malformed(fmt::format("{}: the list of files: expected its next page at {}, found {}", repo, settings_.endpoint,
                                   WithoutQuery(url.text)));
    }
  }
  return Malformed(fmt::format("{}: the list of files: expected at most {} pages, found more", repo, kMaxPages));
}

Attempt HubConnection::Download(const std::string& repo, const std::string& commit, const RepoFile& file,
                                std::optional<ByteRange> range, FunctionRef<Status(std::span<const std::byte>)> on_bytes) {
  const Result<Url> url =
      ParseUrl(fmt::format("{}/{}/resolve/{}/{}", settings_.endpoint, EscapePath(repo), commit, EscapePath(file.path)));
  if (!url.ok()) return url.status();
  std::vector<std::string> headers;
  if (range) headers.push_back(fmt::format("Range: bytes={}-{}", range->first, range->first + range->count - 1));
  const uint64_t expected = range ? range->count : file.size;
  uint64_t received = 0;
  const auto on_head = [&](const HttpResponse& response, const LinkedHeaders& linked) -> Status {
    if (!linked.commit.empty() && linked.commit != commit) {
      return Malformed(fmt::format("{}: expected commit {}, found {}", InQuotes(file.path), commit, InQuotes(linked.commit)));
    }
    if (const std::string etag = EtagValue(linked.etag); !etag.empty() && etag != file.blob) {
      return Malformed(
          fmt::format("{}: expected hash {}, the server announces {}", InQuotes(file.path), file.blob, InQuotes(etag)));
    }
    if (!linked.size.empty()) {
      STERNA_ASSIGN_OR_RETURN(const uint64_t size, ParseByteCount("header X-Linked-Size", linked.size));
      if (size != file.size) return WrongLength(file.path, file.size, size);
    }
    return CheckLength(response, file, range);
  };
  const auto on_body = [&](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > expected - received) {
      return Malformed(fmt::format("{}: expected {} bytes, found more", InQuotes(file.path), expected));
    }
    received += bytes.size();
    return on_bytes(bytes);
  };
  Attempt attempt = Follow(*url, std::move(headers), settings_.download_timeout_seconds, repo, commit, on_head, on_body);
  if (attempt.status.ok() && received < expected) {
    return {IoError(fmt::format("{}: expected {} bytes, found {}", InQuotes(file.path), expected, received)), true};
  }
  return attempt;
}

}  // namespace sterna
