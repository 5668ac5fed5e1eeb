// Where one user-perceived character ends and the next begins (Unicode TS 29, extended grapheme clusters).
#ifndef STERNA_TEXT_GRAPHEMES_H_
#define STERNA_TEXT_GRAPHEMES_H_

#include <cstddef>
#include <string_view>

namespace sterna {

/// End of the cluster that begins at text[position]. Precondition: position < text.size(), at a cluster's start. A byte that is not
/// valid UTF-8 is a cluster. Linear over a text.
size_t GraphemeEnd(std::string_view text, size_t position);

}  // namespace sterna

#endif  // STERNA_TEXT_GRAPHEMES_H_
