// Numbers and texts laid out by a format specification, for % and str.format.
#ifndef STERNA_TEXT_TEMPLATE_NUMBER_FORMAT_H_
#define STERNA_TEXT_TEMPLATE_NUMBER_FORMAT_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "text/template/heap_object.h"

namespace sterna::jinja {

struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  ///< '<', '>', '^', '=' (between sign and digits) or the type's default
  char sign = '-';    ///< '-', '+' or ' '
  bool is_alternate = false;
  int64_t width = 0;
  std::optional<int64_t> precision;
  char grouping = '\0';  ///< ',' or '_' between groups of three digits
  char type = '\0';
};

/// Bound of precisions: Python has none, but no float has more digits than this.
inline constexpr int64_t kMaxPrecision = 1000;

// Errors: InvalidArgument where type or precision do not suit; ResourceExhausted where the width passes the limits.
Result<std::string> FormatInteger(Runtime& runtime, int64_t value, const FormatSpec& spec);
Result<std::string> FormatFloat(Runtime& runtime, double value, const FormatSpec& spec);
Result<std::string> FormatText(Runtime& runtime, std::string_view text, const FormatSpec& spec);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_NUMBER_FORMAT_H_
