// `sterna inspect`: what a checkpoint holds.
#include "inspect/report.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace sterna {
namespace {

nlohmann::ordered_json ToJson(const InspectReport& report) {
  using Json = nlohmann::ordered_json;
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
    out["types"].push_back(
        {{"type", Name(type.dtype)}, {"tensors", type.tensors}, {"weights", type.elements}, {"bytes", type.bytes}});
  }
  out["metadata"] = Json::array();
  for (const MetadataSummary& item : report.metadata) {
    out["metadata"].push_back({{"key", item.key}, {"type", item.type}, {"count", item.count}, {"value", item.value}});
  }
  out["tensors"] = Json::array();
  for (const TensorSummary& tensor : report.tensors) {
    out["tensors"].push_back({{"name", tensor.name},
                              {"type", Name(tensor.dtype)},
                              {"shape", tensor.shape},
                              {"weights", tensor.elements},
                              {"bytes", tensor.bytes}});
  }
  return out;
}

Status RunInspect(const std::string& path, const std::string& i2s_layout, bool json) {
  STERNA_ASSIGN_OR_RETURN(const InspectReport report, Inspect(path, i2s_layout));
  if (!json) return WriteOutput(ToText(report));
  return WriteOutput(ToJson(report).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace

void AddInspect(CLI::App& app, Action* action) {
  struct Flags {
    std::string path, i2s_layout;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a checkpoint holds");
  command->add_option("FILE", flags->path, "GGUF file, safetensors file, or Hugging Face directory")->required();
  command->add_flag("--json", flags->json, "Print one JSON object");
  AddI2sLayoutFlag(*command, &flags->i2s_layout);
  command->callback([flags, action] { *action = [flags] { return RunInspect(flags->path, flags->i2s_layout, flags->json); }; });
}

}  // namespace sterna
