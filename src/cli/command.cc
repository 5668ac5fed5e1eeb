#include "cli/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/cpu_topology.h"

namespace sterna {
namespace {

// The only global state: signal handlers have nowhere else to read and write.
volatile std::sig_atomic_t g_interrupts = 0;
volatile std::sig_atomic_t g_waiting = 0;

void OnInterrupt(int) {
  if (g_interrupts > 0 || g_waiting > 0) _exit(kExitInterrupted);
  g_interrupts = 1;
}

void OnBusError(int) {
  constexpr std::string_view kMessage =
      "error: a mapped file became shorter while it was being read (another program changed it)\nhint: run the command again\n";
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(kExitFailure);
}

std::string EscapeControls(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view EnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

bool IsOff(std::string_view wish) {
  return wish == "off" || wish == "0";
}

/// `name` in the cache folder of the XDG base directory specification; empty where `variable` turns it off or there is no home.
std::string CacheFolder(std::string_view name, const char* variable) {
  if (IsOff(EnvironmentVariable(variable))) return "";
  // A relative path is to be ignored, says the specification.
  if (const std::string_view cache = EnvironmentVariable("XDG_CACHE_HOME"); cache.starts_with('/')) {
    return fmt::format("{}/sterna/{}", cache, name);
  }
  const std::string_view home = EnvironmentVariable("HOME");
  return home.starts_with('/') ? fmt::format("{}/.cache/sterna/{}", home, name) : "";
}

}  // namespace

Status WriteOutput(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return Status::Ok();
  return IoErrorFromErrno("cannot write to standard output", errno);
}

Status FlushOutput() {
  // An earlier failure has dropped its bytes, so that this flush may find nothing to do.
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return Status::Ok();
  return IoErrorFromErrno("cannot write to standard output", errno);
}

void PrintError(std::string_view message, std::string_view hint) {
  std::string text = "error: " + EscapeControls(message) + "\n";
  if (!hint.empty()) text += fmt::format("hint: {}\n", hint);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void PrintWarning(std::string_view message) {
  const std::string text = fmt::format("warning: {}\n", EscapeControls(message));
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void AddI2sLayoutFlag(CLI::App& command, std::string* layout) {
  command
      .add_option("--i2s-layout", *layout,
                  "How the I2_S tensors of a GGUF file lie, which the file cannot say: 128 (published), 64 (written on ARM), 4row, "
                  "sequential")
      ->check(CLI::IsMember({"128", "64", "4row", "sequential"}));
}

void ReserveStandardDescriptors() {
  // Read-only for all three: writing to a descriptor that the caller closed stays an error.
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) open("/dev/null", O_RDONLY);
  }
}

void FailUsage(const std::string& message) {
  throw CLI::ParseError(message, CLI::ExitCodes::ValidationError);
}

void ModelFlags::AddTo(CLI::App& command) {
  command.add_option("-t,--threads", threads, "Threads; 0: one per physical core")->check(CLI::Range(0, 1024));
  const auto parses = [](auto parse) {
    return [parse](const std::string& text) { return std::string(parse(text).status().message()); };
  };
  command.add_option("-C,--cpu-mask", cpu_mask, "Processors that the threads may use, as a hexadecimal mask: 0x3")
      ->check(CLI::Validator(parses(ParseCpuMask), "HEX"));
  command.add_option("--cpu-range", cpu_range, "The same as a list: 0-3,8. Together with --cpu-mask: both")
      ->check(CLI::Validator(parses(ParseCpuList), "LIST"));
  command.add_option("--cpu-strict", cpu_strict, "1: each thread stays on one processor, physical cores first")
      ->check(CLI::IsMember({"0", "1"}));
  command.add_option("-c,--ctx-size", context, "Context length; 0: the model's own")->check(CLI::NonNegativeNumber);
  command
      .add_option("--activations", activations,
                  "What products with Q8_0, Q6_K, Q4_0 and Q4_1 weights see of their input: int8 is faster, f32 exact")
      ->check(CLI::IsMember({"int8", "f32"}))
      ->capture_default_str();
  command
      .add_option("--screen-head", screen_head,
                  "Find the most probable tokens with a 6-bit copy of an F32, F16 or BF16 head, exactly: auto where it is large")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
  AddI2sLayoutFlag(command, &i2s_layout);
}

LoadOptions ModelFlags::ToLoadOptions() const {
  std::vector<int> cpus;
  // Checked when the flags were parsed.
  if (!cpu_mask.empty()) cpus = ParseCpuMask(cpu_mask).value();
  if (!cpu_range.empty()) {
    const std::vector<int> more = ParseCpuList(cpu_range).value();
    cpus.insert(cpus.end(), more.begin(), more.end());
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return {.threads = threads,
          .cpus = std::move(cpus),
          .pin_threads = cpu_strict,
          .isa = std::string(EnvironmentVariable("STERNA_ISA")),
          .max_context = context,
          .dense_activations = activations == "int8" ? DenseActivations::kInt8 : DenseActivations::kFloat,
          .vocabulary_cache = VocabularyCacheFolder(),
          .i2s_layout = i2s_layout,
          .layout = std::string(EnvironmentVariable("STERNA_LAYOUT")),
          .machine_cache = MachineCacheFolder(),
          .self_test = !IsOff(EnvironmentVariable("STERNA_SELF_TEST")),
          .screen_head = screen_head == "auto" ? ScreenHead::kAuto
                         : screen_head == "on" ? ScreenHead::kOn
                                               : ScreenHead::kOff};
}

std::string VocabularyCacheFolder() {
  return CacheFolder("vocabularies", "STERNA_TOKENIZER_CACHE");
}

std::string MachineCacheFolder() {
  return CacheFolder("machine", "STERNA_MACHINE_CACHE");
}

bool Interrupted() {
  return g_interrupts > 0;
}

void InstallInterruptHandler() {
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
}

InterruptibleWait::InterruptibleWait() {
  g_waiting = 1;
  if (Interrupted()) _exit(kExitInterrupted);
}

InterruptibleWait::~InterruptibleWait() {
  g_waiting = 0;
}

void InstallMappedFileHandler() {
  struct sigaction action {};
  action.sa_handler = OnBusError;
  sigaction(SIGBUS, &action, nullptr);
}

Result<std::string> ReadStandardInput() {
  constexpr size_t kLimit = size_t{64} << 20;
  const InterruptibleWait wait;
  std::string text;
  std::array<char, 1 << 16> piece;
  while (true) {
    const ssize_t got = read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
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
