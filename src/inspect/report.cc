#include "inspect/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "api/loaded_model.h"
#include "api/model_path.h"
#include "formats/weight_source.h"
#include "inspect/escape.h"

namespace sterna {
namespace {

constexpr size_t kShownBytes = 60;
constexpr size_t kShownElements = 4;

template <class T>
std::string ShowScalar(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return fmt::format("\"{}\"", EscapeForTerminal(value, kShownBytes));
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

std::string DescribeTokenizer(const Tokenizer& tokenizer) {
  std::string text = tokenizer.description();
  const auto add = [&](std::string_view role, std::optional<TokenId> id) {
    if (id) text += fmt::format(", {} {} ({})", role, *id, tokenizer.TokenBytes(*id));
  };
  add("bos", tokenizer.bos());
  add("eos", tokenizer.eos());
  return text;
}

/// A tensor that holds only the factor of the matrix beside it.
bool IsScaleOfMatrix(const WeightSource& source, std::string_view name) {
  for (const std::string_view suffix : {".weight_scale", ".scale"}) {
    if (!name.ends_with(suffix)) continue;
    return source.Find(std::string(name.substr(0, name.size() - suffix.size())) + ".weight") != nullptr;
  }
  return false;
}

TensorPart PartOf(const TensorEntry& entry, bool is_scale) {
  constexpr std::array<std::string_view, 5> kTables = {"token_embd.weight", "output.weight", "embed_tokens.weight",
                                                       "lm_head.weight", "wte.weight"};
  const auto is_name = [&](std::string_view table) {
    return entry.name == table || entry.name.ends_with(std::string(".") + std::string(table));
  };
  if (entry.shape.size() >= 2 && std::ranges::any_of(kTables, is_name) && !entry.name.starts_with("blk."))
    return TensorPart::kEmbedding;
  return entry.shape.size() >= 2 || is_scale ? TensorPart::kProjection : TensorPart::kVector;
}

void Add(const TensorSummary& tensor, TensorGroup* group) {
  ++group->tensors;
  group->elements += tensor.elements;
  group->bytes += tensor.bytes;
}

void AddTensors(const WeightSource& source, InspectReport* report) {
  std::map<DType, TensorGroup> by_type;
  std::map<TensorPart, TensorGroup> by_part;
  TensorGroup all;
  for (const TensorEntry& entry : source.entries()) {
    const bool is_scale = IsScaleOfMatrix(source, entry.name);
    TensorSummary tensor{.name = entry.name,
                         .dtype = entry.dtype,
                         .shape = entry.shape,
                         .part = PartOf(entry, is_scale),
                         .elements = is_scale ? 0 : 1,
                         .bytes = static_cast<int64_t>(entry.data.size())};
    for (const int64_t dimension : entry.shape) tensor.elements *= dimension;
    // Hugging Face packs four ternary weights into each byte of a projection.
    constexpr int64_t kWeightsPerPackedByte = 4;
    if (entry.dtype == DType::kU8 && entry.shape.size() == 2) tensor.elements *= kWeightsPerPackedByte;
    Add(tensor, &by_type[entry.dtype]);
    Add(tensor, &by_part[tensor.part]);
    Add(tensor, &all);
    report->tensors.push_back(std::move(tensor));
  }
  for (const auto& [dtype, group] : by_type) report->types.push_back({dtype, group});
  std::ranges::sort(report->types, [](const TypeSummary& a, const TypeSummary& b) { return a.group.bytes > b.group.bytes; });
  for (const auto& [part, group] : by_part) report->parts.push_back({part, group});
  report->parameters = all.elements;
  report->bytes = all.bytes;
  report->bits_per_weight = all.bits_per_weight();
}

}  // namespace

double TensorGroup::bits_per_weight() const {
  return elements == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(elements);
}

std::string_view TensorPartName(TensorPart part) {
  switch (part) {
    case TensorPart::kEmbedding:
      return "embedding and head";
    case TensorPart::kProjection:
      return "projections";
    case TensorPart::kVector:
      return "norms and other vectors";
  }
  return "unknown";
}

Result<InspectReport> Inspect(const std::string& model, const InspectOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(model));
  InspectReport report;
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source,
                          OpenWeightsWithLayout(path, options.i2s_layout, &report.warnings));
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
  report.tokenizer = tokenizer.ok() ? DescribeTokenizer(**tokenizer) : fmt::format("none ({})", tokenizer.status().message());
  if (const auto found = FindChatTemplate(path); found.ok()) report.chat_template = found->origin;
  if (options.scan_weights) {
    STERNA_ASSIGN_OR_RETURN(report.scan, ScanWeights(*source, report.config ? &*report.config : nullptr, options.scan_progress));
  }
  return report;
}

}  // namespace sterna
