// One JSON object per line in, one out: the shape of every --jsonl mode.
#ifndef STERNA_CLI_JSON_LINES_H_
#define STERNA_CLI_JSON_LINES_H_

#include <functional>
#include <nlohmann/json.hpp>

#include "base/status.h"

namespace sterna {

/// Reads standard input line by line (at most 64 MiB each), calls `handle` on each and prints what it returns on one line, at once,
/// so that another program can wait for each answer. An error of `handle` ends the loop, with the line's number in front of its
/// message. Blank lines are passed over.
Status ForEachLine(const std::function<Result<nlohmann::json>(const std::string& line)>& handle);

/// The same for lines that hold one JSON object each; another line is an error.
Status ForEachJsonLine(const std::function<Result<nlohmann::json>(const nlohmann::json& line)>& handle);

/// One line of UTF-8; invalid bytes become U+FFFD.
std::string DumpJsonLine(const nlohmann::json& value);

}  // namespace sterna

#endif  // STERNA_CLI_JSON_LINES_H_
