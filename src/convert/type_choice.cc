#include "convert/type_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sterna {
namespace {

constexpr std::array kWritable = {DType::kI2_S,   DType::kTQ1_0,  DType::kTQ2_0,     DType::kQ2_0, DType::kPQ2_0, DType::kPTQ1_0,
                                  DType::kIQ1_BN, DType::kIQ2_BN, DType::kIQ2_BN_R4, DType::kTL1,  DType::kTL2,   DType::kQ1_0,
                                  DType::kF32,    DType::kF16,    DType::kBF16,      DType::kQ8_0, DType::kQ6_K,  DType::kQ5_K,
                                  DType::kQ4_K,   DType::kQ3_K,   DType::kQ2_K,      DType::kQ5_0, DType::kQ5_1,  DType::kQ4_0,
                                  DType::kQ4_1,   DType::kIQ4_NL};

}  // namespace

std::string WritableTypeNames() {
  std::string names;
  for (const DType dtype : kWritable) names += fmt::format("{}{}", names.empty() ? "" : ", ", Name(dtype));
  return names;
}

Result<DType> WritableTypeFromName(std::string_view name) {
  const std::optional<DType> dtype = DTypeFromName(name);
  if (dtype && std::ranges::find(kWritable, *dtype) != kWritable.end()) return *dtype;
  return InvalidArgument(fmt::format("'{}' is no type that can be written; those are {}", name, WritableTypeNames()));
}

Result<TensorTypeRule> ParseTensorTypeRule(std::string_view text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) {
    return InvalidArgument(fmt::format("'{}': expected REGEX=TYPE, as in ffn_down=Q8_0", text));
  }
  TensorTypeRule rule{.pattern = std::string(text.substr(0, equals)), .regex = nullptr, .dtype = DType::kF32};
  STERNA_ASSIGN_OR_RETURN(rule.dtype, WritableTypeFromName(text.substr(equals + 1)));
  STERNA_ASSIGN_OR_RETURN(rule.regex, Regex::Compile(rule.pattern).WithContext(fmt::format("'{}'", text)));
  return rule;
}

Result<std::optional<DType>> TypeByRule(const TypeChoice& choice, const std::string& name, std::vector<bool>* used) {
  std::vector<Span> spans;
  for (size_t i = 0; i < choice.rules.size(); ++i) {
    spans.clear();
    STERNA_RETURN_IF_ERROR(choice.rules[i].regex->Tile(name, &spans).WithContext(fmt::format("'{}'", choice.rules[i].pattern)));
    if (std::ranges::none_of(spans, &Span::is_match)) continue;
    (*used)[i] = true;
    return std::optional<DType>(choice.rules[i].dtype);
  }
  return std::optional<DType>();
}

}  // namespace sterna
