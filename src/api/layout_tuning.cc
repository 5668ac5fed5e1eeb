#include "api/layout_tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/cpu_features.h"
#include "base/cpu_topology.h"
#include "base/file.h"
#include "base/thread_pool.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

// The file: a line that names its form, one for what was measured on, then one per measurement: columns, layout, 10^9 weights a
// second. Only an exact match of the first two counts; anything else is measured again.
constexpr std::string_view kForm = "sterna ternary layouts 1";
constexpr size_t kMaxFileBytes = size_t{1} << 16;

std::string DescribeMachine(const CpuBackendOptions& options, int threads) {
  std::string refused;
  for (const RefusedKernel& wrong : options.refused) refused += fmt::format(", without {}", wrong.name);
  return fmt::format("{}, {}, threads {}{}", HostCpuName(), IsaName(options.isa), threads, refused);
}

/// FNV-1a: tells the files of several machines that share a home apart.
uint64_t Digest(std::string_view text) {
  uint64_t digest = 0xcbf29ce484222325;
  for (const char c : text) digest = (digest ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return digest;
}

/// Takes the text before the first `end` off *rest; all of it where there is none.
std::string_view TakeUntil(std::string_view* rest, char end) {
  const size_t at = std::min(rest->find(end), rest->size());
  const std::string_view taken = rest->substr(0, at);
  rest->remove_prefix(std::min(at + 1, rest->size()));
  return taken;
}

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<LayoutMeasurement> ParseMeasurement(std::string_view line) {
  const auto cols = ParseNumber<int64_t>(TakeUntil(&line, ' '));
  const auto layout = TernaryLayoutFromName(TakeUntil(&line, ' '));
  const auto rate = ParseNumber<double>(line);
  if (!cols || !layout || !rate || !std::isfinite(*rate) || *rate <= 0) return std::nullopt;
  if (std::find(kLayoutClassCols.begin(), kLayoutClassCols.end(), *cols) == kLayoutClassCols.end()) return std::nullopt;
  return LayoutMeasurement{*cols, *layout, *rate};
}

/// Empty where the file is missing or not exactly what WriteFile writes for this machine.
std::vector<LayoutMeasurement> ReadFile(const std::string& file, std::string_view machine) {
  const Result<std::string> text = ReadWholeFile(file, kMaxFileBytes);
  if (!text.ok()) return {};
  std::string_view rest = *text;
  if (TakeUntil(&rest, '\n') != kForm || TakeUntil(&rest, '\n') != machine) return {};
  std::vector<LayoutMeasurement> measurements;
  while (!rest.empty()) {
    const auto one = ParseMeasurement(TakeUntil(&rest, '\n'));
    if (!one) return {};
    measurements.push_back(*one);
  }
  return measurements;
}

Status WriteFile(const std::string& file, std::string_view machine, const std::vector<LayoutMeasurement>& measurements) {
  std::string text = fmt::format("{}\n{}\n", kForm, machine);
  for (const LayoutMeasurement& one : measurements) {
    text += fmt::format("{} {} {:.3f}\n", one.cols, LayoutInfo(one.layout).name, one.gweights_per_s);
  }
  std::error_code ignored;  // AtomicFile says what is wrong with the folder
  fs::create_directories(fs::path(file).parent_path(), ignored);
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> out, AtomicFile::Create(file));
  STERNA_RETURN_IF_ERROR(out->Append(text));
  return out->Commit();
}

}  // namespace

Result<LayoutTuning> TuneLayouts(const CpuBackendOptions& options, const std::string& folder, TuneMode mode) {
  STERNA_ASSIGN_OR_RETURN(const ThreadPoolOptions placed,
                          PlaceThreads({.threads = options.threads, .cpus = options.cpus, .is_pinned = false}));
  const std::string machine = DescribeMachine(options, placed.threads);
  LayoutTuning tuning;
  const KernelSet kernels(options.isa, options.refused);
  if (!HasLayoutChoice(kernels)) return tuning;
  if (!folder.empty()) tuning.file = fmt::format("{}/layouts-{:016x}", folder, Digest(machine));
  if (mode != TuneMode::kAlways && !tuning.file.empty()) tuning.measurements = ReadFile(tuning.file, machine);
  if (mode == TuneMode::kReadOnly || !tuning.measurements.empty()) return tuning;
  ThreadPool pool(placed.threads);
  STERNA_ASSIGN_OR_RETURN(tuning.measurements, MeasureLayouts(kernels, pool));
  if (!tuning.file.empty() && !WriteFile(tuning.file, machine, tuning.measurements).ok()) tuning.file.clear();
  return tuning;
}

}  // namespace sterna
