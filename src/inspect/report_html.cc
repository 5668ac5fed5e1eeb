#include <fmt/format.h>

#include "inspect/escape.h"
#include "inspect/report.h"

namespace sterna {
namespace {

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sterna inspect</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem;color:#1c2330;background:#fff}
table{border-collapse:collapse;margin:.6rem 0 1.6rem}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600;border-bottom:1px solid #c8cfda}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{display:flex;width:9rem;height:.75rem;margin-top:.3rem}.bar i{display:block}.m{background:#2f6fb0}.z{background:#d5dae2}.p{background:#d98032}
.bad{color:#a3161c;font-weight:600}
@media(prefers-color-scheme:dark){body{color:#dfe5ee;background:#161a21}th{border-color:#3a4352}.z{background:#454e5d}.bad{color:#ff8a80}}
</style></head><body>
<h1>)";

std::string Cell(std::string_view text) {
  return fmt::format("<td>{}</td>", EscapeForHtml(text));
}
template <class T>
std::string NumberCell(T value) {
  return fmt::format("<td class=\"n\">{}</td>", value);
}
std::string BitsCell(const TensorGroup& group) {
  return fmt::format("<td class=\"n\">{:.3f}</td>", group.bits_per_weight());
}

/// Three stripes as wide as the shares of -1, 0 and +1.
std::string SharesCell(const TernaryStatistics& statistics) {
  const auto all = static_cast<double>(statistics.negative + statistics.zero + statistics.positive);
  if (all == 0) return "<td></td>";
  const auto stripe = [all](std::string_view name, int64_t count) {
    return fmt::format("<i class=\"{}\" style=\"width:{:.2f}%\"></i>", name, 100.0 * static_cast<double>(count) / all);
  };
  return fmt::format("<td>{}<div class=\"bar\">{}{}{}</div></td>", ShowShares(statistics), stripe("m", statistics.negative),
                     stripe("z", statistics.zero), stripe("p", statistics.positive));
}

void AddSummary(const InspectReport& report, std::string* out) {
  const auto row = [&](std::string_view label, std::string_view value) {
    *out += fmt::format("<tr><th>{}</th>{}</tr>\n", label, Cell(value));
  };
  *out += "<table>\n";
  row("path", report.path);
  row("format", report.format);
  if (report.config) {
    const ModelConfig& config = *report.config;
    row("architecture",
        fmt::format("{}: {} layers, width {}, feed-forward {}, heads {} ({} key-value) of {}, vocabulary {}, context {}",
                    config.architecture, config.layers, config.d_model, config.d_ff, config.heads, config.kv_heads, config.head_dim,
                    config.vocab, config.context));
  } else {
    row("architecture", "not runnable: " + report.config_problem);
  }
  row("tokenizer", report.tokenizer);
  row("chat template", report.chat_template.empty() ? "none" : report.chat_template);
  for (const std::string& warning : report.warnings) row("warning", warning);
  row("weights", fmt::format("{} in {} tensors, {} bytes, {:.3f} bits per weight", report.parameters, report.tensors.size(),
                             report.bytes, report.bits_per_weight));
  if (report.scan) {
    const WeightScan& scan = *report.scan;
    row("NaN, infinite", fmt::format("{}, {}", scan.nan, scan.infinite));
    if (scan.ternary_tensors > 0) {
      row("ternary matrices", fmt::format("{}{}; {} of {} rows dead; scales {}", scan.ternary_tensors,
                                          scan.ternary.is_master ? ", from full-precision masters" : "", scan.ternary.dead_rows,
                                          scan.ternary.rows, ShowScales(scan.ternary.scales)));
      *out += "<tr><th>-1, 0, +1 (%)</th>" + SharesCell(scan.ternary) + "</tr>\n";
    }
  }
  *out += "</table>\n";
}

void AddGroups(const InspectReport& report, std::string* out) {
  *out +=
      "<h2>Where the bytes are</h2>\n<table><tr><th>part</th><th class=\"n\">tensors</th><th class=\"n\">weights</th>"
      "<th class=\"n\">bytes</th><th class=\"n\">bits per weight</th></tr>\n";
  const auto row = [&](std::string_view name, const TensorGroup& group) {
    *out += "<tr>" + Cell(name) + NumberCell(group.tensors) + NumberCell(group.elements) + NumberCell(group.bytes) +
            BitsCell(group) + "</tr>\n";
  };
  for (const TypeSummary& type : report.types) row(Name(type.dtype), type.group);
  for (const PartSummary& part : report.parts) row(TensorPartName(part.part), part.group);
  *out += "</table>\n";
}

std::string ScanCells(const TensorScan& scan) {
  std::string out;
  if (scan.ternary) {
    out += SharesCell(*scan.ternary) + NumberCell(scan.ternary->dead_rows) + Cell(ShowScales(scan.ternary->scales));
  } else {
    out += fmt::format("<td>{:.4g} to {:.4g}</td><td></td><td></td>", scan.min, scan.max);
  }
  if (scan.nan + scan.infinite > 0 || !scan.problem.empty()) {
    return out + fmt::format("<td class=\"bad\">{} NaN, {} infinite {}</td>", scan.nan, scan.infinite, EscapeForHtml(scan.problem));
  }
  return out + "<td></td>";
}

void AddTensors(const InspectReport& report, std::string* out) {
  *out += fmt::format("<h2>Tensors ({})</h2>\n<table><tr><th>name</th><th>type</th><th>shape</th><th class=\"n\">bytes</th>",
                      report.tensors.size());
  if (report.scan) *out += "<th>-1 / 0 / +1 (%), or range</th><th class=\"n\">dead rows</th><th>scales</th><th>defects</th>";
  *out += "</tr>\n";
  for (size_t i = 0; i < report.tensors.size(); ++i) {
    const TensorSummary& tensor = report.tensors[i];
    *out += "<tr>" + Cell(tensor.name) + Cell(Name(tensor.dtype)) + Cell(ToString(tensor.shape)) + NumberCell(tensor.bytes) +
            (report.scan ? ScanCells(report.scan->tensors[i]) : std::string()) + "</tr>\n";
  }
  *out += "</table>\n";
}

}  // namespace

std::string ToHtml(const InspectReport& report) {
  std::string out(kHead);
  out += EscapeForHtml(report.config && !report.config->name.empty() ? report.config->name : report.path) + "</h1>\n";
  AddSummary(report, &out);
  AddGroups(report, &out);
  AddTensors(report, &out);
  out += fmt::format("<h2>Metadata ({})</h2>\n<table><tr><th>key</th><th>type</th><th>value</th></tr>\n", report.metadata.size());
  for (const MetadataSummary& item : report.metadata) {
    const std::string type = item.count == 1 ? item.type : fmt::format("{} ({})", item.type, item.count);
    out += "<tr>" + Cell(item.key) + Cell(type) + Cell(item.value) + "</tr>\n";
  }
  return out + "</table>\n</body></html>\n";
}

}  // namespace sterna
