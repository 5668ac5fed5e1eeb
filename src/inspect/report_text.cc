#include <fmt/format.h>

#include "inspect/escape.h"
#include "inspect/report.h"

namespace sterna {
namespace {

void AddScan(const InspectReport& report, std::string* out) {
  const WeightScan& scan = *report.scan;
  const auto line = [&](std::string_view label, const std::string& value) { *out += fmt::format("{:<16}{}\n", label, value); };
  if (scan.ternary_tensors > 0) {
    line("ternary", fmt::format("{} matrices{}: {} % of -1, 0, +1; {} of {} rows dead; scales {}", scan.ternary_tensors,
                                scan.ternary.is_master ? " (from full-precision masters)" : "", ShowShares(scan.ternary),
                                scan.ternary.dead_rows, scan.ternary.rows, ShowScales(scan.ternary.scales)));
  }
  line("numbers", fmt::format("{} NaN, {} infinite{}", scan.nan, scan.infinite,
                              scan.problems > 0 ? fmt::format(", {} tensors that cannot be read", scan.problems) : ""));
}

/// What the scan found of one tensor.
std::string ShowScanned(const TensorScan& scan) {
  std::string text;
  if (scan.ternary) {
    text = fmt::format("{} %, {} dead rows, scales {}{}", ShowShares(*scan.ternary), scan.ternary->dead_rows,
                       ShowScales(scan.ternary->scales), scan.ternary->is_master ? ", masters" : "");
  } else if (scan.min != scan.max || scan.min != 0) {
    text = fmt::format("{:.4g} to {:.4g}", scan.min, scan.max);
  }
  if (scan.nan + scan.infinite > 0) text += fmt::format("  {} NaN, {} infinite", scan.nan, scan.infinite);
  if (!scan.problem.empty()) text += "  " + EscapeForTerminal(scan.problem);
  return text;
}

}  // namespace

std::string ShowShares(const TernaryStatistics& statistics) {
  const auto all = static_cast<double>(statistics.negative + statistics.zero + statistics.positive);
  if (all == 0) return {};
  const auto share = [all](int64_t count) { return 100.0 * static_cast<double>(count) / all; };
  return fmt::format("{:.1f} / {:.1f} / {:.1f}", share(statistics.negative), share(statistics.zero), share(statistics.positive));
}

std::string ShowScales(const std::optional<ScaleSpread>& scales) {
  if (!scales) return "none";
  if (scales->min == scales->max) return fmt::format("{:.4g}", scales->min);
  return fmt::format("{:.4g} / {:.4g} / {:.4g}", scales->min, scales->median, scales->max);
}

std::string ToText(const InspectReport& report) {
  std::string out;
  const auto line = [&](std::string_view label, const std::string& value) { out += fmt::format("{:<16}{}\n", label, value); };
  line("path", EscapeForTerminal(report.path));
  line("format", report.format);
  if (report.config) {
    const ModelConfig& config = *report.config;
    line("architecture",
         fmt::format("{}: {} layers, width {}, feed-forward {}, heads {} ({} key-value) of {}, vocabulary {}, context {}",
                     EscapeForTerminal(config.architecture), config.layers, config.d_model, config.d_ff, config.heads,
                     config.kv_heads, config.head_dim, config.vocab, config.context));
  } else {
    line("architecture", fmt::format("not runnable: {}", EscapeForTerminal(report.config_problem)));
  }
  line("tokenizer", EscapeForTerminal(report.tokenizer));
  line("chat template", report.chat_template.empty() ? "none" : EscapeForTerminal(report.chat_template));
  for (const std::string& warning : report.warnings) line("warning", EscapeForTerminal(warning));
  line("weights", fmt::format("{} in {} tensors, {} bytes, {:.3f} bits per weight", report.parameters, report.tensors.size(),
                              report.bytes, report.bits_per_weight));
  const auto group_line = [&](std::string_view name, int width, const TensorGroup& group) {
    line("", fmt::format("{:<{}} {:>5} tensors {:>14} weights {:>14} bytes {:>7.3f} bits per weight", name, width, group.tensors,
                         group.elements, group.bytes, group.bits_per_weight()));
  };
  for (const TypeSummary& type : report.types) group_line(Name(type.dtype), 6, type.group);
  constexpr int kPartWidth = 23;
  for (const PartSummary& part : report.parts) group_line(TensorPartName(part.part), kPartWidth, part.group);
  if (report.scan) AddScan(report, &out);
  out += fmt::format("\nmetadata ({})\n", report.metadata.size());
  for (const MetadataSummary& item : report.metadata) {
    const std::string type = item.count == 1 ? item.type : fmt::format("{} ({})", item.type, item.count);
    out += fmt::format("  {:<48} {:<26} {}\n", EscapeForTerminal(item.key), type, EscapeForTerminal(item.value));
  }
  out += fmt::format("\ntensors ({}){}\n", report.tensors.size(),
                     report.scan ? ": shares of -1, 0, +1 and scales (smallest, middle, largest), or the range of values" : "");
  for (size_t i = 0; i < report.tensors.size(); ++i) {
    const TensorSummary& tensor = report.tensors[i];
    out += fmt::format("  {:<48} {:<6} {:<20} {:>12}", EscapeForTerminal(tensor.name), Name(tensor.dtype), ToString(tensor.shape),
                       tensor.bytes);
    if (report.scan) out += "  " + ShowScanned(report.scan->tensors[i]);
    out += '\n';
  }
  return out;
}

}  // namespace sterna
