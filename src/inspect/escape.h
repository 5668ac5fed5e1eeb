// Text from a file, shown where it must do nothing: on a terminal, and in a page.
#ifndef STERNA_INSPECT_ESCAPE_H_
#define STERNA_INSPECT_ESCAPE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace sterna {

/// One line for a terminal: control characters (C0, C1, DEL), line and paragraph separators and the marks that turn writing around
/// become \n, \x1b or \u{202e}; bytes that are not UTF-8 become \xff. At most `limit` bytes and the character they end in, then
/// "…".
std::string EscapeForTerminal(std::string_view text, size_t limit = std::string_view::npos);

/// Text of an HTML element or a quoted attribute: EscapeForTerminal, and & < > " ' as entities.
std::string EscapeForHtml(std::string_view text);

}  // namespace sterna

#endif  // STERNA_INSPECT_ESCAPE_H_
