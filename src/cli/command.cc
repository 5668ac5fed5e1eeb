#include "cli/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace sterna {
namespace {

volatile std::sig_atomic_t g_interrupts = 0;  // the one piece of global state: signal handlers have nowhere else to write

void OnInterrupt(int) {
  if (g_interrupts > 0) _exit(kExitInterrupted);
  g_interrupts = 1;
}

void OnBusError(int) {
  constexpr std::string_view kMessage =
      "error: a mapped file became shorter while it was being read (another program changed it)\nhint: run the command again\n";
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(kExitFailure);
}

}  // namespace

void ModelFlags::AddTo(CLI::App& command) {
  command.add_option("-t,--threads", threads, "Threads; 0: one per physical core")->check(CLI::Range(0, 1024));
  command.add_option("-c,--ctx-size", context, "Context length; 0: the model's own")->check(CLI::NonNegativeNumber);
  command
      .add_option("--activations", activations,
                  "What products with Q8_0, Q4_0 and Q4_1 weights see of their input: int8 is faster, f32 exact")
      ->check(CLI::IsMember({"int8", "f32"}))
      ->capture_default_str();
}

LoadOptions ModelFlags::ToLoadOptions() const {
  const char* isa = std::getenv("STERNA_ISA");
  return {.threads = threads,
          .isa = isa == nullptr ? "" : isa,
          .max_context = context,
          .dense_activations = activations == "int8" ? DenseActivations::kInt8 : DenseActivations::kFloat,
          .needs_text = true};
}

bool Interrupted() {
  return g_interrupts > 0;
}

void InstallInterruptHandler() {
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
}

void InstallMappedFileHandler() {
  struct sigaction action {};
  action.sa_handler = OnBusError;
  sigaction(SIGBUS, &action, nullptr);
}

Result<std::string> ReadStandardInput() {
  constexpr size_t kLimit = size_t{64} << 20;
  std::string text;
  std::array<char, 1 << 16> piece;
  while (true) {
    const ssize_t got = read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR && !Interrupted()) continue;
    if (got < 0) return IoErrorFromErrno("cannot read standard input", errno);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<size_t>(got));
    if (text.size() > kLimit) return OutOfRange(fmt::format("standard input is longer than {} bytes", kLimit));
  }
}

bool StandardInputIsTerminal() {
  return isatty(STDIN_FILENO) == 1;
}
bool StandardErrorIsTerminal() {
  return isatty(STDERR_FILENO) == 1;
}

}  // namespace sterna
