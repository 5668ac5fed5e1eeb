// One HTTP request at a time, as the rest of the room sees it: no library's types, no redirects followed, no repetitions.
#ifndef STERNA_HUB_HTTP_CLIENT_H_
#define STERNA_HUB_HTTP_CLIENT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "hub/response_headers.h"
#include "hub/url.h"

namespace sterna {

struct HttpRequest {
  Url url;
  std::vector<std::string> headers;  ///< "Name: value" each, without control characters
  int idle_seconds = 10;             ///< without a byte: the request fails
};

struct HttpResponse {
  int status = 0;
  ResponseHeaders headers;
};

/// How a request ended.
struct HttpOutcome {
  Status status;           ///< ok: the answer, whatever its status code, arrived whole
  bool may_retry = false;  ///< the connection failed, in a way that may pass
};

/// Answers are handed on as they arrive: `on_head` once, then `on_body` for each piece. An error of theirs ends the request and is
/// its status; such a request is never to be repeated.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual HttpOutcome Get(const HttpRequest& request, FunctionRef<Status(const HttpResponse&)> on_head,
                          FunctionRef<Status(std::span<const std::byte>)> on_body) = 0;
};

/// A client for one thread; clients do not share state. `keep_going` is asked at least once a second.
using HttpClientFactory = std::function<Result<std::unique_ptr<HttpClient>>(std::function<bool()> keep_going)>;

/// libcurl: http and https, certificates checked, proxies of the environment (https_proxy and the like), connections reused.
Result<std::unique_ptr<HttpClient>> MakeCurlClient(std::function<bool()> keep_going);

}  // namespace sterna

#endif  // STERNA_HUB_HTTP_CLIENT_H_
