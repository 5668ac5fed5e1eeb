// Text as JSON strings.
#ifndef STERNA_BASE_JSON_ESCAPE_H_
#define STERNA_BASE_JSON_ESCAPE_H_

#include <string>
#include <string_view>

namespace sterna {

/// Appends the escape that a JSON string needs for `byte`: the short one where there is one, \u00xx for other control characters,
/// as Python's json and Rust's serde_json write them. False, and nothing is appended, for a byte that stands for itself.
bool AppendJsonEscape(char byte, std::string* out);

/// `text`, valid UTF-8, as a JSON string.
std::string JsonQuoted(std::string_view text);

}  // namespace sterna

#endif  // STERNA_BASE_JSON_ESCAPE_H_
