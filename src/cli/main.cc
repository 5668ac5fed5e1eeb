// The `sterna` command: parses arguments, runs one subcommand, and turns its Status into a message and an exit code.
#include <fmt/format.h>

#include <cstdio>

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

int Main(int argc, char** argv) {
  InstallInterruptHandler();
  InstallMappedFileHandler();
  CLI::App app("Sterna: run ternary (1.58-bit) language models", "sterna");
  app.require_subcommand(1);
  app.set_version_flag("--version", "sterna " STERNA_VERSION);
  Action action;
  for (const auto add : {AddRun, AddInspect, AddConvert, AddLogits, AddTokenize, AddTemplate, AddBench, AddDoctor})
    add(app, &action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports --help and --version as errors of code 0.
    return app.exit(error) == 0 ? kExitSuccess : kExitUsage;
  }
  const Status status = action();
  if (status.ok()) return kExitSuccess;
  std::fflush(stdout);
  if (status.code() == StatusCode::kCancelled) return kExitInterrupted;
  fmt::print(stderr, "error: {}\n", status.message());
  if (const std::string_view hint = HintFor(status.code()); !hint.empty()) fmt::print(stderr, "hint: {}\n", hint);
  return kExitFailure;
}

}  // namespace
}  // namespace sterna

int main(int argc, char** argv) {
  return sterna::Main(argc, argv);
}
