// Base64 (RFC 4648, section 4), in which vocabularies write bytes.
#ifndef STERNA_TEXT_BASE64_H_
#define STERNA_TEXT_BASE64_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// Malformed where a character, the length or the padding is wrong.
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace sterna

#endif  // STERNA_TEXT_BASE64_H_
