// The `sterna` command: parses arguments, runs one subcommand, and turns its Status into a message and an exit code.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <span>
#include <sstream>

#include "api/model_path.h"
#include "cli/command.h"

namespace sterna {
namespace {

std::string_view HintFor(StatusCode code) {
  switch (code) {
    case StatusCode::kNotFound:
      return "check the name; `sterna inspect FILE` lists what a file holds";
    case StatusCode::kMalformed:
      return "the file is damaged or not what it claims to be; download or convert it again";
    case StatusCode::kOutOfRange:
      return "shorten the input or raise the limit (for a context: --ctx-size, up to the model's own)";
    case StatusCode::kResourceExhausted:
      return "close other programs, choose a smaller model or a smaller --ctx-size";
    default:
      return "";
  }
}

int Fail(const Status& status) {
  PrintError(status.message(), HintFor(status.code()));
  return kExitFailure;
}

/// Fail, with the hint that suits the command and what it was called with.
int FailCommand(const Status& status, const std::string& command, std::span<char* const> arguments) {
  if (HubHintFor(command, status.code()).empty()) {
    // The message begins with the model's name as it was written.
    const auto is_model = [&](const char* argument) {
      return status.message().starts_with(fmt::format("'{}': no such file", argument)) && IsAbsentModelName(argument);
    };
    const auto model = std::find_if(arguments.begin(), arguments.end(), is_model);
    if (model == arguments.end()) return Fail(status);
    PrintError(status.message(), fmt::format("`sterna pull {}` downloads it", *model));
  } else {
    PrintError(status.message(), HubHintFor(command, status.code()));
  }
  return kExitFailure;
}

/// --help and --version go to standard output; every other end of parsing is a mistake of the user.
int FinishParse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    std::ostringstream out, ignored;
    app.exit(error, out, ignored);
    Status status = WriteOutput(out.str());
    if (status.ok()) status = FlushOutput();
    return status.ok() ? kExitSuccess : Fail(status);
  }
  const std::vector<CLI::App*> commands = app.get_subcommands();
  // CLI11 only says that a command is missing.
  const std::vector<std::string> unknown = commands.empty() ? app.remaining() : std::vector<std::string>();
  PrintError(unknown.empty() ? std::string(error.what()) : fmt::format("unknown command or flag '{}'", unknown.front()),
             commands.empty() ? std::string("`sterna --help` lists the commands")
                              : fmt::format("`sterna {} --help` lists what it takes", commands.front()->get_name()));
  return kExitUsage;
}

int Run(int argc, char** argv) {
  CLI::App app("Sterna: run ternary (1.58-bit) language models", "sterna");
  app.require_subcommand(1);
  app.set_version_flag("--version", "sterna " STERNA_VERSION);
  Action action;
  for (const auto add : {AddRun, AddEmbed, AddInspect, AddConvert, AddLogits, AddTokenize, AddTemplate, AddBench, AddDoctor,
                         AddPull, AddShow, AddLs, AddRm, AddPrune, AddVerify}) {
    add(app, &action);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return FinishParse(app, error);
  }
  Status status = action();
  const Status flushed = FlushOutput();
  if (Interrupted() || status.code() == StatusCode::kCancelled) return kExitInterrupted;
  if (status.ok()) status = flushed;
  if (status.ok()) return kExitSuccess;
  return FailCommand(status, app.get_subcommands().front()->get_name(), std::span(argv, static_cast<size_t>(argc)));
}

int Main(int argc, char** argv) {
  ReserveStandardDescriptors();
  InstallInterruptHandler();
  InstallMappedFileHandler();
  // Rooms return errors as values; what can still arrive here is memory that ran out.
  try {
    return Run(argc, argv);
  } catch (const std::bad_alloc&) {
    return Fail(ResourceExhausted("out of memory"));
  } catch (const std::exception& error) {
    return Fail(Internal(error.what()));
  }
}

}  // namespace
}  // namespace sterna

int main(int argc, char** argv) {
  return sterna::Main(argc, argv);
}
