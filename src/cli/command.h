// What the subcommands share: registration, exit codes, and how errors and results reach the user.
#ifndef STERNA_CLI_COMMAND_H_
#define STERNA_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "api/loaded_model.h"
#include "base/status.h"

namespace sterna {

// Exit codes of the program (docs/cli.md).
inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

/// Adds one subcommand to `app`; its callback stores what to do in `action`.
using Action = std::function<Status()>;
void AddRun(CLI::App& app, Action* action);
void AddInspect(CLI::App& app, Action* action);
void AddLogits(CLI::App& app, Action* action);
void AddTokenize(CLI::App& app, Action* action);
void AddTemplate(CLI::App& app, Action* action);
void AddBench(CLI::App& app, Action* action);
void AddConvert(CLI::App& app, Action* action);
void AddDoctor(CLI::App& app, Action* action);

/// --threads, --ctx-size and --activations, shared by every command that loads a model; STERNA_ISA is read here too.
struct ModelFlags {
  int threads = 0;
  int64_t context = 0;
  std::string activations = "int8";

  void AddTo(CLI::App& command);
  LoadOptions ToLoadOptions() const;
};

/// True once the user pressed Ctrl-C. The first press asks the running command to stop; a second one ends the program at once.
bool Interrupted();
void InstallInterruptHandler();
/// Turns a model file that shrinks while it is mapped into a clear last line instead of a crash.
void InstallMappedFileHandler();

/// Whole standard input, up to 64 MiB.
Result<std::string> ReadStandardInput();
bool StandardInputIsTerminal();
bool StandardErrorIsTerminal();

}  // namespace sterna

#endif  // STERNA_CLI_COMMAND_H_
