#include "cli/json_lines.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "cli/command.h"

namespace sterna {
namespace {

constexpr size_t kMaxLineBytes = size_t{64} << 20;

/// Reads one line without its end. False at the end of input.
Result<bool> ReadLine(std::string* line) {
  const InterruptibleWait wait;
  line->clear();
  int c;
  while ((c = std::getc(stdin)) != EOF && c != '\n') {
    if (line->size() >= kMaxLineBytes) return OutOfRange(fmt::format("the line is longer than {} bytes", kMaxLineBytes));
    line->push_back(static_cast<char>(c));
  }
  if (c == EOF && std::ferror(stdin)) return IoErrorFromErrno("cannot read standard input", errno);
  return c != EOF || !line->empty();
}

Result<nlohmann::json> HandleLine(const std::string& line,
                                  const std::function<Result<nlohmann::json>(const nlohmann::json&)>& handle) {
  const nlohmann::json value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return InvalidArgument("expected a JSON object");
  return handle(value);
}

}  // namespace

std::string DumpJsonLine(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status ForEachJsonLine(const std::function<Result<nlohmann::json>(const nlohmann::json& line)>& handle) {
  return ForEachLine([&](const std::string& line) { return HandleLine(line, handle); });
}

Status ForEachLine(const std::function<Result<nlohmann::json>(const std::string& line)>& handle) {
  std::string line;
  for (int64_t number = 1;; ++number) {
    const std::string where = fmt::format("line {}", number);
    STERNA_ASSIGN_OR_RETURN(const bool more, ReadLine(&line).WithContext(where));
    if (!more) return Status::Ok();
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    STERNA_ASSIGN_OR_RETURN(const nlohmann::json out, handle(line).WithContext(where));
    STERNA_RETURN_IF_ERROR(WriteOutput(DumpJsonLine(out) + "\n"));
    STERNA_RETURN_IF_ERROR(FlushOutput());
  }
}

}  // namespace sterna
