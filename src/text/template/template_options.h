// What bounds one rendering of a template, and the clock it sees.
#ifndef STERNA_TEXT_TEMPLATE_TEMPLATE_OPTIONS_H_
#define STERNA_TEXT_TEMPLATE_TEMPLATE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

namespace sterna {

/// Templates come with model files and are untrusted programs. Passing a limit ends the rendering with ResourceExhausted.
struct TemplateLimits {
  int max_call_depth = 100;                     ///< macros and call blocks that are running at once
  uint64_t max_steps = 10'000'000;              ///< nodes evaluated, items walked, and one per 256 bytes of text touched
  size_t max_output_bytes = size_t{16} << 20;   ///< of the rendered text, and of any single string made on the way
  size_t max_memory_bytes = size_t{256} << 20;  ///< alive at one time in values the template made
};

/// A local civil date and time; month and day count from 1.
struct TemplateTime {
  int year = 1970, month = 1, day = 1;
  int hour = 0, minute = 0, second = 0;
};

struct TemplateOptions {
  TemplateLimits limits;
  /// What strftime_now sees; the system's clock and time zone where it is not given.
  std::optional<TemplateTime> now;
};

}  // namespace sterna

#endif  // STERNA_TEXT_TEMPLATE_TEMPLATE_OPTIONS_H_
