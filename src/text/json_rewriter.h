// JSON text made from a parsed document with some of its values replaced. Internal to the room.
#ifndef STERNA_TEXT_JSON_REWRITER_H_
#define STERNA_TEXT_JSON_REWRITER_H_

#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/function_ref.h"

namespace sterna {

/// The object with what `value_of` gives for each member, in order; an empty text leaves the member out.
std::string RewriteObject(simdjson::dom::object object,
                          FunctionRef<std::string(std::string_view key, simdjson::dom::element value)> value_of);

}  // namespace sterna

#endif  // STERNA_TEXT_JSON_REWRITER_H_
