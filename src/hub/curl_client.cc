// HttpClient by libcurl. This file and url.cc are the only ones that know it.
#include <curl/curl.h>
#include <fmt/format.h>

#include <array>

#include "hub/http_client.h"

namespace sterna {
namespace {

constexpr long kConnectSeconds = 10;

/// What the callbacks of one request share.
struct Transfer {
  CURL* handle;
  FunctionRef<Status(const HttpResponse&)> on_head;
  FunctionRef<Status(std::span<const std::byte>)> on_body;
  const std::function<bool()>& keep_going;
  HttpResponse response;
  Status status;  ///< of a callback
  bool has_head = false;
};

/// Once a response's header is complete. Interim answers (100, 103) are not it.
bool FinishHead(Transfer* transfer) {
  if (transfer->has_head) return true;
  transfer->has_head = true;
  transfer->status = transfer->on_head(transfer->response);
  return transfer->status.ok();
}

size_t OnHeaderLine(char* data, size_t, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  const std::string_view line(data, count);
  if (transfer->has_head) return count;  // trailers
  if (line.starts_with("HTTP/")) {
    transfer->response = HttpResponse();
    return count;
  }
  if (line != "\r\n" && line != "\n") {
    transfer->status = transfer->response.headers.AddLine(line);
    return transfer->status.ok() ? count : 0;
  }
  long status = 0;
  curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
  transfer->response.status = static_cast<int>(status);
  if (status < 200) return count;
  return FinishHead(transfer) ? count : 0;
}

size_t OnBody(char* data, size_t, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  if (!FinishHead(transfer)) return 0;
  transfer->status = transfer->on_body(std::as_bytes(std::span(data, count)));
  return transfer->status.ok() ? count : 0;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto* transfer = static_cast<Transfer*>(user);
  if (transfer->keep_going()) return 0;
  transfer->status = Cancelled("interrupted");
  return 1;
}

/// Failures that another attempt may not meet.
bool MayPass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return true;
    default:
      return false;
  }
}

class CurlClient : public HttpClient {
 public:
  CurlClient(CURL* handle, std::function<bool()> keep_going) : handle_(handle), keep_going_(std::move(keep_going)) {}
  ~CurlClient() override { curl_easy_cleanup(handle_); }
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  HttpOutcome Get(const HttpRequest& request, FunctionRef<Status(const HttpResponse&)> on_head,
                  FunctionRef<Status(std::span<const std::byte>)> on_body) override {
    Transfer transfer{handle_, on_head, on_body, keep_going_, {}, {}, false};
    std::array<char, CURL_ERROR_SIZE> words{};
    curl_slist* headers = nullptr;
    for (const std::string& header : request.headers) headers = curl_slist_append(headers, header.c_str());
    SetOptions(request, headers, &transfer, words.data());
    const CURLcode code = curl_easy_perform(handle_);
    curl_slist_free_all(headers);
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, nullptr);
    if (!transfer.status.ok()) return {transfer.status, false};
    if (code == CURLE_OK) return {Status::Ok(), false};
    const std::string_view reason = words[0] != '\0' ? words.data() : curl_easy_strerror(code);
    return {IoError(fmt::format("{}: {}", WithoutQuery(request.url.text), reason)), MayPass(code)};
  }

 private:
  void SetOptions(const HttpRequest& request, curl_slist* headers, Transfer* transfer, char* words) {
    // Keeps the connections of earlier requests.
    curl_easy_reset(handle_);
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(handle_, option, value); };
    set(CURLOPT_URL, request.url.text.c_str());
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_ERRORBUFFER, words);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.idle_seconds));
    set(CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(request.idle_seconds));
    set(CURLOPT_BUFFERSIZE, 262144L);
    set(CURLOPT_HEADERFUNCTION, &OnHeaderLine);
    set(CURLOPT_HEADERDATA, transfer);
    set(CURLOPT_WRITEFUNCTION, &OnBody);
    set(CURLOPT_WRITEDATA, transfer);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &OnProgress);
    set(CURLOPT_XFERINFODATA, transfer);
  }

  CURL* handle_;
  std::function<bool()> keep_going_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> MakeCurlClient(std::function<bool()> keep_going) {
  // libcurl's own state of the process; set up once, by whichever thread comes first.
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* handle = initialized == CURLE_OK ? curl_easy_init() : nullptr;
  if (handle == nullptr) return ResourceExhausted("libcurl could not be set up");
  return std::unique_ptr<HttpClient>(std::make_unique<CurlClient>(handle, std::move(keep_going)));
}

}  // namespace sterna
