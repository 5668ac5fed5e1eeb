// Which file names of a repository may become paths on this machine, and the patterns that choose among them.
#ifndef STERNA_HUB_FILE_NAME_H_
#define STERNA_HUB_FILE_NAME_H_

#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// Ok where `name` is a relative path, with '/' between components, that stays below any folder it is appended to, on every system
/// the cache may be copied to. Malformed, naming the reason, for: an empty name or component, "." and "..", a leading '/', a
/// control character, '\', a drive letter ("C:…"), a name Windows reserves for a device ("nul.txt"), a trailing dot or space, bytes
/// that are not UTF-8, a component over 255 bytes, a name over 1024.
Status CheckFileName(std::string_view name);

/// Python's fnmatchcase as huggingface_hub calls it: '*' also matches '/', a pattern that ends in '/' gets a '*', '\' is '/'.
bool MatchesPattern(std::string_view name, std::string_view pattern);

/// Whether `name` matches one of `include` (or that is empty) and none of `exclude`.
bool IsIncluded(std::string_view name, std::span<const std::string> include, std::span<const std::string> exclude);

}  // namespace sterna

#endif  // STERNA_HUB_FILE_NAME_H_
