// Strict JSON parsing shared by the room: valid UTF-8, paired surrogates, bounded depth.
#ifndef STERNA_FORMATS_JSON_INTERNAL_H_
#define STERNA_FORMATS_JSON_INTERNAL_H_

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// Parses `text` into `parser`, which must outlive the element. `name` begins messages; `max_depth` counts open brackets.
/// Repeated keys are kept: whoever walks an object must look for them.
Result<simdjson::dom::element> ParseJson(simdjson::dom::parser& parser, std::string_view text, std::string_view name,
                                         size_t max_depth);

/// `text` with "e0" behind every integer that neither i64 nor u64 can hold, which makes it a decimal number of the same value;
/// nothing where there is no such integer. tokenizer_config.json files say 10^30 for "no limit".
std::optional<std::string> WideIntegersAsDecimals(std::string_view text);

/// "object", "string", … for messages.
std::string_view JsonTypeName(simdjson::dom::element element);

}  // namespace sterna

#endif  // STERNA_FORMATS_JSON_INTERNAL_H_
