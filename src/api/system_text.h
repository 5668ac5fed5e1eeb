// The short text files of /proc and /sys, whose size is not known before they are read.
#ifndef STERNA_API_SYSTEM_TEXT_H_
#define STERNA_API_SYSTEM_TEXT_H_

#include <string>

#include "base/status.h"

namespace sterna {

/// At most the first 64 KiB. NotFound or Io with the system's words.
Result<std::string> ReadSystemText(const std::string& path);

}  // namespace sterna

#endif  // STERNA_API_SYSTEM_TEXT_H_
