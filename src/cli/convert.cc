// `sterna convert`: any readable checkpoint to GGUF or to a Hugging Face directory.
#include "api/convert.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace sterna {
namespace {

struct ConvertFlags {
  ConvertRequest request;
  std::string target = "gguf", split_max_size;
  bool json = false;
};

/// "500M" or "2G", in powers of 1000 as llama.cpp's gguf-split counts them; a bare number is bytes. Nothing where it is none.
std::optional<uint64_t> ParseSize(std::string_view text) {
  uint64_t factor = 1;
  if (text.ends_with('M')) factor = 1'000'000;
  if (text.ends_with('G')) factor = 1'000'000'000;
  if (factor > 1) text.remove_suffix(1);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr uint64_t kMost = 1'000'000'000;
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || (factor > 1 && value > kMost)) return std::nullopt;
  return value * factor;
}

std::string TableOfPlan(const ConvertReport& report) {
  std::string out;
  for (const TensorSpec& tensor : report.plan)
    out += fmt::format("{:<48} {:<9} {}\n", tensor.name, Name(tensor.dtype), ToString(tensor.shape));
  return out + fmt::format("{} tensors, {} bytes; nothing was written\n", report.tensors, report.bytes);
}

/// Largest and mean differences by type, of the types that changed anything.
std::string TableOfDistortion(const ConvertReport& report) {
  struct Row {
    int64_t tensors = 0;
    double max_error = 0, worst_rms = 0;
    std::string worst;
  };
  std::map<std::string_view, Row> rows;
  for (const TensorComparison& comparison : report.comparisons) {
    if (comparison.max_error == 0) continue;
    Row& row = rows[Name(comparison.dtype)];
    ++row.tensors;
    row.max_error = std::max(row.max_error, comparison.max_error);
    if (comparison.rms_relative_error < row.worst_rms) continue;
    row.worst_rms = comparison.rms_relative_error;
    row.worst = comparison.name;
  }
  if (rows.empty()) return {};
  std::string out = fmt::format("{:<9} {:>7} {:>12} {:>12}  {}\n", "type", "changed", "max error", "rms relative", "worst tensor");
  for (const auto& [type, row] : rows) {
    out += fmt::format("{:<9} {:>7} {:>12.3e} {:>12.3e}  {}\n", type, row.tensors, row.max_error, row.worst_rms, row.worst);
  }
  return out;
}

nlohmann::ordered_json ToJson(const ConvertFlags& flags, const ConvertResult& result) {
  using Json = nlohmann::ordered_json;
  const ConvertReport& report = result.report;
  Json out = {{"output", flags.request.output},
              {"files", report.files},
              {"tensors", report.tensors},
              {"bytes", report.bytes},
              {"max_scale_error", report.max_scale_error},
              {"verified", flags.request.verify && !flags.request.dry_run},
              {"dry_run", flags.request.dry_run},
              {"warnings", result.warnings},
              {"plan", Json::array()},
              {"comparisons", Json::array()}};
  for (const TensorSpec& tensor : report.plan) {
    out["plan"].push_back({{"name", tensor.name}, {"type", Name(tensor.dtype)}, {"shape", tensor.shape}});
  }
  for (const TensorComparison& comparison : report.comparisons) {
    out["comparisons"].push_back({{"name", comparison.name},
                                  {"type", Name(comparison.dtype)},
                                  {"ternary", comparison.is_ternary},
                                  {"scale_error", comparison.scale_error},
                                  {"max_error", comparison.max_error},
                                  {"rms_relative_error", comparison.rms_relative_error}});
  }
  return out;
}

std::string Summary(const ConvertFlags& flags, const ConvertReport& report) {
  if (flags.request.dry_run) return TableOfPlan(report);
  std::string check = "not verified";
  if (flags.request.verify && report.comparisons.empty()) check = "read back and compared: the same bytes";
  if (flags.request.verify && !report.comparisons.empty()) {
    check =
        fmt::format("read back and compared: ternary values equal, largest relative scale error {:.1e}", report.max_scale_error);
  }
  const std::string files = report.files.size() == 1 ? "" : fmt::format(" in {} files", report.files.size());
  return fmt::format("{}: {} tensors, {} bytes{}; {}\n", flags.request.output, report.tensors, report.bytes, files, check) +
         TableOfDistortion(report);
}

