// Text from outside inside an error message: quoted, on one line, shortened.
#ifndef STERNA_HUB_QUOTED_H_
#define STERNA_HUB_QUOTED_H_

#include <string>
#include <string_view>

namespace sterna {

/// `text` without its control characters (they become '?'), cut behind `limit` bytes at a character boundary.
std::string OneLine(std::string_view text, size_t limit = 200);

/// OneLine between single quotes.
std::string InQuotes(std::string_view text);

}  // namespace sterna

#endif  // STERNA_HUB_QUOTED_H_
