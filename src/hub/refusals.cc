#include "hub/refusals.h"

#include <fmt/format.h>

#include "hub/listing.h"
#include "hub/quoted.h"

namespace sterna {
namespace {

/// What the server says beside the code, in brackets; empty where it says nothing.
std::string ServerWords(const HttpResponse& response, std::string_view body) {
  std::string words = OneLine(response.headers.Text("X-Error-Message"));
  if (words.empty()) words = ErrorTextOf(body);
  return words.empty() ? words : fmt::format(" (the hub says: {})", words);
}

std::string TokenAdvice(const HubSettings& settings) {
  if (settings.token.empty()) {
    return fmt::format("give an access token of {}/settings/tokens in HF_TOKEN, or in the token file of `hf auth login`",
                       settings.endpoint);
  }
  return fmt::format("the token of {} may lack the right to read it", settings.token_origin);
}

}  // namespace

bool IsPassingRefusal(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

Status RefusalToStatus(const HttpResponse& response, std::string_view body, const std::string& repo, std::string_view revision,
                       const HubSettings& settings, bool from_hub, std::string_view url) {
  const int status = response.status;
  const std::string_view code = response.headers.Text("X-Error-Code");
  const std::string words = ServerWords(response, body);
  if (!from_hub) return IoError(fmt::format("{}: HTTP {} from where the hub sent us for {}", WithoutQuery(url), status, repo));
  if (code == "GatedRepo" || (status == 403 && code.empty())) {
    const std::string next = settings.token.empty() ? TokenAdvice(settings)
                                                    : fmt::format("ask with the account of the token ({}), or give another token",
                                                                  settings.token_origin);
    return InvalidArgument(fmt::format("{} is gated: its owner gives access on request; accept its terms at {}/{}, then {}{}", repo,
                                       settings.endpoint, repo, next, words));
  }
  if (status == 401 && response.headers.Text("X-Error-Message") == "Invalid credentials in Authorization header") {
    return InvalidArgument(
        fmt::format("the hub refuses the token of {}: it is wrong or has expired; make another at {}/settings/tokens",
                    settings.token_origin.empty() ? std::string("this machine") : settings.token_origin, settings.endpoint));
  }
  if (code == "RevisionNotFound") {
    return InvalidArgument(fmt::format("{} has no revision {}; {}/{}/tree/main lists its branches", repo, InQuotes(revision),
                                       settings.endpoint, repo));
  }
  if (code == "EntryNotFound") return InvalidArgument(fmt::format("{}: no such file on the hub: {}", repo, WithoutQuery(url)));
  if (status == 401 || status == 404 || code == "RepoNotFound") {
    return InvalidArgument(fmt::format("{}: no such model at {}, or it is private: check the name; for a private one, {}{}", repo,
                                       settings.endpoint, TokenAdvice(settings), words));
  }
  if (status == 429) return IoError(fmt::format("{}: the hub limits how often it may be asked (HTTP 429){}", repo, words));
  if (status >= 500) return IoError(fmt::format("{}: the hub has a problem (HTTP {}){}", repo, status, words));
  return IoError(fmt::format("{}: HTTP {} from {}{}", repo, status, WithoutQuery(url), words));
}

}  // namespace sterna
