// Messages to the person at the terminal: one line each on standard error, filtered by level.
#ifndef STERNA_BASE_LOG_H_
#define STERNA_BASE_LOG_H_

#include <cstdint>
#include <string_view>

namespace sterna {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError, kOff };

/// Messages below `level` are dropped from now on; kOff drops all. Until the first call: kWarn. Thread-safe.
void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();

/// Writes "warning: MESSAGE" and the like to standard error, with colour on a terminal unless NO_COLOR is set. `level` is not kOff.
/// For programs: a library function reports a failure in its Status and logs nothing. Never fails; thread-safe, lines stay whole.
void Log(LogLevel level, std::string_view message);

}  // namespace sterna

#endif  // STERNA_BASE_LOG_H_
