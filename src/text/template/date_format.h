// strftime in the C locale, whatever the process's locale is.
#ifndef STERNA_TEXT_TEMPLATE_DATE_FORMAT_H_
#define STERNA_TEXT_TEMPLATE_DATE_FORMAT_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "text/template/template_options.h"

namespace sterna::jinja {

/// The system's clock in the system's time zone.
TemplateTime LocalTime();

/// %a %A %b %B %c %d %D %e %f %F %h %H %I %j %m %M %n %p %R %S %t %T %u %w %x %X %y %Y %z %Z %%, and glibc's %-d and the like,
/// without padding; a naive time has no zone. Errors: InvalidArgument where month, day or time of day are out of their ranges;
/// Unsupported for other letters.
Result<std::string> FormatTime(const TemplateTime& time, std::string_view format);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_DATE_FORMAT_H_
