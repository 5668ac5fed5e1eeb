// What the hub's status codes and error headers mean, in words that say what to do next.
#ifndef STERNA_HUB_REFUSALS_H_
#define STERNA_HUB_REFUSALS_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "hub/http_client.h"
#include "hub/settings.h"

namespace sterna {

/// Whether another attempt may succeed: 408, 429, 500, 502, 503, 504.
bool IsPassingRefusal(int status);

/// The error for a response of `status` >= 400. `revision` is what was asked for (empty: nothing), `body` the answer's text,
/// `from_hub` false where another host refused after a redirect. Never contains the token.
Status RefusalToStatus(const HttpResponse& response, std::string_view body, const std::string& repo, std::string_view revision,
                       const HubSettings& settings, bool from_hub, std::string_view url);

}  // namespace sterna

#endif  // STERNA_HUB_REFUSALS_H_
