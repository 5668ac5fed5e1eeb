#include "inspect/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/loaded_model.h"
#include "api/model_path.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

constexpr size_t kShownBytes = 60;
constexpr size_t kShownElements = 4;

/// Whatever bytes a file calls itself by, on one line and without a say over the terminal; at most `limit` bytes, cut at a
/// character boundary.
std::string Escape(std::string_view text, size_t limit = std::string_view::npos) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (out.size() >= limit && (byte & 0xc0) != 0x80) return out + "…";
    if (byte < 0x20 || byte == 0x7f) {
      out += c == '\n' ? std::string("\\n") : fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

template <class T>
std::string ShowScalar(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return fmt::format("\"{}\"", Escape(value, kShownBytes));
  } else {
    return fmt::format("{}", value);
  }
}

std::string ShowArray(const MetaArray& array) {
  return std::visit(
      [](const auto& elements) {
        std::string out = "[";
        const auto show = [&](const auto& values) {
          for (size_t i = 0; i < std::min(values.size(), kShownElements); ++i) out += (i > 0 ? ", " : "") + ShowScalar(values[i]);
          if (values.size() > kShownElements) out += ", …";
        };
        if constexpr (std::is_same_v<std::decay_t<decltype(elements)>, BoolArray>) {
          show(elements.values);
        } else {
          show(elements);
        }
        return out + "]";
      },
      array);
}

std::string ShowValue(const MetaValue& value) {
  return std::visit(
      [](const auto& v) {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, MetaArray>) {
          return ShowArray(v);
        } else {
          return ShowScalar(v);
        }
      },
      value);
}

void AddTensors(const WeightSource& source, InspectReport* report) {
  std::map<DType, TypeSummary> by_type;
  for (const TensorEntry& entry : source.entries()) {
    int64_t elements = 1;
    for (const int64_t dimension : entry.shape) elements *= dimension;
    // Hugging Face packs four ternary weights into each byte of a projection.
    constexpr int64_t kWeightsPerPackedByte = 4;
    if (entry.dtype == DType::kU8 && entry.shape.size() == 2) elements *= kWeightsPerPackedByte;
    const auto bytes = static_cast<int64_t>(entry.data.size());
    report->tensors.push_back(
        {.name = entry.name, .dtype = entry.dtype, .shape = entry.shape, .elements = elements, .bytes = bytes});
    TypeSummary& type = by_type.try_emplace(entry.dtype, TypeSummary{.dtype = entry.dtype}).first->second;
    ++type.tensors;
    type.elements += elements;
    type.bytes += bytes;
    report->parameters += elements;
    report->bytes += bytes;
  }
  for (const auto& [dtype, summary] : by_type) report->types.push_back(summary);
  std::ranges::sort(report->types, [](const TypeSummary& a, const TypeSummary& b) { return a.bytes > b.bytes; });
  if (report->parameters > 0)
    report->bits_per_weight = 8.0 * static_cast<double>(report->bytes) / static_cast<double>(report->parameters);
}

}  // namespace

Result<InspectReport> Inspect(const std::string& model, const std::string& i2s_layout) {
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(model));
  InspectReport report;
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source,
                          OpenWeightsWithLayout(path, i2s_layout, &report.warnings));
  report.path = path;
  report.format = source->format();
  for (const Metadata::Item& item : source->metadata().items()) {
    report.metadata.push_back({.key = item.key,
                               .type = MetaTypeName(item.value),
                               .count = static_cast<int64_t>(MetaElementCount(item.value)),
                               .value = ShowValue(item.value)});
  }
  AddTensors(*source, &report);
  if (auto config = ReadModelConfig(source->format(), source->metadata()); config.ok()) {
    report.config = *std::move(config);
  } else {
    report.config_problem = config.status().message();
  }
  const auto tokenizer = LoadTokenizer(path);
  if (tokenizer.ok()) {
    const std::vector<std::string>& more = (*tokenizer)->warnings();
    report.warnings.insert(report.warnings.end(), more.begin(), more.end());
  }
  report.tokenizer = tokenizer.ok() ? (*tokenizer)->description() : fmt::format("none ({})", tokenizer.status().message());
  if (const auto found = FindChatTemplate(path); found.ok()) report.chat_template = found->origin;
  return report;
}

std::string ToText(const InspectReport& report) {
  std::string out;
  const auto line = [&](std::string_view label, const std::string& value) { out += fmt::format("{:<16}{}\n", label, value); };
  line("path", Escape(report.path));
  line("format", report.format);
  if (report.config) {
    const ModelConfig& config = *report.config;
    line("architecture",
         fmt::format("{}: {} layers, width {}, feed-forward {}, heads {} ({} key-value) of {}, vocabulary {}, context {}",
                     Escape(config.architecture), config.layers, config.d_model, config.d_ff, config.heads, config.kv_heads,
                     config.head_dim, config.vocab, config.context));
  } else {
    line("architecture", fmt::format("not runnable: {}", Escape(report.config_problem)));
  }
  line("tokenizer", Escape(report.tokenizer));
  line("chat template", report.chat_template.empty() ? "none" : report.chat_template);
  for (const std::string& warning : report.warnings) line("warning", Escape(warning));
  line("weights", fmt::format("{} in {} tensors, {} bytes, {:.3f} bits per weight", report.parameters, report.tensors.size(),
                              report.bytes, report.bits_per_weight));
  for (const TypeSummary& type : report.types) {
    line("",
         fmt::format("{:<6} {:>5} tensors {:>14} weights {:>14} bytes", Name(type.dtype), type.tensors, type.elements, type.bytes));
  }
  out += fmt::format("\nmetadata ({})\n", report.metadata.size());
  for (const MetadataSummary& item : report.metadata) {
    const std::string type = item.count == 1 ? item.type : fmt::format("{} ({})", item.type, item.count);
    out += fmt::format("  {:<48} {:<26} {}\n", Escape(item.key), type, item.value);
  }
  out += fmt::format("\ntensors ({})\n", report.tensors.size());
  for (const TensorSummary& tensor : report.tensors) {
    out += fmt::format("  {:<48} {:<6} {:<20} {}\n", Escape(tensor.name), Name(tensor.dtype), ToString(tensor.shape), tensor.bytes);
  }
  return out;
}

}  // namespace sterna
