#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdlib>
#include <memory>

namespace sterna {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

spdlog::logger* MakeLogger() {
  const char* no_color = std::getenv("NO_COLOR");
  const bool plain = no_color != nullptr && *no_color != '\0';
  auto sink =
      std::make_shared<spdlog::sinks::stderr_color_sink_mt>(plain ? spdlog::color_mode::never : spdlog::color_mode::automatic);
  sink->set_pattern("%^%l%$: %v");
  auto logger = std::make_unique<spdlog::logger>("sterna", std::move(sink));
  logger->set_level(spdlog::level::warn);
  logger->flush_on(spdlog::level::trace);
  return logger.release();
}

/// Never destroyed: threads and destructors of static objects may log until the very end of the process.
spdlog::logger& Logger() {
  static spdlog::logger* const logger = MakeLogger();
  return *logger;
}

}  // namespace

void SetLogLevel(LogLevel level) {
  Logger().set_level(ToSpdlog(level));
}

LogLevel GetLogLevel() {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (Logger().level() <= ToSpdlog(level)) return level;
  }
  return LogLevel::kOff;
}

void Log(LogLevel level, std::string_view message) {
  Logger().log(ToSpdlog(level), message);
}

}  // namespace sterna
