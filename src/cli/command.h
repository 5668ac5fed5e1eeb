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
void AddEmbed(CLI::App& app, Action* action);
void AddLogits(CLI::App& app, Action* action);
void AddTokenize(CLI::App& app, Action* action);
void AddTemplate(CLI::App& app, Action* action);
void AddBench(CLI::App& app, Action* action);
void AddConvert(CLI::App& app, Action* action);
void AddDoctor(CLI::App& app, Action* action);
void AddPull(CLI::App& app, Action* action);
void AddShow(CLI::App& app, Action* action);
void AddLs(CLI::App& app, Action* action);
void AddRm(CLI::App& app, Action* action);
void AddPrune(CLI::App& app, Action* action);
void AddVerify(CLI::App& app, Action* action);

/// What to do next after a failure of one of the last six; empty where `command` is another.
std::string_view HubHintFor(std::string_view command, StatusCode code);

/// Result text to standard output. Io, with the system's words, where it cannot be written: a full disk, a closed descriptor.
Status WriteOutput(std::string_view text);
/// What WriteOutput has buffered reaches the system, or Io.
Status FlushOutput();
/// "error: …" and, where `hint` is not empty, "hint: …" on standard error, each on one line: control characters, which names from a
/// file may hold, are escaped.
void PrintError(std::string_view message, std::string_view hint);
/// Opens what the caller closed among the three standard descriptors, so that no file of ours takes the number of one.
void ReserveStandardDescriptors();

/// Only in the callback of a subcommand: ends parsing with `message`, exit code kExitUsage.
[[noreturn]] void FailUsage(const std::string& message);

/// "warning: …" on standard error, escaped as PrintError does.
void PrintWarning(std::string_view message);

/// --i2s-layout LAYOUT into *layout, for every command that opens a GGUF file.
void AddI2sLayoutFlag(CLI::App& command, std::string* layout);

/// --threads, --cpu-mask, --cpu-range, --cpu-strict, --ctx-size, --activations, --screen-head and --i2s-layout, shared by every
/// command that loads a model; STERNA_ISA, STERNA_LAYOUT and STERNA_SELF_TEST are read here too.
struct ModelFlags {
  int threads = 0;
  std::string cpu_mask, cpu_range;
  bool cpu_strict = false;
  int64_t context = 0;
  std::string activations = "int8";
  std::string i2s_layout;
  std::string screen_head = "auto";

  void AddTo(CLI::App& command);
  LoadOptions ToLoadOptions() const;
};

/// Where what was measured about this machine is kept: $XDG_CACHE_HOME/sterna/machine or the like below ~/.cache. Empty, which
/// means nowhere, where STERNA_MACHINE_CACHE is "off" or "0" or there is no home.
std::string MachineCacheFolder();

/// Where large vocabularies are kept in a form that loads fast: $XDG_CACHE_HOME/sterna/vocabularies or the like below ~/.cache.
/// Empty, which means none, where STERNA_TOKENIZER_CACHE is "off" or "0" or there is no home.
std::string VocabularyCacheFolder();

/// True once the user pressed Ctrl-C. The first press asks the running command to stop; a second one ends the program at once.
bool Interrupted();
void InstallInterruptHandler();

/// While one exists, Ctrl-C ends the program at once: for waits on standard input, where nothing is left to put in order, and where
/// a flag that is set just before the wait would go unseen.
class InterruptibleWait {
 public:
  InterruptibleWait();
  ~InterruptibleWait();
  InterruptibleWait(const InterruptibleWait&) = delete;
  InterruptibleWait& operator=(const InterruptibleWait&) = delete;
};

/// Turns a model file that shrinks while it is mapped into a clear last line instead of a crash.
void InstallMappedFileHandler();

/// Whole standard input, up to 64 MiB.
Result<std::string> ReadStandardInput();
bool StandardInputIsTerminal();
bool StandardErrorIsTerminal();

}  // namespace sterna

#endif  // STERNA_CLI_COMMAND_H_
