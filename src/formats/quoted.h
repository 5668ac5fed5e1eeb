// Text between quotes: names from a file as a message shows them, what is not printable escaped and what is long cut; and JSON
// strings.
#ifndef STERNA_FORMATS_QUOTED_H_
#define STERNA_FORMATS_QUOTED_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sterna {

/// `text` between single quotes, at most 96 bytes of it; control characters and bytes that are not UTF-8 as \xNN, so that a file
/// cannot send escape sequences to the reader's terminal.
std::string Quoted(std::string_view text);

/// `text`, valid UTF-8, as a JSON string.
std::string JsonString(std::string_view text);

bool IsValidUtf8(std::string_view text);

inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace sterna

#endif  // STERNA_FORMATS_QUOTED_H_
