#include "cli/show_fit.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/memory_plan.h"
#include "cli/hub_output.h"
#include "cli/json_lines.h"

namespace sterna {
namespace {

std::string Size(int64_t bytes) {
  return HumanBytes(static_cast<uint64_t>(bytes));
}

std::string ToText(const MemoryPlan& plan) {
  std::string out;
  const auto line = [&](std::string_view label, const std::string& value) { out += fmt::format("{:<12}  {}\n", label, value); };
  line("model",
       fmt::format("{} ({}, {:.2f} billion weights)", plan.model, plan.architecture, static_cast<double>(plan.parameters) * 1e-9));
  line("weights", Size(plan.weight_bytes) +
                      (plan.mapped_bytes > 0 ? fmt::format(", and a table of {} that stays in its file", Size(plan.mapped_bytes))
                                             : std::string()));
  line("activations", Size(plan.activation_bytes));
  line("program", Size(plan.other_bytes) + " as an allowance");
  line("available", plan.available ? fmt::format("{} ({})", Size(plan.available->bytes), plan.available->limited_by) : "unknown");
  out += fmt::format("\n{:>8} {:>12} {:>12} {:>12}  {}\n", "context", "KV cache", "rope tables", "total", "fits");
  for (const MemoryPlanRow& row : plan.rows) {
    out += fmt::format("{:>8} {:>12} {:>12} {:>12}  {}\n", row.context, Size(row.kv_bytes), Size(row.rope_bytes),
                       Size(row.total_bytes), row.fits ? "yes" : "no");
  }
  if (plan.longest_context == 0) return out + "no context fits\n";
  return out + fmt::format("longest context that fits: {} (the model's own: {})\n", plan.longest_context, plan.model_context);
}

nlohmann::ordered_json ToJson(const MemoryPlan& plan) {
  nlohmann::ordered_json out = {{"model", plan.model},
                                {"architecture", plan.architecture},
                                {"parameters", plan.parameters},
                                {"model_context", plan.model_context},
                                {"weight_bytes", plan.weight_bytes},
                                {"mapped_bytes", plan.mapped_bytes},
                                {"activation_bytes", plan.activation_bytes},
                                {"other_bytes", plan.other_bytes},
                                {"available_bytes", nullptr},
                                {"limited_by", nullptr},
                                {"longest_context", plan.longest_context},
                                {"contexts", nlohmann::ordered_json::array()}};
  if (plan.available) {
    out["available_bytes"] = plan.available->bytes;
    out["limited_by"] = plan.available->limited_by;
  }
  for (const MemoryPlanRow& row : plan.rows) {
    out["contexts"].push_back({{"context", row.context},
                               {"kv_bytes", row.kv_bytes},
                               {"rope_bytes", row.rope_bytes},
                               {"total_bytes", row.total_bytes},
                               {"fits", row.fits}});
  }
  return out;
}

}  // namespace

void FitFlags::AddTo(CLI::App& command, CLI::Option* model_option, CLI::Option* fit) {
  command.add_option("--shape", shape, "With --fit, in place of MODEL: a named shape (`sterna bench --list-shapes`)")
      ->excludes(model_option);
  command
      .add_option("--head", head,
                  "Type of the embedding and output head, with --shape; Q6_K, or Q8_0 where the width is no multiple of 256")
      ->check(CLI::IsMember({"F16", "BF16", "F32", "Q8_0", "Q6_K", "Q4_0", "Q4_1"}, CLI::ignore_case));
  const size_t before = command.get_options().size();
  model_flags.AddTo(command);
  const std::vector<CLI::Option*> options = command.get_options();
  for (size_t i = before; i < options.size(); ++i) options[i]->needs(fit);
}

Status RunFit(const FitFlags& flags) {
  LoadOptions options = flags.model_flags.ToLoadOptions();
  options.needs_text = false;
  Result<MemoryPlan> plan =
      flags.shape.empty() ? PlanMemory(flags.model, options) : PlanShapeMemory(flags.shape, flags.head, options);
  if (!plan.ok()) return plan.status();
  STERNA_RETURN_IF_ERROR(WriteOutput(flags.json ? DumpJsonLine(ToJson(*plan)) + "\n" : ToText(*plan)));
  return plan->CheckAnyFits();
}

}  // namespace sterna