Status RunConvert(ConvertFlags* flags) {
  const auto show = [](std::string_view verb) {
    return [verb](int64_t done, int64_t total, const std::string& name) {
      if (StandardErrorIsTerminal()) fmt::print(stderr, "\r\x1b[K{} [{}/{}] {}", verb, done + 1, total, name);
      return !Interrupted();
    };
  };
  flags->request.progress = show("writing");
  flags->request.verify_progress = show("comparing");
  const auto result = Convert(flags->request);
  if (StandardErrorIsTerminal()) fmt::print(stderr, "\r\x1b[K");
  if (!result.ok()) return result.status();
  for (const std::string& warning : result->warnings) PrintWarning(warning);
  if (!flags->json) return WriteOutput(Summary(*flags, result->report));
  return WriteOutput(ToJson(*flags, *result).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace

void AddConvert(CLI::App& app, Action* action) {
  auto flags = std::make_shared<ConvertFlags>();
  ConvertRequest& request = flags->request;
  CLI::App* command = app.add_subcommand("convert", "Convert a checkpoint to GGUF or safetensors");
  command->add_option("SRC", request.source, "Hugging Face directory, GGUF file (of a series: the first), PyTorch file")
      ->required();
  command->add_option("-o,--output", request.output, "GGUF file or directory to write")->required();
  command->add_option("--to", flags->target, "Format to write: gguf, or safetensors (a Hugging Face directory)")
      ->check(CLI::IsMember({"gguf", "safetensors"}))
      ->capture_default_str();
  command->add_option(
      "--type,--outtype", request.type,
      fmt::format("Type of the projections: {}; COPY: every tensor of a GGUF file as it is. To safetensors: PACKED, "
                  "F32, F16, BF16 (default: I2_S or PACKED for ternary models, the source's own for dense ones)",
                  WritableTypeNames()));
  command->add_option("--embedding-type,--token-embedding-type", request.embedding_type,
                      "Type of embedding and head (default: the source's own)");
  command->add_option("--head-type,--output-tensor-type", request.head_type, "Type of the head (default: as the embedding)");
  command
      ->add_option("--tensor-type", request.tensor_types,
                   "REGEX=TYPE for matrices whose name the expression finds; may be given several times, the first match decides")
      ->allow_extra_args(false);
  command
      ->add_option("--override-kv", request.overrides,
                   "KEY=TYPE:VALUE in the metadata, TYPE int, float, bool or str; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--split-max-size", flags->split_max_size,
                      "Cut the output into files of at most N bytes, NM or NG of tensors");
  command->add_option("--split-max-tensors", request.split.max_tensors, "Cut the output into files of at most N tensors")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 32));
  command->add_option("--base", request.base, "The model a LoRA adapter belongs to, where SRC is one");
  AddI2sLayoutFlag(*command, &request.i2s_layout);
  command->add_flag("--dry-run", request.dry_run, "Print what would be written, and write nothing");
  command->add_flag("-f,--force", request.overwrite, "Replace the output file where it exists");
  command->add_flag("--verify,!--no-verify", request.verify, "Read the file back and compare it with the source (default)");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, action] {
    flags->request.to_safetensors = flags->target == "safetensors";
    if (!flags->split_max_size.empty()) {
      const std::optional<uint64_t> size = ParseSize(flags->split_max_size);
      if (!size)
        FailUsage(fmt::format("--split-max-size: expected a number of bytes, N M or N G without a space, found '{}'",
                              flags->split_max_size));
      flags->request.split.max_bytes = *size;
    }
    if (const Status status = CheckConvertRequest(flags->request); !status.ok()) FailUsage(std::string(status.message()));
    *action = [flags] { return RunConvert(flags.get()); };
  });
}

}  // namespace sterna
