// The escapes of Python string literals.
#ifndef STERNA_TEXT_TEMPLATE_STRING_LITERAL_H_
#define STERNA_TEXT_TEMPLATE_STRING_LITERAL_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna::jinja {

/// What stands between the quotes, with Python's escapes resolved; unknown escapes stay as they are. Two \u escapes that form a
/// surrogate pair give one character. Errors: Malformed on cut-off or impossible \x, \u, \U, and on \N{...}.
Result<std::string> UnescapeStringLiteral(std::string_view text);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_STRING_LITERAL_H_
