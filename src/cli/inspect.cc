// `sterna inspect`: what a checkpoint holds.
#include "inspect/report.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "api/output_path.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/hub_output.h"

namespace sterna {
namespace {

using Json = nlohmann::ordered_json;

Json GroupJson(std::string_view key, std::string_view name, const TensorGroup& group) {
  return {{key, name},
          {"tensors", group.tensors},
          {"weights", group.elements},
          {"bytes", group.bytes},
          {"bits_per_weight", group.bits_per_weight()}};
}

Json ScalesJson(const std::optional<ScaleSpread>& scales) {
  if (!scales) return nullptr;
  return {{"min", scales->min}, {"median", scales->median}, {"max", scales->max}};
}

Json TernaryJson(const TernaryStatistics& statistics) {
  return {{"negative", statistics.negative},     {"zero", statistics.zero},
          {"positive", statistics.positive},     {"rows", statistics.rows},
          {"dead_rows", statistics.dead_rows},   {"scales", ScalesJson(statistics.scales)},
          {"from_masters", statistics.is_master}};
}

Json ScanJson(const TensorScan& scan) {
  Json out = {{"nan", scan.nan}, {"infinite", scan.infinite}};
  if (scan.ternary) {
    out["ternary"] = TernaryJson(*scan.ternary);
  } else {
    out["min"] = scan.min;
    out["max"] = scan.max;
  }
  if (!scan.problem.empty()) out["problem"] = scan.problem;
  return out;
}

Json ToJson(const InspectReport& report) {
  Json out = {{"path", report.path},
              {"format", report.format},
              {"parameters", report.parameters},
              {"bytes", report.bytes},
              {"bits_per_weight", report.bits_per_weight},
              {"tokenizer", report.tokenizer},
              {"has_chat_template", !report.chat_template.empty()},
              {"chat_template", report.chat_template}};
  if (report.config) {
    const ModelConfig& config = *report.config;
    out["model"] = {{"architecture", config.architecture},
                    {"layers", config.layers},
                    {"d_model", config.d_model},
                    {"d_ff", config.d_ff},
                    {"heads", config.heads},
                    {"kv_heads", config.kv_heads},
                    {"head_dim", config.head_dim},
                    {"vocab", config.vocab},
                    {"context", config.context},
                    {"rope_theta", config.rope_theta},
                    {"rms_epsilon", config.rms_epsilon}};
  } else {
    out["model"] = nullptr;
    out["model_problem"] = report.config_problem;
  }
  out["warnings"] = report.warnings;
  out["types"] = Json::array();
  for (const TypeSummary& type : report.types) {
    out["types"].push_back(GroupJson("type", Name(type.dtype), type.group));
  }
  out["parts"] = Json::array();
  for (const PartSummary& part : report.parts) out["parts"].push_back(GroupJson("part", TensorPartName(part.part), part.group));
  if (report.scan) {
    out["scan"] = {{"nan", report.scan->nan},
                   {"infinite", report.scan->infinite},
                   {"unreadable_tensors", report.scan->problems},
                   {"ternary_tensors", report.scan->ternary_tensors},
                   {"ternary", TernaryJson(report.scan->ternary)}};
  }
  out["metadata"] = Json::array();
  for (const MetadataSummary& item : report.metadata) {
    out["metadata"].push_back({{"key", item.key}, {"type", item.type}, {"count", item.count}, {"value", item.value}});
  }
  out["tensors"] = Json::array();
  for (size_t i = 0; i < report.tensors.size(); ++i) {
    const TensorSummary& tensor = report.tensors[i];
    out["tensors"].push_back({{"name", tensor.name},
                              {"type", Name(tensor.dtype)},
                              {"shape", tensor.shape},
                              {"weights", tensor.elements},
                              {"bytes", tensor.bytes}});
    if (report.scan) out["tensors"].back()["scan"] = ScanJson(report.scan->tensors[i]);
  }
  return out;
}

struct InspectFlags {
  std::string path, i2s_layout, html;
  bool json = false, scan = false, overwrite = false;
};

Status WritePage(const std::string& path, const std::string& page) {
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(path));
  STERNA_RETURN_IF_ERROR(file->Append(page));
  return file->Commit();
}

Status RunInspect(const InspectFlags& flags) {
  if (!flags.html.empty()) STERNA_RETURN_IF_ERROR(CheckOutputPath(flags.html, flags.overwrite));
  ProgressBar bar(StandardErrorIsTerminal());
  const auto progress = [&bar](int64_t done, int64_t total, std::string_view) {
    bar.Draw("reading weights", static_cast<uint64_t>(done), static_cast<uint64_t>(total));
    return !Interrupted();
  };
  const InspectOptions options{.i2s_layout = flags.i2s_layout, .scan_weights = flags.scan, .scan_progress = progress};
  STERNA_ASSIGN_OR_RETURN(const InspectReport report, Inspect(flags.path, options));
  bar.Clear();
  if (!flags.html.empty()) STERNA_RETURN_IF_ERROR(WritePage(flags.html, ToHtml(report)));
  if (flags.json) return WriteOutput(ToJson(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return flags.html.empty() ? WriteOutput(ToText(report)) : Status::Ok();
}

}  // namespace

void AddInspect(CLI::App& app, Action* action) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a checkpoint holds");
  command->add_option("FILE", flags->path, "GGUF file, safetensors file, or Hugging Face directory")->required();
  command->add_flag("--scan,--stats", flags->scan, "Read all weights too: shares of -1, 0 and +1, dead rows, scales, NaN");
  CLI::Option* html = command->add_option("--html", flags->html, "Write a page that shows the same into this file");
  command->add_flag("--overwrite", flags->overwrite, "Replace the file of --html")->needs(html);
  command->add_flag("--json", flags->json, "Print one JSON object");
  AddI2sLayoutFlag(*command, &flags->i2s_layout);
  command->callback([flags, action] { *action = [flags] { return RunInspect(*flags); }; });
}

}  // namespace sterna
