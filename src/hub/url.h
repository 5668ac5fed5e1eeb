// Addresses: taking one apart, following a relative one, and who may be told a token.
#ifndef STERNA_HUB_URL_H_
#define STERNA_HUB_URL_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// An absolute http or https address.
struct Url {
  std::string text;    ///< the whole of it, without a fragment
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< lower case
  std::string port;    ///< decimal; the scheme's own where none is written
  bool has_credentials = false;
};

/// InvalidArgument where `text` is no absolute http or https address.
Result<Url> ParseUrl(std::string_view text);

/// Where `reference` (absolute, or relative as in a Location header) leads from `base`. Malformed where it is no address.
Result<Url> ResolveUrl(const Url& base, std::string_view reference);

/// Scheme, host and port are the same: only then is a token sent along.
bool SameOrigin(const Url& a, const Url& b);

/// Bytes other than letters, digits, '-', '.', '_' and '~' as %XX; '/' is kept only by the second.
std::string EscapeSegment(std::string_view text);
std::string EscapePath(std::string_view text);

/// scheme://host[:port]/path for messages: signed addresses carry secrets in their query.
std::string WithoutQuery(std::string_view url);

}  // namespace sterna

#endif  // STERNA_HUB_URL_H_
